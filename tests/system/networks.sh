#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks as users have them: connect and disconnect, names at 127.0.0.11, ports that survive the
# engine, prune. A real engine, Debian's docker CLI, a resolver of our own as the host's upstream.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
expect_500 'two/(dis)?connect .*fault injected at network/' 'steps that fail'
UPSTREAM=10.53.0.1
qa_up
in_host ip addr add $UPSTREAM/32 dev lo
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 dns_upstream.py $UPSTREAM "$HOST/asked" &
UPSTREAM_PID=$!
trap 'kill $UPSTREAM_PID 2>/dev/null; host_down' EXIT

sh_in() { d exec "$1" sh -c "$2" 2>&1; }
lookup() { sh_in "$1" "nslookup $2 127.0.0.11"; } # CONTAINER NAME
addr_of() { field "$1" ".NetworkSettings.Networks[\"$2\"].IPAddress"; }
run_idle() { d run -d "$@" >/dev/null; }
asked() { grep -c "$1" "$HOST/asked" 2>/dev/null; }

# ---- connect and disconnect ----
check "two networks" d network create one
check "a network with a subnet" d network create --subnet 10.77.0.0/24 two
check "a sealed one" d network create --internal sealed
check "a container in one" run_idle --name aa --network one --dns $UPSTREAM busybox sleep 1000
check "another, with an alias" run_idle --name bb --network one --network-alias web --dns $UPSTREAM busybox sleep 1000
same "no interface before" 1 "$(sh_in aa 'ls /sys/class/net | grep -c eth')"
check "connect while it runs, with an address" d network connect --ip 10.77.0.77 --alias second two aa
same "the address" 10.77.0.77 "$(addr_of aa two)"
like "the interface" "10.77.0.77/24" "$(sh_in aa 'ip addr show eth1')"
fails "connect twice is refused" "endpoint with name aa already exists in network two" d network connect two aa
like "inspect of the network" '"Name": "aa"' "$(d network inspect two)"
like "aliases in inspect" second "$(field aa '.NetworkSettings.Networks.two.Aliases')"
gw_one=$(field aa .NetworkSettings.Networks.one.Gateway)
gw_two=$(field aa .NetworkSettings.Networks.two.Gateway)
like "the way out stays with the first name" "default via $gw_one " "$(sh_in aa 'ip route')"
check "disconnect what has the default route" d network disconnect one aa
like "the other one takes over" "default via $gw_two " "$(sh_in aa 'ip route')"
same "one interface is left" eth1 "$(sh_in aa 'ls /sys/class/net | grep eth')"
fails "disconnect twice is refused" "is not connected to (the )?network one" d network disconnect one aa
check "connect again" d network connect one aa
same "with the first free name" "eth0 eth1" "$(sh_in aa 'ls /sys/class/net | grep eth' | tr '\n' ' ' | sed 's/ $//')"
like "the way out is back" "default via $gw_one " "$(sh_in aa 'ip route')"
api_is "gw_priority decides" 200 "" POST /networks/bridge/connect '{"Container":"aa","EndpointConfig":{"GwPriority":5}}'
gw_bridge=$(field aa .NetworkSettings.Networks.bridge.Gateway)
like "the default bridge is the way out" "default via $gw_bridge " "$(sh_in aa 'ip route')"
check "and is left" d network disconnect bridge aa
fails "host cannot be joined" "host network" d network connect host aa
fails "none cannot be joined" "private \(none\) mode" d network connect none aa
api_is "no such container" 404 "No such container: nix" POST /networks/one/connect '{"Container":"nix"}'
api_is "no such network" 404 "network nix not found" POST /networks/nix/connect '{"Container":"aa"}'
check "a stopped container" d create --name later --network one --dns $UPSTREAM busybox sleep 1000
check "is connected" d network connect --alias late two later
check "and disconnected from its own" d network disconnect one later
check "starts" d start later
like "in the other network" "^10.77.0." "$(addr_of later two)"
same "and not in its first" null "$(field later '.NetworkSettings.Networks.one')"

# ---- names ----
addr_b=$(addr_of bb one)
like "resolv.conf" "^nameserver 127.0.0.11" "$(sh_in aa 'cat /etc/resolv.conf')"
like "ndots" "^options .*ndots:0" "$(sh_in aa 'cat /etc/resolv.conf')"
like "a name" "Address.*: $addr_b" "$(lookup aa bb)"
like "an alias" "Address.*: $addr_b" "$(lookup aa web)"
like "in any case" "Address.*: $addr_b" "$(lookup aa WEB)"
like "name.network" "Address.*: $addr_b" "$(lookup aa bb.one)"
like "a short id" "Address.*: $addr_b" "$(lookup aa "$(field bb .Id | cut -c1-12)")"
like "by libc" "bytes from $addr_b" "$(sh_in aa 'ping -c1 bb')"
like "alias in the second network" "Address.*: 10.77.0.77" "$(lookup later second)"
like "an address" "name = bb.one|$addr_b.*bb.one" "$(lookup aa "$addr_b")"
like "a neighbour's name stays in its network" "NXDOMAIN|can't find" "$(lookup later bb)"
check "rename" d rename bb bee
like "the new name" "Address.*: $addr_b" "$(lookup aa bee)"
like "the old name is gone" "NXDOMAIN|can't find" "$(lookup aa bb.one)"
check "a third with the same alias" run_idle --name cc --network one --network-alias web --dns $UPSTREAM busybox sleep 1000
addr_c=$(addr_of cc one)
first=$(for _ in 1 2 3 4; do lookup aa web | grep -A1 '^Name' | grep -m1 -o "Address.*" | grep -oE '[0-9.]+$'; done | sort -u | tr '\n' ' ')
same "a shared alias goes round" "$(printf '%s\n' "$addr_b" "$addr_c" | sort -u | tr '\n' ' ')" "$first"
d rm -f cc >/dev/null
same "a removed one is not named any more" "" "$(lookup aa web | grep -F "$addr_c")"

# ---- the outside ----
like "forwarded" "Address.*: 192.0.2.1" "$(lookup aa plain.test)"
n=$(asked plain.test)
like "again" "Address.*: 192.0.2.1" "$(lookup aa plain.test)"
same "from the cache" "$n" "$(asked plain.test)"
like "absence" "NXDOMAIN|can't find" "$(lookup aa absent.test)"
n=$(asked absent.test)
lookup aa absent.test >/dev/null
same "is remembered too" "$n" "$(asked absent.test)"
like "a server that answers the second time only" "Address.*: 192.0.2.2" "$(lookup aa slow.test)"
like "a forged answer is not taken" "Address.*: 192.0.2.3" "$(lookup aa forged.test)"
id=$(field aa .State.Pid)
probe() { nsenter --net="/proc/$id/ns/net" -- python3 dns_client.py "$@" 2>&1; }
same "truncated: fetched by TCP, what fits is given" "udp tc=1" "$(probe udp big.test)"
same "TCP gives the whole" "tcp n=60" "$(probe tcp big.test)"
same "EDNS takes it by UDP" "edns n=60" "$(probe edns big.test)"
like "500 at once" "^burst 500/500" "$(probe burst 500)"
like "garbage is survived" "^garbage ok" "$(probe garbage 2000)"
check "a container in a sealed network" run_idle --name s1 --network sealed --dns $UPSTREAM busybox sleep 1000
check "and its neighbour" run_idle --name s2 --network sealed --dns $UPSTREAM busybox sleep 1000
like "sees its neighbour" "Address.*: $(addr_of s2 sealed)" "$(lookup s1 s2)"
n=$(asked plain2.test)
like "is refused the outside" "REFUSED|can't" "$(lookup s1 plain2.test)"
same "nothing leaks upstream" "$n" "$(asked plain2.test)"
check "a container of the default bridge" run_idle --name plain --dns $UPSTREAM busybox sleep 1000
like "asks its server itself" "^nameserver $UPSTREAM" "$(sh_in plain 'cat /etc/resolv.conf')"
check "connected to a network" d network connect one plain
like "it gets the resolver" "^nameserver 127.0.0.11" "$(sh_in plain 'cat /etc/resolv.conf')"
like "and finds its neighbours" "Address.*: $addr_b" "$(lookup plain bee)"
like "and is found" "Address.*: $(addr_of plain one)" "$(lookup aa plain)"

# ---- an engine that dies ----
check "a server" run_idle --name srv --network one -p 8088:80 -p 9000-9019:9000-9019/udp busybox httpd -f -p 80 -h /etc
check "answers" poll 5 in_host curl -fs -m 2 -o /dev/null http://127.0.0.1:8088/hostname
srv=$(field srv .Config.Hostname)
engine_kill
in_host curl -s -m 20 http://127.0.0.1:8088/hostname >"$HOST/waited" &
CURL=$!
nsenter --net="/proc/$id/ns/net" -- python3 dns_client.py wait bee >"$HOST/named" 2>&1 &
DIG=$!
check "a client that comes now waits" stays 0.7 kill -0 $CURL
if engine_start; then ok "the engine comes back"; else not_ok "the engine comes back"; fi
wait $CURL; same "and is served" "0 $srv" "$? $(cat "$HOST/waited")"
wait $DIG; same "a question that came meanwhile is answered" "wait $addr_b" "$(cat "$HOST/named")"
like "names after the restart" "Address.*: $addr_b" "$(lookup aa bee)"
like "the second network too" "Address.*: 10.77.0.77" "$(lookup later second)"
check "disconnect after the restart" d network disconnect two aa
same "takes the right interface" eth0 "$(sh_in aa 'ls /sys/class/net | grep eth')"
d network connect two srv >/dev/null; d network disconnect one srv >/dev/null
check "a port follows its container to another network" poll 3 in_host curl -fs -m 2 -o /dev/null http://127.0.0.1:8088/hostname
check "udp ports are still ours" in_host python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try: s.bind(("0.0.0.0", 9007))
except OSError: raise SystemExit(0)
raise SystemExit(1)'

# ---- rules and ranges, seen from another host ----
unshare --net -- sleep 300 &
OUTSIDE=$!
until [ "$(readlink /proc/$OUTSIDE/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
in_host ip link add out0 type veth peer name eth0 netns $OUTSIDE
in_host ip addr add 10.99.0.1/24 dev out0
in_host ip link set out0 up
outside() { nsenter --net="/proc/$OUTSIDE/ns/net" -- "$@"; }
outside ip addr add 10.99.0.2/24 dev eth0
outside ip link set eth0 up
trap 'kill $UPSTREAM_PID $OUTSIDE 2>/dev/null; host_down' EXIT
fetch() { outside curl -fs -m 2 -o /dev/null "http://10.99.0.1:$1/hostname"; }
tables() { in_host nft list ruleset 2>/dev/null; }
check "a published port from outside" fetch 8088
check "a range" run_idle --name range --network two -p 7100-7199:7100-7199 -p 7300-7302:80-82 busybox sh -c 'httpd -p 7150 -h /etc; httpd -f -p 81 -h /etc'
like "is one element" "tcp . 7100-7199 : 10.77.0" "$(tables)"
check "in the middle of the range" poll 3 fetch 7150
check "a shifted range" fetch 7301
fails "beside it nothing" "" fetch 7200
in_host nft flush ruleset
poll 3 eval 'tables | grep -q 7100-7199'
like "a flushed ruleset comes back" "tcp . 7100-7199 : 10.77.0" "$(tables)"
check "and works" fetch 8088
in_host nft delete chain inet "$(tables | grep -oE 'berth_[0-9a-f]+' | head -1)" prerouting
check "a deleted chain comes back" poll 3 eval 'tables | grep -q "type nat hook prerouting"'
n=$(grep -c "put back" "$HOST/engine.log")
d restart -t 0 range >/dev/null
check "after a restart of the container" poll 3 fetch 7150
same "our own changes are not taken for others'" "$n" "$(grep -c "put back" "$HOST/engine.log")"
d rm -f range >/dev/null
same "its rules go with it" "" "$(tables | grep -E '7100|7300')"
keeper_fds() { ls "/proc/$(keeper_pid)/fd" | wc -l; }
fds=$(keeper_fds)
before=$(awk '/^Pss:/ {print $2}' "/proc/$ENGINE_PID/smaps_rollup")
begun=${EPOCHREALTIME/./}
check "4,000 ports" run_idle --name many -p 20000-23999:20000-23999 busybox sleep 1000
echo "# 4,000 ports (8,000 sockets): $(((${EPOCHREALTIME/./} - begun) / 1000)) ms, $(($(awk '/^Pss:/ {print $2}' "/proc/$ENGINE_PID/smaps_rollup") - before)) KiB PSS of the engine"
begun=${EPOCHREALTIME/./}
check "are given back" d rm -f many
check "by the keeper too" poll 5 eval '[ $(keeper_fds) -le '"$fds"' ]'
echo "# removed in $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"

# ---- list and prune ----
api_is "dangling" 200 '^\[\]$' GET '/networks?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D'
check "a network nobody is in" d network create --label x=y lonely
like "is dangling" "lonely" "$(d network ls --filter dangling=true)"
same "others are not" 1 "$(d network ls -q --filter dangling=true | wc -l)"
like "prune by label" "NetworksDeleted\":(null|\[\])" "$(api POST '/networks/prune?filters=%7B%22label%22%3A%5B%22x%3Dz%22%5D%7D'; echo "$BODY")"
like "prune" "lonely" "$(d network prune -f)"
like "what is used stays" " two " "$(d network ls)"
events=$(d events --since 10m --until 0s --filter type=network 2>&1)
like "connect events" "network connect .*name=two" "$events"
like "disconnect events" "network disconnect .*name=two" "$events"

# ---- published by the proxy alone ----
like "nat: a rule" "tcp . 8088 : " "$(tables)"
engine_stop
export BERTH_FAULT="network/connect:save,network/connect:attach,network/connect:use-place,network/disconnect:detach"
if engine_start --publish-mode proxy; then ok "an engine with --publish-mode proxy"; else not_ok "an engine with --publish-mode proxy"; fi
check "the port from outside" poll 3 fetch 8088
check "without a rule" poll 5 eval '[ -z "$(tables | grep "tcp . 8088")" ]'
like "names still" "Address.*: $addr_b" "$(lookup plain bee)"
unset BERTH_FAULT

# ---- steps that fail ----
shape() { sh_in plain 'ls /sys/class/net; ip route'; field plain '.NetworkSettings.Networks | keys'; d network inspect two | grep -c '"Name": "plain"'; }
was=$(shape)
for step in save attach use-place; do
    fails "connect fails at $step" "" d network connect two plain
    same "and leaves nothing behind" "$was" "$(shape)"
done
check "then it works" d network connect two plain
was=$(shape)
fails "disconnect fails at detach" "" d network disconnect two plain
same "and changes nothing" "$was" "$(shape)"
check "then it works, too" d network disconnect two plain
engine_sound
finish
