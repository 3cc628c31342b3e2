# Counts of what an engine could leave behind, one line each; two equal censuses mean clean.
# Needs host.sh's variables. Call it when the engine is idle.
own_cgroups() {
    own_cgroup_trees | while read -r tree; do find "$tree" -mindepth 1 -type d; done
}
# The tables of the host's engine, an element a line and sorted: an engine reads its networks in any
# order, and the kernel lists a set as it likes. Ports of bridges have names of chance, and what was
# dropped (a container's last neighbour solicitation, when its address is gone) is counted for good.
own_rules() {
    in_host nft list ruleset 2>/dev/null |
        awk '/^table [a-z0-9]+ berth_/ { own = 1 } own { print } /^}/ { own = 0 }' |
        sed -E 's/^[[:space:]]+//; s/elements = \{ /elements\n/; s/ \}$//; s/, /\n/g; s/,$//
            s/"v[0-9a-f]{6}-[0-9a-f]{7}"/"v"/; s/counter packets [0-9]+ bytes [0-9]+/counter/' | sort
}
# What is still there when an engine without containers and its keeper have ended: nothing should.
census_of_nothing() {
    own_cgroup_trees
    in_host ip -o link | grep -v ' lo: '
    in_host nft list tables
    find "$HOST/exec/spool" -type f 2>/dev/null
    find "$HOST/data/containers" "$HOST/data/trash" "$HOST/data/volumes" -mindepth 1 -maxdepth 1 2>/dev/null
    pgrep -af "$HOST/"'(data|exec)' | grep -v pgrep
}
census() {
    local keeper
    keeper=$(keeper_pid)
    echo "processes $(pgrep -c -P "${keeper:-1}" 2>/dev/null || true)"
    echo "host-mounts $(wc -l </proc/self/mountinfo)"
    echo "engine-mounts $(wc -l <"/proc/$ENGINE_PID/mountinfo")"
    echo "keeper-mounts $(wc -l <"/proc/$keeper/mountinfo")"
    echo "veths $(in_host ip -o link show type veth | wc -l)"
    echo "links $(in_host ip -o -d link | grep -vcw veth)"
    echo "containers-dirs $(find "$HOST/data/containers" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    echo "volumes $(find "$HOST/data/volumes" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    own_rules | sed 's/^[[:space:]]*/nft: /'
    echo "trash $(find "$HOST/data/trash" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    echo "cgroups $(own_cgroups | wc -l)"
    echo "keeper-fds $(ls "/proc/$keeper/fd" | wc -l)"
    echo "engine-sockets-pipes $(find "/proc/$ENGINE_PID/fd" -lname 'socket:*' -o -lname 'pipe:*' | wc -l)"
    echo "engine-netns-fds $(find "/proc/$ENGINE_PID/fd" -lname 'net:*' 2>/dev/null | wc -l)"
    echo "exec-root $(find "$HOST/exec" | wc -l)"
}
# Prepared namespaces of the pool are no leak, but their number breathes: leave them out here and
# bound the veths instead.
census_stable() { census | grep -v -e veths -e engine-netns-fds -e engine-sockets; }
