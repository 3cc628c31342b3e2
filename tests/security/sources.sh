#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No container sends, answers or advertises from an address that is not its own, whatever it may do
# in its namespace: neither to its neighbours nor to the host (spoof.py). What is its own comes
# through, and goes on doing so however the container got its addresses.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
STRANGER= HEARD=
trap 'kill $STRANGER $HEARD 2>/dev/null; host_down' EXIT
host_up
images_make
declare -A PID
pid() { PID[$1]=$(d inspect -f '{{.State.Pid}}' "$1"); }
idle() { d run -d --name "$@" busybox sleep 1000 >/dev/null 2>&1; pid "$1"; }
id_of() { d network inspect -f '{{.Id}}' "$1" | cut -c1-12; }
attacks() { # BRIDGE ATTACKER VICTIM OTHER
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 spoof.py "${PID[$2]}" "${PID[$3]}" "${PID[$4]}" "$1"
}
reaches() { d exec "$1" ping -c1 -W2 "$2"; }
elements() { in_host nft list table bridge "$(in_host nft list tables bridge | awk '{print $3}')" | grep -c '"v'; }
engine_start || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null

d network create --ipv6 --subnet 10.60.0.0/24 --subnet fd60::/64 net >/dev/null; bridge=br-$(id_of net)
idle attacker --network net --privileged; idle victim --network net; idle other --network net --mac-address 02:aa:bb:cc:dd:ee
check "a container sends from its own addresses only" attacks "$bridge" attacker victim other
check "the victim too" attacks "$bridge" victim attacker other
check "with a MAC of its own" attacks "$bridge" other attacker victim
check "neighbours reach each other" reaches attacker other
check "by IPv6" d exec attacker ping -6 -c1 -W2 "$(d inspect -f '{{.NetworkSettings.Networks.net.GlobalIPv6Address}}' other)"
engine_kill
check "without the engine" attacks "$bridge" attacker victim other
engine_start
check "the next engine knows them" poll 5 eval '[ "$(elements)" -ge 9 ]'
check "and holds" attacks "$bridge" attacker victim other
in_host nft flush ruleset
check "rules that are gone come again" poll 5 eval '[ "$(elements)" -ge 9 ]'
check "and hold again" attacks "$bridge" attacker victim other
in_host nft flush ruleset
idle late --network net # perhaps before they have
check "also for one that starts meanwhile" poll 5 attacks "$bridge" late victim other
d rm -f late >/dev/null

# ---- other addresses ----
d network disconnect net other
d network connect --ip 10.60.0.77 --ip6 fd60::77 net other
check "connected with other addresses" attacks "$bridge" attacker victim other
check "it is reached by them" reaches attacker 10.60.0.77
check "and is bound to them" attacks "$bridge" other victim attacker
d restart -t 0 other >/dev/null; pid other
check "restarted" attacks "$bridge" other victim attacker
d network create --ipv6 --subnet 10.61.0.0/24 --subnet fd61::/64 second >/dev/null
for c in attacker victim other; do d network connect second $c; done
check "a second network" reaches attacker "$(d inspect -f '{{.NetworkSettings.Networks.second.IPAddress}}' victim)"
check "both are held" attacks "$bridge" attacker victim other
for c in attacker victim other; do d network disconnect net $c; done
d rm -f attacker victim other >/dev/null
check "nothing of them is left in the rules" poll 5 eval '[ "$(elements)" = 0 ]'

# ---- a port of the bridge that is not ours: the host itself knows the subnet ----
unshare --net -- sleep 600 & STRANGER=$!
until [ "$(readlink /proc/$STRANGER/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
in_host ip link add stranger type veth peer name eth0 netns $STRANGER
in_host ip link set stranger master "$bridge" up
strange() { nsenter --net="/proc/$STRANGER/ns/net" -- "$@"; }
strange sh -c 'ip link set eth0 up; ip addr add 10.60.0.200/24 dev eth0; ip addr add 192.0.2.53/32 dev eth0'
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- socat -u UDP-RECV:5353 "OPEN:$HOST/heard,creat,append" &
HEARD=$!
says() { strange socat -u - "UDP-SENDTO:10.60.0.1:5353,bind=$1" <<<"$1"; }
check "a neighbour of the subnet is heard" poll 5 eval 'says 10.60.0.200; grep -q 10.60 "$HOST/heard"'
says 192.0.2.53; says 10.60.0.200
same "one from outside is not" "" "$(grep 192.0 "$HOST/heard")"
kill $HEARD $STRANGER

# ---- a network of routers ----
check "a network may be told to let all through" d network create -o berth.bridge.any_source=true --ipv6 --subnet 10.62.0.0/24 --subnet fd62::/64 routers
for c in r1 r2 r3; do idle $c --network routers --cap-add NET_ADMIN; done
d exec r1 ip addr add 10.99.0.1/32 dev eth0; d exec r2 ip route add 10.99.0.1/32 via "$(d inspect -f '{{.NetworkSettings.Networks.routers.IPAddress}}' r1)"
check "then they are routers" reaches r2 10.99.0.1
fails "and held to nothing" "another's IPv4: seen" attacks "br-$(id_of routers)" r1 r2 r3
api_is "which is said" 201 "can send from each other.s addresses" POST /networks/create '{"Name":"routers2","Options":{"berth.bridge.any_source":"true"}}'
fails "the option is a truth" "any_source" d network create -o berth.bridge.any_source=perhaps bad
finish
