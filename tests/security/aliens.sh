#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Children that containers make for the keeper (CLONE_PARENT in an exec), where no filter refuses it:
# they hold no neighbour, neither while they live nor as zombies, nor when the keeper is gone and
# they are the engine's; and they are reaped, or their pid namespace could not end.
. "$(dirname "$0")/kit.sh"
security_up probe

worst_ms() { # TIMES CMD…: of so many
    local i t0 t worst=0 times=$1; shift
    for i in $(seq "$times"); do
        t0=${EPOCHREALTIME/./}
        "$@" >/dev/null 2>&1
        t=$(((${EPOCHREALTIME/./} - t0) / 1000))
        [ "$t" -le "$worst" ] || worst=$t
    done
    echo "$worst"
}
below() { # NAME LIMIT-MS GOT; an emulated machine is several times as slow
    local limit=$(($2 * ${SLOWNESS:-1}))
    if [ "$3" -lt "$limit" ]; then ok "$1 ($3 ms)"; else not_ok "$1" "$3 ms, the limit is $limit"; fi
}
hostile() { # OPTIONS…: id
    in_host $D run -d --pids-limit 6000 --cpus 0.5 "$@" hostile:probe sleep 1000 8>&-
}
aliens() { in_host timeout 30 $D exec "$@" 2>&1; } # ID /aliens SLEEPERS FORKERS
zombies() { # children of the process
    awk -v parent="$1" '{ sub(/^.*\) /, "") } $1 == "Z" && $2 == parent { n++ } END { print n + 0 }' \
        /proc/[0-9]*/stat 2>/dev/null
}
ticks() { awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
gone() { [ "$(api GET "/containers/$1/json" | grep -c '"Running":true')" = 0 ]; }

refused() {
    local id how
    for how in "" "--cap-add SYS_PTRACE" "--pid host"; do
        id=$(hostile $how)
        same "the default filter refuses them ${how:+($how)}" refused "$(aliens "$id" /aliens 1 0)"
        in_host $D rm -f "$id" >/dev/null
    done
}

many() {
    local id keeper before t0 ended
    id=$(hostile --security-opt seccomp=unconfined)
    keeper=$(keeper_pid)
    same "aliens are made" made "$(aliens "$id" /aliens 4000 4)"
    [ "$(pgrep -c -P "$keeper")" -gt 4000 ] || not_ok "they are the keeper's children"
    below "a neighbour's run beside 4,000 aliens and 4 that fork" 2500 "$(worst_ms 4 run hostile:probe true)"
    below "the engine answers at once" 500 "$(worst_ms 10 api GET /_ping)"
    before=$(ticks "$keeper"); sleep 2
    below "the keeper takes little of a processor" 600 $((($(ticks "$keeper") - before) * 10))
    t0=${EPOCHREALTIME/./}
    in_host timeout 60 $D rm -f "$id" >/dev/null
    ended=$(((${EPOCHREALTIME/./} - t0) / 1000))
    below "the container is removed" 15000 "$ended"
    check "all of them are reaped" poll 5 eval '[ "$(pgrep -c -P $(keeper_pid))" = 0 ]'
}

# Nobody else's end tells the keeper to look: the first process of the dying namespace waits for it.
late() {
    local id
    id=$(hostile --security-opt seccomp=unconfined)
    same "aliens that sleep" made "$(aliens "$id" /aliens 50 0)"
    sleep 1.5 # what their maker's end has caused is over
    in_host timeout 20 $D kill "$id" >/dev/null
    check "their namespace ends" poll 3 gone "$id"
    in_host timeout 20 $D rm -f "$id" >/dev/null
}

# The engine is the next parent of them all.
orphaned() {
    local id keeper
    id=$(hostile --security-opt seccomp=unconfined)
    keeper=$(keeper_pid)
    same "aliens are made" made "$(aliens "$id" /aliens 3000 4)"
    kill -9 "$keeper"
    below "the keeper is gone: the engine answers" 1000 "$(worst_ms 20 api GET /_ping)"
    below "a neighbour's run" 3000 "$(worst_ms 3 run hostile:probe true)"
    in_host timeout 60 $D rm -f "$id" >/dev/null
    check "all of them are reaped" poll 10 eval '[ "$(zombies "$ENGINE_PID")" = 0 ]'
}

refused
many
late
orphaned
check "the engine lives" alive
untouched "aliens"
finish
