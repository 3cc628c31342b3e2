# Counts of what an engine could leave behind, one line each; two equal censuses mean clean.
# Needs host.sh's variables. Call it when the engine is idle.
own_cgroups() { # of this test's engine: others may run beside it
    local tag
    tag=$(printf '%s\n%s' "$HOST/data" "$HOST/exec" | sha256sum | cut -c1-6)
    find /sys/fs/cgroup/*/"berth-$tag" /sys/fs/cgroup/"berth-$tag" -mindepth 1 -type d 2>/dev/null
}
census() {
    local keeper
    keeper=$(keeper_pid)
    echo "processes $(pgrep -c -P "${keeper:-1}" 2>/dev/null || true)"
    echo "host-mounts $(wc -l </proc/self/mountinfo)"
    echo "engine-mounts $(wc -l <"/proc/$ENGINE_PID/mountinfo")"
    echo "keeper-mounts $(wc -l <"/proc/$keeper/mountinfo")"
    echo "links $(in_host ip -o link | grep -vc 'veth')"
    echo "containers-dirs $(find "$HOST/data/containers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    echo "trash $(find "$HOST/data/trash" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    echo "cgroups $(own_cgroups | wc -l)"
    echo "keeper-fds $(ls "/proc/$keeper/fd" | wc -l)"
    echo "engine-sockets-pipes $(find "/proc/$ENGINE_PID/fd" -lname 'socket:*' -o -lname 'pipe:*' | wc -l)"
    echo "engine-netns-fds $(find "/proc/$ENGINE_PID/fd" -lname 'net:*' 2>/dev/null | wc -l)"
    echo "exec-root $(find "$HOST/exec" | wc -l)"
}
# Prepared namespaces of the pool are no leak, but their number breathes: leave them out here and
# bound the veths instead.
census_stable() { census | grep -v -e engine-netns-fds -e engine-sockets; }
