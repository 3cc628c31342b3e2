#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that asks and asks by TCP and never reads costs the engine little, and nobody else
# anything: answers wait within bounds, connections without progress end.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
SERVER= HOARD=
trap 'kill $SERVER $HOARD 2>/dev/null; host_down' EXIT
host_up
images_make
in_host ip addr add 10.53.0.2/32 dev lo
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 dns_server.py 10.53.0.2 "$HOST/asked" &
SERVER=$!
engine_start --dns 10.53.0.2 || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null
d network create net >/dev/null
for c in bad good; do d run -d --name $c --network net busybox sleep 1000 >/dev/null; done
within() { nsenter --net="/proc/$(d inspect -f '{{.State.Pid}}' "$1")/ns/net" -- "${@:2}"; }
memory() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$ENGINE_PID/status"; }
connections() { within bad ss -Htn state established sport = 53 | wc -l; }
answers() { within "$1" dig +tcp +short +tries=1 +time=5 "$2.test" @127.0.0.11; }
poll 10 eval '[ "$(answers good ready)" = 192.0.2.1 ]'

before=$(memory)
within bad python3 dns_hoard.py 100 14 >"$HOST/hoard" & HOARD=$!
check "it asks as much as is taken" poll 3 grep -q asked "$HOST/hoard"
same "another container is served" 192.0.2.1 "$(answers good plain)"
check "has the whole of a large answer" eval '[ "$(within good dig +tcp +short txt big.test @127.0.0.11 | wc -l)" = 220 ]'
same "it too, by UDP" 192.0.2.1 "$(within bad dig +short plain2.test @127.0.0.11)"
same "and by a new connection" 192.0.2.1 "$(answers bad plain3)"
check "connections have a bound" [ "$(connections)" -le 32 ]
wait $HOARD
after=$(memory)
echo "# memory of the engine: $before MB, then $after MB"
bound=16
! grep -q __asan_init "$BERTH_BIN/berthd" || bound=400 # a sanitizer keeps what was freed for a while
check "the engine has no more than $bound MB for it" [ $((after - before)) -le $bound ]
same "those that make no progress end" 0 "$(tail -1 "$HOST/hoard")"
check "nothing stays open" poll 3 eval '[ "$(connections)" = 0 ]'
finish
