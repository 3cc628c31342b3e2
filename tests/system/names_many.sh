#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 500 containers on one bridge, each with a name; every one resolves its neighbours, before and
# after a SIGKILL of the engine, and reaches them.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
case $BERTH_BIN in *debug*) N=${NAMES:-120} ;; *) N=${NAMES:-500} ;; esac
qa_up
d network create --subnet 10.66.0.0/20 crowd >/dev/null
settled
keeper_fds() { ls "/proc/$(keeper_pid)/fd" | wc -l; }
free() { curl -s --unix-socket "$SOCK" http://x/debug/objects | jq '.networks[] | select(.name == "crowd") | .free_addresses'; }
fds=$(keeper_fds) addresses=$(free)

begun=${EPOCHREALTIME/./}
body='{"Image":"busybox","Cmd":["sleep","100000"],"HostConfig":{"NetworkMode":"crowd"}}'
make_some() { # FIRST STEP: by one connection, four of these at once
    local i urls=()
    for ((i = $1; i <= N; i += $2)); do
        urls+=(--next -s -o /dev/null --unix-socket "$SOCK" -H 'Content-Type: application/json' -d "$body" "http://x/containers/create?name=member$i"
            --next -s -o /dev/null --unix-socket "$SOCK" -X POST "http://x/containers/member$i/start")
    done
    curl "${urls[@]:1}"
}
for i in 1 2 3 4; do make_some $i 4 & MAKERS="${MAKERS:-} $!"; done
wait $MAKERS
for i in $(seq 400); do
    [ "$(curl -s --unix-socket "$SOCK" http://x/containers/json | jq length)" != "$N" ] || break
    sleep 0.1
done
echo "# $N containers in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
rows() {
    local ids
    ids=$(curl -s --unix-socket "$SOCK" http://x/containers/json | jq -r '.[].Id')
    for id in $ids; do curl -s --unix-socket "$SOCK" "http://x/containers/$id/json"; done |
        jq -r '"\(.State.Pid) \(.Name[1:]) \(.NetworkSettings.Networks.crowd.IPAddress)"'
}
rows >"$HOST/rows"
same "all run" "$N" "$(grep -c '^[1-9][0-9]* member[0-9]* 10\.66\.' "$HOST/rows")"
same "each has an address of its own" "$N" "$(cut -d' ' -f3 "$HOST/rows" | sort -u | wc -l)"
same "ports of the bridge" yes "$([ "$(in_host ip -o link show type veth | wc -l)" -ge "$N" ] && echo yes)"
expected="$((9 * N)) right, 0 wrong, of $N"
begun=${EPOCHREALTIME/./}
same "names of neighbours, their addresses" "$expected" "$(python3 names_many.py "$HOST/rows" 2>&1)"
echo "# $((9 * N)) questions in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
reach() { # the first reaches the last and the middle
    nsenter --net="/proc/$(sed -n 1p "$HOST/rows" | cut -d' ' -f1)/ns/net" -- ping -c1 -W3 -q "$(sed -n "$1p" "$HOST/rows" | cut -d' ' -f3)"
}
check "one reaches another" reach "$N"
check "and one in the middle" reach $((N / 2))

engine_kill
begun=${EPOCHREALTIME/./}
if engine_start; then ok "the engine comes back"; else not_ok "the engine comes back"; fi
echo "# after $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
same "names after it" "$expected" "$(python3 names_many.py "$HOST/rows" 2>&1)"
same "leases after it" $((addresses - N)) "$(free)"

begun=${EPOCHREALTIME/./}
containers_clear
echo "# removed in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
same "the leases are back" "$addresses" "$(free)"
check "the keeper holds nothing more" poll 10 eval '[ $(keeper_fds) -le '"$fds"' ]'
check "the links go" poll 30 eval '[ $(in_host ip -o link show type veth | wc -l) -le 128 ]'
check "the network too" poll 5 d network rm crowd
engine_sound
finish
