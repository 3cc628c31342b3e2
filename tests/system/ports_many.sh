#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 10,000 published ports as one range: time, memory, every way in, an engine that dies, the end.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
expect_500 'Bind for 0.0.0.0:25[0-9]+ failed: port is already allocated|address already in use \(in use by|all ports are allocated' 'as Docker: ports of others'
FIRST=20000 LAST=29999 MIDDLE=25123
case $BERTH_BIN in *debug*) LIMIT_MS=15000 LIMIT_KIB=1000000 ;; *) LIMIT_MS=1000 LIMIT_KIB=5120 ;; esac
qa_up
run_idle() { "$BERTH" run -d "$@" >/dev/null; }

unshare --net -- sleep 300 &
OUTSIDE=$!
until [ "$(readlink /proc/$OUTSIDE/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
outside() { nsenter --net="/proc/$OUTSIDE/ns/net" -- "$@"; }
in_host ip link add out0 type veth peer name eth0 netns $OUTSIDE
in_host ip addr add 10.99.0.1/24 dev out0
in_host ip link set out0 up
outside ip addr add 10.99.0.2/24 dev eth0
outside ip link set eth0 up
trap 'kill $OUTSIDE $SERVER 2>/dev/null; host_down' EXIT
SERVER=

pss() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
both_pss() { echo $(($(pss "$ENGINE_PID") + $(pss "$(keeper_pid)"))); }
sockets() { in_host awk 'NR > 1 && $1 == "TCP:" || $1 == "TCP6:" { n += $3 } END { print n + 0 }' /proc/net/sockstat /proc/net/sockstat6; }
fds() { ls "/proc/$1/fd" | wc -l; }
tables() { in_host nft list ruleset; }
serve_in() { # CONTAINER FIRST LAST: answered inside its namespace
    rm -f "$HOST/serving"
    nsenter --net="/proc/$(field "$1" .State.Pid)/ns/net" -- python3 ports_many.py serve "$2" "$3" >"$HOST/serving" 2>&1 &
    SERVER=$!
}
serves() { poll 20 grep -q ready "$HOST/serving"; }

# ---- the range ----
run_idle --name warm -p 7000:80 busybox sleep 1000
"$BERTH" rm -f warm >/dev/null
settled
fds_before=$(fds "$(keeper_pid)")
sockets_before=$(sockets)
before=$(both_pss)
for i in 1 2 3; do # the machine may be busy: the best of three
    [ $i = 1 ] || "$BERTH" rm -f many >/dev/null
    begun=${EPOCHREALTIME/./}
    run_idle --name many -p $FIRST-$LAST:$FIRST-$LAST busybox sleep 1000
    status=$? ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    [ $status = 0 ] && [ $ms -ge $LIMIT_MS ] || break
done
same "10,000 ports" 0 $status
poll 5 eval '[ $(fds "$(keeper_pid)") -ge $((fds_before + 10000)) ]'
same "the keeper has them all" 10000 $(($(fds "$(keeper_pid)") - fds_before - 3))
n=$(($(sockets) - sockets_before))
same "one socket a port" 10000 "$n"
for _ in $(seq 50); do # free memory goes back to the kernel a few times a minute
    kib=$(($(both_pss) - before))
    [ $kib -ge $LIMIT_KIB ] || break
    sleep 0.5
done
echo "# 10,000 ports: $ms ms with the CLI, $kib KiB PSS of engine and keeper"
if [ $ms -lt $LIMIT_MS ]; then ok "in less than a second"; else not_ok "in less than a second" "$ms ms"; fi
if [ $kib -lt $LIMIT_KIB ]; then ok "in less than 5 MiB"; else not_ok "in less than 5 MiB" "$kib KiB"; fi
like "one element" "tcp . $FIRST-$LAST : " "$(tables)"

serve_in many $FIRST $LAST
check "a server behind it" serves
for port in $FIRST $MIDDLE $LAST; do
    same "$port from this host" $port "$(in_host timeout 10 socat -u TCP4:127.0.0.1:$port - | cut -d' ' -f1)"
    same "$port by IPv6" $port "$(in_host timeout 10 socat -u TCP6:[::1]:$port - | cut -d' ' -f1)"
    same "$port from outside" "$port 10.99.0.2" "$(outside timeout 10 socat -u TCP4:10.99.0.1:$port -)"
done
like "500 of them at once" "^answered 500/500" "$(in_host python3 ports_many.py burst 127.0.0.1 25000 25499 2>&1)"
same "berth port" "20000 tcp lines" "$("$BERTH" port many | grep -c '/tcp -> ') tcp lines"
like "of one" "^0.0.0.0:$MIDDLE" "$("$BERTH" port many $MIDDLE)"
same "inspect" "10000 $MIDDLE 2" "$(field many '"\(.NetworkSettings.Ports | length) \(.NetworkSettings.Ports["'$MIDDLE'/tcp"][0].HostPort) \(.NetworkSettings.Ports["'$MIDDLE'/tcp"] | length)"')"
api GET /containers/json
same "the list" 20000 "$(printf '%s' "$BODY" | jq '.[0].Ports | length')"
fails "a port of the range is taken" "Bind for 0.0.0.0:$MIDDLE failed: port is already allocated" "$BERTH" run --rm -p $MIDDLE:80 busybox true
same "docker port agrees" 20000 "$(d port many | wc -l)"

# ---- what does not fit is said before anything is opened ----
n=$(fds "$ENGINE_PID")
limit=$(awk '/^Max open files/ {print $4}' "/proc/$ENGINE_PID/limits")
if [ "$limit" -le 25000 ]; then
    fails "another 10,000 do not fit" "publishing 10000 ports needs as many file descriptors: the engine's limit of $limit" "$BERTH" run -d --name toomany -p 30000-39999:30000-39999 busybox sleep 1000
    check "and open nothing" test "$(fds "$ENGINE_PID")" -le "$n" # a client of before may have gone
        check "one more does" run_idle --name one -p 30000:80 busybox sleep 1000
    "$BERTH" rm -f one toomany >/dev/null 2>&1
fi

# ---- conflicts with other programs ----
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- socat TCP4-LISTEN:31005,bind=127.0.0.1,fork /dev/null &
FOREIGN=$!
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- socat TCP6-LISTEN:31006,ipv6only,fork /dev/null &
FOREIGN6=$!
poll 5 eval '[ $(in_host ss -Hltn "sport = :31005 or sport = :31006" | wc -l) = 2 ]'
fails "an IPv4 listener in the way is named" "failed to bind host port for 0.0.0.0:31005:.*address already in use \(in use by pid $FOREIGN \(socat\)\)" "$BERTH" run --rm -p 31000-31100:31000-31100 busybox true
fails "an IPv6 one too" "failed to bind host port for \[::\]:31006:.*address already in use \(in use by pid $FOREIGN6 \(socat\)\)" "$BERTH" run --rm -p 31006:80 busybox true
check "IPv4 alone goes beside it" run_idle --name v4 -p 0.0.0.0:31006:80 busybox sleep 1000
check "IPv6 alone goes beside the other" run_idle --name v6 -p '[::]:31005:80' busybox sleep 1000
same "and is IPv6 alone" 1 "$(in_host ss -Hltn6 'sport = :31005' | grep -c '\[::\]')"
"$BERTH" rm -f v4 v6 >/dev/null
kill $FOREIGN $FOREIGN6
wait $FOREIGN $FOREIGN6 2>/dev/null

# ---- an engine that dies ----
engine_kill
same "the sockets are there without it" 10000 $(($(sockets) - sockets_before))
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 ports_many.py burst 127.0.0.1 $MIDDLE $((MIDDLE + 99)) >"$HOST/burst" 2>&1 &
BURST=$!
check "clients that come now wait" stays 0.5 kill -0 $BURST
begun=${EPOCHREALTIME/./}
if engine_start; then ok "the engine comes back"; else not_ok "the engine comes back"; fi
echo "# the API is back after $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
wait $BURST
like "and all are served" "^answered 100/100" "$(cat "$HOST/burst")"
same "one socket a port, still" 10000 $(($(sockets) - sockets_before))
same "in one element, still" 1 "$(tables | grep -c "tcp . $FIRST-$LAST : ")"
same "inspect, still" 10000 "$(field many '.NetworkSettings.Ports | length')"
for port in $FIRST $LAST; do
    same "$port from this host, still" $port "$(in_host timeout 10 socat -u TCP4:127.0.0.1:$port - | cut -d' ' -f1)"
    same "$port from outside, still" "$port 10.99.0.2" "$(outside timeout 10 socat -u TCP4:10.99.0.1:$port -)"
done

# ---- a restart needs the same numbers at once ----
kill $SERVER
begun=${EPOCHREALTIME/./}
check "restart" "$BERTH" restart -t 0 many
echo "# restarted in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
serve_in many $FIRST $FIRST
check "the server is back" serves
same "and reached" $FIRST "$(in_host timeout 10 socat -u TCP4:127.0.0.1:$FIRST - | cut -d' ' -f1)"

# ---- the end ----
kill $SERVER
begun=${EPOCHREALTIME/./}
check "rm" "$BERTH" rm -f many
check "the sockets are gone" poll 5 eval '[ $(sockets) = '"$sockets_before"' ]'
echo "# removed in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
same "the keeper has none" "$fds_before" "$(fds "$(keeper_pid)")"
same "no rule is left" "" "$(tables | grep $FIRST)"
check "the range is free" run_idle --name again -p $FIRST-$LAST:$FIRST-$LAST busybox sleep 1000

"$BERTH" rm -f again >/dev/null

# ---- every port there is: the limit of descriptors decides, with a sentence ----
api POST '/containers/create?name=all' '{"Image":"busybox","Cmd":["sleep","1000"],"HostConfig":{"PortBindings":{"1-65535/tcp":[{"HostPort":"0"}]}}}'
like "a range of 65,535 ports is created" '^201 ' "$STATUS $BODY"
api POST /containers/all/start
like "and starts, or says what it needs" '^(204 |503 .*as many file descriptors|500 .*all ports are allocated)' "$STATUS $BODY"
"$BERTH" rm -f all >/dev/null

# ---- who has no choice comes first ----
d run -d --name next -p 80 busybox sleep 1000 >/dev/null
port=$(field next '.NetworkSettings.Ports["80/tcp"][0].HostPort')
d rm -f next >/dev/null
api POST '/containers/create?name=mixed' "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"],\"HostConfig\":{\"PortBindings\":{
    \"1/tcp\":[{\"HostPort\":\"\"}],\"2/tcp\":[{\"HostPort\":\"$((port + 2))-$((port + 3))\"}],\"3/tcp\":[{\"HostPort\":\"$((port + 1))\"}],\"4/tcp\":[{\"HostPort\":\"$((port + 2))\"}]}}}"
api_is "a fixed port that a dynamic one would have got, and one of a range" 204 '' POST /containers/mixed/start
same "all are as asked" "$((port + 3)) $((port + 1)) $((port + 2))" \
    "$(field mixed '[.NetworkSettings.Ports["2/tcp","3/tcp","4/tcp"][0].HostPort] | join(" ")')"
d rm -f mixed >/dev/null
engine_sound
finish
