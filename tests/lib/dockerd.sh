# SPDX-License-Identifier: Apache-2.0
# A real dockerd as the reference, in the test's own network namespace and folders. Needs host.sh.
#
#   dockerd_start     of Debian, on $SOCK in place of an engine     dockerd_stop

DOCKERD_PID=
dockerd_start() {
    mkdir -p "$HOST/docker" "$(dirname "$SOCK")"
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- /usr/sbin/dockerd --data-root "$HOST/docker/data" \
        --exec-root "$HOST/docker/exec" --pidfile "$HOST/docker/pid" -H "unix://$SOCK" --ipv6=false \
        >"$HOST/docker/log" 2>&1 &
    DOCKERD_PID=$!
    for _ in $(seq 600); do
        curl -fs -o /dev/null --unix-socket "$SOCK" http://x/_ping && return 0
        kill -0 "$DOCKERD_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -5 "$HOST/docker/log" | sed 's/^/# /' >&2
    return 1
}
dockerd_stop() {
    [ -z "$DOCKERD_PID" ] || { kill "$DOCKERD_PID" 2>/dev/null; wait "$DOCKERD_PID" 2>/dev/null; }
    umount "$HOST"/docker/exec/netns/* "$HOST/docker/data" 2>/dev/null
    DOCKERD_PID=
}
