#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a world of its own, so that system tests can run side by side and none counts
# what another has made: mounts, network, processes, cgroups below one of its own, /tmp and /run.
# What is still there when the command ends, ends with it.    world.sh COMMAND…
#
# Shared remain the kernel's global limits, the disk and the CPUs; of /tmp, the made images, this
# tree and BERTH_BIN. WORLD_CPU=FILE gets the CPU time that all of it took, in ms.
#
# Three stages: the outer makes the cgroups and removes them, `enter` moves into them and leaves the
# namespaces, `inside` is process 1: it mounts, runs the command and reaps what is orphaned.
set -u
SELF=$(readlink -f "${BASH_SOURCE[0]}")
SRC=${SELF%/tests/lib/world.sh}
IMAGES=${BERTH_IMAGES:-/tmp/berth-test-images}

hierarchies() { # lines: type, options, mount point
    awk '{ for (i = 7; $i != "-"; i++); }
        $(i + 1) ~ /^cgroup2?$/ { print $(i + 1), $(i + 3), $5 }' /proc/self/mountinfo
}

# ---- the outer stage ----

cgroups_make() {
    local type options path knob
    while read -r type options path; do
        mkdir "$path/$NAME" || return 1
        if [ "$type" = cgroup2 ]; then
            for knob in $(cat "$path/cgroup.controllers"); do
                echo "+$knob" >"$path/cgroup.subtree_control"
            done 2>/dev/null
            mkdir "$path/$NAME/init"
        fi
        [ ! -e "$path/cpuset.cpus" ] || for knob in cpuset.cpus cpuset.mems; do # empty at first, in v1
            cat "$path/$knob" >"$path/$NAME/$knob"
        done
    done < <(hierarchies)
}
# A frozen process does not die, and process 1 waits for all.
thaw() { find "$@" -name freezer.state -exec sh -c 'for f; do echo THAWED >"$f"; done' - {} + 2>/dev/null; }
cpu_ms() {
    local path
    while read -r _ _ path; do
        [ ! -e "$path/$NAME/cpuacct.usage" ] || echo $(($(cat "$path/$NAME/cpuacct.usage") / 1000000))
    done < <(hierarchies) | grep . && return
    while read -r _ _ path; do
        awk '/^usage_usec/ { printf "%d\n", $2 / 1000 }' "$path/$NAME/cpu.stat" 2>/dev/null
    done < <(hierarchies)
}
cgroups_remove() {
    local path
    for _ in $(seq 100); do
        while read -r _ _ path; do
            find "$path/$NAME" -depth -type d -exec rmdir {} + 2>/dev/null
        done < <(hierarchies)
        [ -n "$(world_trees)" ] || return 0
        sleep 0.05
    done
    echo "# world.sh: not removed: $(world_trees | tr '\n' ' ')" >&2
}
world_trees() {
    local path
    while read -r _ _ path; do [ ! -d "$path/$NAME" ] || echo "$path/$NAME"; done < <(hierarchies)
}
cut_short() { # TERM: the command has some seconds for its own end
    trap '' TERM INT HUP
    kill -TERM "$CHILD" 2>/dev/null
    for _ in $(seq 80); do kill -0 "$CHILD" 2>/dev/null || break; sleep 0.1; done
    thaw $(world_trees)
    kill -KILL "$CHILD" 2>/dev/null
    wait "$CHILD" 2>/dev/null
    clean
    exit 143
}
clean() {
    [ -z "${WORLD_CPU:-}" ] || cpu_ms >"$WORLD_CPU"
    cgroups_remove
    rm -rf "$DIR"
}

outer() {
    local status
    DIR=$(mktemp -d /tmp/berth-world.XXXXXX) NAME=${DIR##*/}
    mkdir -p "$IMAGES" && mkdir -m 1777 "$DIR/tmp" && cgroups_make || { clean; exit 1; }
    NAME=$NAME DIR=$DIR setpriv --pdeathsig KILL "$SELF" --enter "$@" &
    CHILD=$!
    trap cut_short TERM INT HUP
    wait "$CHILD"
    status=$?
    clean
    exit "$status"
}

# ---- on the way in ----

enter() {
    local type path
    while read -r type _ path; do echo $$ >"$path/$NAME/cgroup.procs" || exit 1; done < <(hierarchies)
    exec unshare --cgroup "$SELF" --leave "$@"
}
leave() { # v2: controllers are only for children of a cgroup that holds no process itself
    local type path
    while read -r type _ path; do
        [ "$type" != cgroup2 ] || echo $$ >"$path/$NAME/init/cgroup.procs" || exit 1
    done < <(hierarchies)
    exec unshare --mount --propagation private --net --ipc --pid --fork --kill-child --mount-proc \
        "$SELF" --inside "$@"
}

# ---- inside ----

mounts_make() {
    local type options path keep
    hierarchies >"$DIR/hierarchies" # the table changes under the loop
    while read -r type options path; do
        options=$(tr ',' '\n' <<<"$options" | grep -vE '^(rw|ro|nsdelegate|memory_recursiveprot)$' | paste -sd,)
        case $options in name=*) options=none,$options ;; esac
        umount "$path" && mount -t "$type" ${options:+-o "$options"} "$type" "$path" || return 1
    done <"$DIR/hierarchies"
    mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock || return 1
    for keep in "$IMAGES" "$SRC" "${BERTH_BIN:-$SRC}"; do
        case $keep in
        /tmp/*) mkdir -p "$DIR/tmp/${keep#/tmp/}" && mount --bind "$keep" "$DIR/tmp/${keep#/tmp/}" || return 1 ;;
        esac
    done
    mount --rbind "$DIR/tmp" /tmp
}

inside() {
    local status
    mounts_make && ip link set lo up || exit 1
    cd . # /tmp may be below it
    "$@" &
    trap 'kill -TERM $! 2>/dev/null' TERM INT HUP
    wait $!
    status=$?
    while [ $status -gt 128 ] && kill -0 $! 2>/dev/null; do wait $!; status=$?; done # a trap ended the wait
    thaw /sys/fs/cgroup
    exit $status
}

case ${1:-} in
--enter | --leave | --inside) stage=${1#--}; shift; "$stage" "$@" ;;
-* | '') echo "usage: world.sh COMMAND…" >&2; exit 2 ;;
*) outer "$@" ;;
esac
