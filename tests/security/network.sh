#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The LAN neighbour (moby#41872, #45610, CVE-2025-54388, -2025-54410, -2020-13401): a second
# network namespace on a link of the test's host tries what a machine in the same network can.
. "$(dirname "$0")/kit.sh"
security_up probe
unshare --net -- sleep infinity 8>&- & LAN=$!
trap 'kill $LAN; security_down' EXIT
until [ "$(readlink /proc/$LAN/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
in_lan() { nsenter --net="/proc/$LAN/ns/net" -- "$@"; }
in_host ip link add lan0 type veth peer name eth0 netns "$LAN"
in_host ip addr add 192.0.2.1/24 dev lan0; in_host ip link set lan0 up
in_lan ip link set lo up; in_lan ip addr add 192.0.2.2/24 dev eth0; in_lan ip link set eth0 up
# The neighbour routes everything through the host, loopback too.
in_lan ip route add default via 192.0.2.1
in_lan sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1

serve='while :; do echo -e "HTTP/1.0 200 OK\r\n\r\nserved" | nc -l -p 80 >/dev/null; done'
web() { in_host $D run -d "$@" hostile:probe sh -c 'mkdir -p /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w' 8>&-; }
address() { in_host $D inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | tr -d ' '; }
reaches() { "$1" curl -s --max-time "${3:-1}" "$2" 2>/dev/null; }
waits() { for _ in $(seq 100); do [ "$(reaches in_host "$1")" = served ] && return; sleep 0.05; done; return 1; }

open=$(web -p 8080:80); loop=$(web -p 127.0.0.1:8081:80); none=$(web)
check "published on every address: the host reaches it" waits http://127.0.0.1:8080/
check "published on loopback: the host reaches it" waits http://127.0.0.1:8081/
same "the neighbour reaches the port published on every address" served "$(reaches in_lan http://192.0.2.1:8080/ 3)"
same "but not the one of loopback by the host's address" "" "$(reaches in_lan http://192.0.2.1:8081/)"
# Addressed to 127.0.0.1 on the wire: the neighbour's own loopback must not answer first.
in_lan ip rule add pref 0 to 127.0.0.0/8 lookup 100 2>/dev/null; in_lan ip route add 127.0.0.1/32 via 192.0.2.1 dev eth0 table 100 src 192.0.2.2 2>/dev/null
in_lan ip rule del pref 0 lookup local 2>/dev/null && in_lan ip rule add pref 10 lookup local
n_sent() { in_lan ip -s link show eth0 | tail -1 | awk '{print $2}'; } # (/sys is the test's own network's)
sent=$(n_sent)
same "nor addressed to 127.0.0.1 on the wire" "" "$(reaches in_lan http://127.0.0.1:8081/)"
check "such a packet was really sent" [ "$(n_sent)" -gt "$sent" ]
for id in "$open" "$loop" "$none"; do
    ip=$(address "$id")
    check "$ip: the host itself reaches the container" test "$(reaches in_host "http://$ip/" 2)" = served
    same "$ip: the neighbour does not reach it by routing through the host" "" "$(reaches in_lan "http://$ip/")"
done
same "route_localnet stays 0" "0" "$(for f in $(in_host sh -c 'ls -d /proc/sys/net/ipv4/conf/*'); do in_host cat "$f/route_localnet"; done | sort -u)"
same "the host does not forward between the neighbour and nowhere" "" \
    "$(in_host ip link add dum0 type dummy; in_host ip addr add 198.51.100.1/24 dev dum0; in_host ip link set dum0 up; in_lan ping -c1 -W1 198.51.100.77 >/dev/null 2>&1 && echo reached)"

# Containers among each other
in_host $D network create other >/dev/null
in_host $D network create --internal inner >/dev/null
a=$(web --network other); b=$(web --network inner)
asks() { in_host $D exec "$none" sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 1 $1 80" 2>/dev/null | tail -1; } # (its wget ends by a signal)
same "a container reaches its neighbour" served "$(asks "$(address "$open")")"
same "another network is not reached" "" "$(asks "$(address "$a")")"
same "nor an internal one" "" "$(asks "$(address "$b")")"
same "an internal network does not reach the neighbour" "" "$(in_host $D exec "$b" sh -c 'ping -c1 -W1 192.0.2.2 >/dev/null 2>&1 && echo reached')"
check "a bridge network does (masqueraded)" in_host $D exec "$none" ping -c1 -W2 192.0.2.2
same "the neighbour does not reach the internal network" "" "$(reaches in_lan "http://$(address "$b")/")"

warned=$(in_host $D run -d --network inner -p 18081:80 busybox httpd -f -p 80 -h /etc 2>&1)
like "a port published in an internal network alone: said to be none" "Published ports are discarded: the container's networks are internal" "$warned"
same "the host does not reach it" "" "$(reaches in_host http://127.0.0.1:18081/)"
same "nor by its address" "" "$(reaches in_host http://192.0.2.1:18081/)"
same "nor the neighbour" "" "$(reaches in_lan http://192.0.2.1:18081/)"
same "inspect shows none" "{}" "$(in_host $D inspect -f '{{json .NetworkSettings.Ports}}' "$(tail -1 <<<"$warned")" | sed 's/"80.tcp":\(null\|\[\]\)//')"
both=$(in_host $D run -d --network inner -p 18082:80 busybox sh -c 'hostname >/tmp/index.html; exec httpd -f -p 80 -h /tmp' 2>/dev/null)
in_host $D stop -t 0 "$both" >/dev/null; in_host $D network connect bridge "$both"; in_host $D start "$both" >/dev/null
reached() { [ -n "$(in_host curl -s -m 2 http://127.0.0.1:18082/)" ]; }
check "with another network it is published there" poll 5 reached

# CVE-2020-13401: router advertisements from a container
for link in $(in_host ip -o link show type bridge | awk -F': ' '{print $2}'); do
    same "$link takes no router advertisements" 0 "$(in_host cat "/proc/sys/net/ipv6/conf/$link/accept_ra" 2>/dev/null || echo 0)"
done
like "a container's own IPv6 has no forwarding" "^0?$" "$(in_host $D exec "$none" cat /proc/sys/net/ipv6/conf/all/forwarding 2>/dev/null)"

check "the engine answers" alive
finish
