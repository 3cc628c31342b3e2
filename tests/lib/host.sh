# A private host for one test: a network namespace, roots in a temporary directory, a registry
# on its loopback, an engine. Sourced by system tests, the quickstart and bench.
#
#   host_up              netns and folders          host_down   ends and removes everything
#   host_registry        registry on 127.0.0.1:5000 in the netns, with busybox and registry images
#                        (or those of HOST_IMAGES)
#   engine_start [ARGS]  berthd, waits for the socket     engine_stop   SIGTERM
#   in_host CMD…         runs CMD in the network namespace
#   expect_500 REGEX REASON   the engine will answer 500 where its log matches REGEX; any other 500 is
#                        a failure of the test, which `finish` or host_down counts
#
# Sets HOST (directory), SOCK, BERTH, DOCKER_HOST/BERTH_HOST for in_host's commands.

BERTH_SRC=${BERTH_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BERTH_BIN=${BERTH_BIN:-$BERTH_SRC/build/bin}
HOST= HOST_NS_PID= ENGINE_PID= REGISTRY_PID=

in_host() { nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$@"; }

host_up() {
    HOST=$(mktemp -d /tmp/berth-test.XXXXXX)
    unshare --net -- sleep infinity &
    HOST_NS_PID=$!
    until [ "$(readlink /proc/$HOST_NS_PID/ns/net)" != "$(readlink /proc/self/ns/net)" ] &&
        [ "$(cat /proc/$HOST_NS_PID/comm)" = sleep ]; do sleep 0.01; done
    in_host ip link set lo up
    SOCK=$HOST/exec/berth.sock
    export DOCKER_HOST=unix://$SOCK BERTH_HOST=unix://$SOCK
    BERTH=$BERTH_BIN/berth
}

# What could not be served is in the log with the method, the path and the sentence.
EXPECTED_500=() CHECKED_500=
expect_500() { EXPECTED_500+=("$1"); echo "# 500 is expected: $2 (/$1/)"; }
unexpected_500() {
    local regex
    grep -a 'msg="request failed"' "$HOST/engine.log" 2>/dev/null | if [ ${#EXPECTED_500[@]} = 0 ]; then cat; else
        regex=$(printf '|%s' "${EXPECTED_500[@]}")
        grep -avE -- "${regex#|}"
    fi
}
check_500() {
    [ -n "$HOST" ] && [ "$CHECKED_500" != "$HOST" ] && [ -e "$HOST/engine.log" ] && [ -n "${TAP_N:-}" ] || return 0
    CHECKED_500=$HOST
    same "no 500 that was not expected" "" "$(unexpected_500)"
}

# Images are made once per machine and kept beside the build.
IMAGES_VERSION=4
images_make() {
    IMAGES=${BERTH_IMAGES:-/tmp/berth-test-images}
    mkdir -p "$IMAGES"
    (
        flock 9
        if [ ! -e "$IMAGES/ready-$IMAGES_VERSION" ]; then
            python3 "$BERTH_SRC/tests/lib/images.py" "$IMAGES" && touch "$IMAGES/ready-$IMAGES_VERSION"
        fi
    ) 9>"$IMAGES/lock"
}

# The registry's files, too, are made once: the first to need them pushes the images and leaves a copy.
host_registry() {
    local store draft
    images_make
    store=$IMAGES/registry-$IMAGES_VERSION
    if [ -d "$store" ]; then
        cp -r --reflink=auto "$store" "$HOST/registry" && registry_start
        return
    fi
    mkdir -p "$HOST/registry"
    registry_start && registry_fill || return 1
    [ -z "${HOST_IMAGES:-}" ] || return 0
    draft=$(mktemp -d "$store.XXXXXX") && cp -r "$HOST/registry/." "$draft" &&
        mv -T "$draft" "$store" 2>/dev/null || rm -rf "$draft" # another was first
}
registry_start() {
    cat >"$HOST/registry.yml" <<CONF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $HOST/registry}}
http: {addr: "127.0.0.1:5000"}
CONF
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- docker-registry serve "$HOST/registry.yml" >"$HOST/registry.log" 2>&1 &
    REGISTRY_PID=$!
    for _ in $(seq 600); do
        in_host curl -fs -o /dev/null http://127.0.0.1:5000/v2/ && return
        kill -0 $REGISTRY_PID || return 1
        sleep 0.05
    done
    return 1
}
registry_fill() {
    local i
    for i in ${HOST_IMAGES:-busybox registry}; do
        in_host skopeo copy -q --insecure-policy --dest-tls-verify=false \
            "docker-archive:$IMAGES/$i.tar" "docker://127.0.0.1:5000/$i:latest" || return 1
    done
}

engine_start() {
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" --exec-root "$HOST/exec" \
        --pidfile "$HOST/engine.pid" "$@" >>"$HOST/engine.log" 2>&1 &
    ENGINE_PID=$!
    for _ in $(seq 1600); do
        curl -fs -o /dev/null --unix-socket "$SOCK" http://x/_ping && return 0
        kill -0 "$ENGINE_PID" 2>/dev/null || break
        sleep 0.025
    done
    echo "# the engine did not start:" >&2
    tail -5 "$HOST/engine.log" | sed 's/^/# /' >&2
    return 1
}

engine_stop() {
    [ -n "$ENGINE_PID" ] || return 0
    kill -TERM "$ENGINE_PID" 2>/dev/null
    wait "$ENGINE_PID" 2>/dev/null
    ENGINE_PID=
}

engine_kill() { # SIGKILL, and wait until it is gone
    kill -KILL "$ENGINE_PID" 2>/dev/null
    wait "$ENGINE_PID" 2>/dev/null
    ENGINE_PID=
}

# Runs and is no zombie (an orphan's reaper may be slow).
is_alive() { [ -n "$1" ] && grep -qs '^State:.[^ZX]' "/proc/$1/status"; }

keeper_pid() { cat "$HOST/exec/keeper.pid" 2>/dev/null; }

# Removes every container through the API, so that nothing outlives the test.
containers_clear() {
    local ids
    ids=$(curl -fs --unix-socket "$SOCK" 'http://x/containers/json?all=1' |
        python3 -c 'import json,sys; print(" ".join(c["Id"] for c in json.load(sys.stdin)))' 2>/dev/null)
    for id in $ids; do
        curl -fs -X DELETE --unix-socket "$SOCK" "http://x/containers/$id?force=1&v=1" >/dev/null
    done
}

# The cgroups of this host's engine, and of no other.
own_cgroup_trees() {
    local tag
    tag=$(printf '%s\n%s' "$HOST/data" "$HOST/exec" | sha256sum | cut -c1-6)
    find /sys/fs/cgroup/*/"berth-$tag" /sys/fs/cgroup/"berth-$tag" -maxdepth 0 -type d 2>/dev/null
}

# Ends what an engine and a keeper that were killed left running, frozen or not, and its folders.
cgroups_end() {
    local tree i
    for i in $(seq 200); do
        [ -n "$(own_cgroup_trees)" ] || return 0
        for tree in $(own_cgroup_trees); do
            [ ! -e "$tree/cgroup.kill" ] || echo 1 >"$tree/cgroup.kill"
            find "$tree" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -KILL 2>/dev/null
            find "$tree" -name freezer.state -exec sh -c 'for f; do echo THAWED >"$f"; done' - {} + 2>/dev/null
            find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null
        done
        [ -z "$(own_cgroup_trees)" ] || sleep 0.02
    done
    echo "# cgroups are left: $(own_cgroup_trees | tr '\n' ' ')" >&2
}

# Servers and clients of a test that was ended half way.
netns_end() {
    local net pid
    net=$(readlink "/proc/$HOST_NS_PID/ns/net") || return 0
    [ "$net" != "$(readlink /proc/self/ns/net)" ] || return 0
    for pid in $(find /proc/[0-9]*/ns/net -maxdepth 0 -lname "net:?${net//[^0-9]/}?" 2>/dev/null | cut -d/ -f3); do
        kill -KILL "$pid" 2>/dev/null
    done
}

# As the trap of EXIT it also ends a test that was ended half way (TERM or INT: it has not come to
# its plan): then nothing is waited for, who sent that has little patience.
host_down() {
    local was_cut=0 keeper pid
    [ -n "$HOST" ] || return 0
    [ -z "${TAP_N:-}" ] || [ -n "$TAP_FINISHED" ] || was_cut=1
    check_500
    keeper=$(keeper_pid)
    if [ -n "$ENGINE_PID" ] && [ $was_cut = 0 ] && is_alive "$ENGINE_PID"; then
        containers_clear
        engine_stop
        for _ in $(seq 200); do is_alive "$keeper" || break; sleep 0.05; done # by itself, with nothing to hold
    fi
    for pid in "$ENGINE_PID" "$keeper"; do [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; done
    [ -z "$ENGINE_PID" ] || wait "$ENGINE_PID" 2>/dev/null
    cgroups_end
    [ -z "$REGISTRY_PID" ] || { kill "$REGISTRY_PID" 2>/dev/null; wait "$REGISTRY_PID" 2>/dev/null; }
    [ -z "$HOST_NS_PID" ] || { netns_end; wait "$HOST_NS_PID" 2>/dev/null; }
    rm -rf "$HOST"
    HOST= HOST_NS_PID= ENGINE_PID= REGISTRY_PID=
}
