#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# macvlan and ipvlan: containers in the network of a link of the host. The host's uplink is a veth
# into a bridge of another network namespace that stands for the LAN (lib/lan.sh), with a neighbour
# in it.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/lan.sh
expect_500 'cannot make the (sub-interface|macvlan link) ' 'what this kernel cannot'
qa_up
lan_up
trap 'lan_down; host_down' EXIT

links() { in_host ip -br link | awk '{print $1}' | grep -v -e '^v' -e '^up' | sort | tr '\n' ' '; }

settled; LINKS=$(links)
census_stable >"$HOST/before"

# ---- refusals ----
mk() { d network create --subnet 10.88.0.0/24 --gateway 10.88.0.254 "$@"; }
fails "a parent that is not there" "-o parent interface was not found on the host: nix0" mk -d macvlan -o parent=nix0 bad
fails "nor below a sub-interface" "-o parent interface was not found on the host: nix0" mk -d macvlan -o parent=nix0.10 bad
fails "loopback" "loopback interface is not a valid macvlan parent link" mk -d macvlan -o parent=lo bad
fails "an unknown mode" "requested macvlan mode 'loud' is not valid, 'bridge' mode is the macvlan driver default" mk -d macvlan -o parent=up0 -o macvlan_mode=loud bad
fails "of ipvlan" "requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver default" mk -d ipvlan -o parent=up0 -o ipvlan_mode=l4 bad
fails "an unknown flag" "requested ipvlan flag 'x' is not valid" mk -d ipvlan -o parent=up0 -o ipvlan_flag=x bad
fails "a VLAN that cannot be" "vlan id must be between 1-4094, received: 4095" mk -d macvlan -o parent=up0.4095 bad
fails "a VLAN that is no number" "unable to parse a valid vlan id from: up0.x" mk -d macvlan -o parent=up0.x bad
fails "two dots" "required interface name format is: name.vlan_id" mk -d macvlan -o parent=up0.1.2 bad
fails "a name with a slash" "invalid parent interface name" mk -d macvlan -o parent=up/0 bad
fails "two subnets" "macvlan driver doesn't support multiple subnets" mk -d macvlan -o parent=up0 --subnet 10.90.0.0/24 bad
fails "a gateway elsewhere" "no matching subnet for gateway 10.1.1.1|parent subnet doesn't contain this" d network create -d macvlan --subnet 10.88.0.0/24 --gateway 10.1.1.1 -o parent=up0 bad
same "nothing was made" "$LINKS" "$(links)"

# ---- macvlan ----
check "a macvlan network" mk -d macvlan --ip-range 10.88.0.64/28 --aux-address router=10.88.0.64 -o parent=up0 mac
like "in inspect" '"macvlan" "up0" "10.88.0.64/28"' "$(d network inspect -f '{{json .Driver}} {{json .Options.parent}} {{json (index .IPAM.Config 0).IPRange}}' mac)"
same "by driver" mac "$(d network ls -f driver=macvlan --format '{{.Name}}')"
like "the driver is in info" macvlan "$(d info -f '{{.Plugins.Network}}')"
same "no bridge is made for it" "$LINKS" "$(links)"
check "a container" web m1 --network mac --network-alias site
check "with an address" web m2 --network mac --ip 10.88.0.200 --mac-address 02:aa:bb:cc:dd:01
same "the first of the range" 10.88.0.65 "$(addr_of m1 mac)"
same "the wished one" 10.88.0.200 "$(addr_of m2 mac)"
like "the wished MAC" 02:aa:bb:cc:dd:01 "$(sh_in m2 'ip link show eth0')"
same "in inspect" 02:aa:bb:cc:dd:01 "$(field m2 .NetworkSettings.Networks.mac.MacAddress)"
same "the way out" "default via 10.88.0.254 dev eth0" "$(sh_in m1 'ip route' | grep default | sed 's/ *$//')"
check "the neighbour reaches the container" ready 10.88.0.65 m1
check "the other one too" ready 10.88.0.200 m2
same "the container reaches the neighbour" neighbour "$(sees m1 10.88.0.254)"
same "and beyond it" neighbour "$(sees m1 198.51.100.1)"
same "containers reach each other" m2 "$(sees m1 10.88.0.200)"
same "by name" m2 "$(sees m1 m2)"
same "by alias" m1 "$(sees m2 site)"
like "an address has a name" "m2.mac" "$(sh_in m1 'nslookup 10.88.0.200 127.0.0.11')"
fails "an address that is taken" "Address already in use" d run --rm --network mac --ip 10.88.0.200 busybox true
like "published ports are not" "Published ports are discarded when using macvlan network mode" "$(d create --name m3 --network mac -p 8089:80 busybox true 2>&1)"
d rm m3 >/dev/null
check "an mtu of its own" d network create -d macvlan --subnet 10.89.0.0/24 -o parent=up0 -o com.docker.network.driver.mtu=1300 mac2
like "two networks share a parent" "mtu 1300" "$(d run --rm --network mac2 busybox ip link show eth0)"
fails "but not with passthru" "cannot use mode passthru, macvlan network .* is already using parent interface up0" d network create -d macvlan -o parent=up0 -o macvlan_mode=passthru bad
fails "nor with ipvlan" "is already using parent interface up0" d network create -d ipvlan -o parent=up0 bad
check "connect a running one" d network connect --ip 10.89.0.9 mac2 m1
same "has the second interface" 10.89.0.9 "$(sh_in m1 'ip -4 -o addr show eth1' | awk '{print $4}' | cut -d/ -f1)"
check "which works" ready 10.89.0.9 m1
check "beside a bridge" d run -d --name both --network mac2 -p 8087:80 busybox httpd -f -p 80 -h /etc
check "connected later" d network connect bridge both
# Root inside may call its interfaces as it likes; another one by that name is not ours to take.
within() { nsenter --net="/proc/$(pid_of m1)/ns/net" -- "$@"; }
within sh -c 'ip link set eth1 down; ip link set eth1 name mine; ip link set mine up; ip link add eth1 type bridge'
check "disconnect one that was renamed" d network disconnect mac2 m1
same "it has gone, and no other" "eth0 eth1" "$(sh_in m1 'ls /sys/class/net' | grep -E 'eth|mine' | paste -sd' ')"
within ip link del eth1
check "connect again" d network connect --ip 10.89.0.9 mac2 m1
check "disconnect" d network disconnect mac2 m1
same "has one interface again" eth0 "$(sh_in m1 'ls /sys/class/net' | grep eth)"
d rm -f both >/dev/null
check "gives its network back" d network rm mac2

# ---- the engine dies ----
engine_kill
same "without an engine it goes on" m1 "$(get 10.88.0.65)"
if engine_start; then ok "the engine comes back"; else not_ok "the engine comes back"; fi
same "and the container is there" m1 "$(get 10.88.0.65)"
same "with its address" 10.88.0.65 "$(addr_of m1 mac)"
same "names are answered" m2 "$(sees m1 m2)"
fails "leases are kept" "Address already in use" d run --rm --network mac --ip 10.88.0.65 busybox true
check "a new one" web m4 --network mac
same "gets the next address" 10.88.0.66 "$(addr_of m4 mac)"
check "and is reached" ready 10.88.0.66 m4
check "restart" d restart -t 0 m4
check "is reached again" ready "$(addr_of m4 mac)" m4

# ---- modes ----
# private: not even each other; passthru: one container, the parent's own MAC.
check "mode private" d network create -d macvlan --subnet 10.89.0.0/24 --gateway 10.89.0.254 -o parent=up1 -o macvlan_mode=private priv
check "a container" web p1 --network priv --ip 10.89.0.11
check "another" web p2 --network priv --ip 10.89.0.12
check "reached from the LAN" ready 10.89.0.11 p1
fails "not from the other" "" d exec p2 ping -c1 -W1 10.89.0.11
check "which has a way to the neighbour" d exec p2 ping -c1 -W1 10.89.0.254
d rm -f p1 p2 >/dev/null; d network rm priv >/dev/null
check "mode vepa" d network create -d macvlan --subnet 10.89.0.0/24 --gateway 10.89.0.254 -o parent=up1 -o macvlan_mode=vepa vepa
check "a container" web v1 --network vepa --ip 10.89.0.13
check "reached from the LAN" ready 10.89.0.13 v1
d rm -f v1 >/dev/null; d network rm vepa >/dev/null
check "mode passthru" d network create -d macvlan --subnet 10.89.0.0/24 --gateway 10.89.0.254 -o parent=up1 -o macvlan_mode=passthru pass
check "a container" web t1 --network pass --ip 10.89.0.14
check "reached from the LAN" ready 10.89.0.14 t1
fails "there is one only" "cannot make the macvlan link eth0 on up1" d run --rm --network pass busybox true
fails "and one network" "is already using parent interface up1 in mode passthru" d network create -d macvlan -o parent=up1 bad
d rm -f t1 >/dev/null; d network rm pass >/dev/null

# ---- IPv6 ----
lan_ipv6 macvlan

# ---- nowhere to go ----
check "no parent" d network create -d macvlan --subnet 10.91.0.0/24 apart
like "one is made" "dm-$(d network inspect -f '{{.Id}}' apart | cut -c1-12)" "$(links)"
check "internal" d network create -d macvlan --internal --subnet 10.92.0.0/24 -o parent=up0 inner
check "a container" web a1 --network apart
check "and another" web a2 --network apart
check "one in the internal network" web i1 --network inner
check "see each other" poll 5 eval '[ "$(sees a1 a2)" = a2 ]'
same "have no way out" "" "$(sh_in a1 'ip route' | grep default)"
same "nor has the internal one" "" "$(sh_in i1 'ip route' | grep default)"
lan ip addr add 10.92.0.254/24 dev lan
check "but its parent: the segment" d exec i1 ping -c1 -W1 10.92.0.254
fails "nothing beyond it" "" d exec i1 ping -c1 -W1 198.51.100.1
fails "no name from outside" "" d exec i1 nslookup outside.test 127.0.0.11
engine_stop
in_host ip link show | grep -o 'dm-[0-9a-f]*' | sort -u >"$HOST/dm"
if engine_start; then ok "the engine starts again"; else not_ok "the engine starts again"; fi
same "with its own links" "$(cat "$HOST/dm")" "$(in_host ip link show | grep -o 'dm-[0-9a-f]*' | sort -u)"
d rm -f a1 a2 i1 >/dev/null
check "removed" d network rm apart inner
same "with their links" "" "$(links | grep -o 'dm-')"
like "but the parent" "up0" "$(in_host ip -br link)"

# ---- what not every kernel has ----
lan_sub_interfaces
lan_ipvlan
lan_sctp

# ---- nothing is left ----
d rm -f m1 m2 m4 >/dev/null
check "the network goes" d network rm mac
settled
same "no link is left" "$LINKS" "$(links)"
same "no macvlan is left in the host" "" "$(in_host ip -o link show type macvlan)"
census_back "nothing is left behind" "$HOST/before"
engine_sound
finish
