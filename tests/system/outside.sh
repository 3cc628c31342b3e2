#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The network as others see it, with real servers and clients: the host, a neighbour on its segment
# that can craft routes, an outside host behind that neighbour. What networks.sh and
# security/network.sh show already is not repeated.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
for p in dnsmasq dig iperf3 iptables-nft; do
    command -v $p >/dev/null || { echo "1..0 # SKIP no $p"; exit 0; }
done
expect_500 'failed to bind host port for 0.0.0.0:7300.*address already in use' 'as Docker: the port of another program'
PIDS= SERVERS= DOCKERD= SCTP=
clean() { kill $PIDS 2>/dev/null; [ -z "$DOCKERD" ] || { kill "$DOCKERD"; wait "$DOCKERD"; } 2>/dev/null; host_down; }
keep() { PIDS="$PIDS $!"; }
qa_up
trap clean EXIT
space() { # VAR: a network namespace
    unshare --net -- sleep 600 & keep
    printf -v "$1" %s $!
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
}
space LAN; space OUT
lan() { nsenter --net="/proc/$LAN/ns/net" -- "$@"; }
out() { nsenter --net="/proc/$OUT/ns/net" -- "$@"; }
in_host ip link add up0 type veth peer name eth0 netns "$LAN"
in_host sh -c 'ip addr add 192.0.2.1/24 dev up0; ip addr add 192.0.2.11/24 dev up0; ip link set up0 up; ip route add default via 192.0.2.2'
lan ip link add eth1 type veth peer name eth0 netns "$OUT"
lan sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev eth0; ip addr add 203.0.113.1/24 dev eth1
ip link set eth0 up; ip link set eth1 up; sysctl -qw net.ipv4.ip_forward=1; ip route add 172.16.0.0/12 via 192.0.2.1; ip route add 10.40.0.0/16 via 192.0.2.1'
out sh -c 'ip link set lo up; ip addr add 203.0.113.9/24 dev eth0; ip link set eth0 up; ip route add default via 203.0.113.1'

sh_in() { d exec "$1" sh -c "$2" 2>&1; }
inside() { local c=$1; shift; nsenter --net="/proc/$(field "$c" .State.Pid)/ns/net" -- "$@"; }
serve() { # CONTAINER CMD…: a server of this host in the container's network
    local pid; pid=$(field "$1" .State.Pid); shift
    nsenter --net="/proc/$pid/ns/net" -- "$@" >/dev/null 2>&1 & SERVERS="$SERVERS $!"; keep
}
idle() { d run -d "$@" busybox sleep 1000 >/dev/null; }
addr_of() { field "$1" ".NetworkSettings.Networks[\"$2\"].IPAddress"; }
tcp() { "$1" timeout 3 socat -t2 - "TCP:$2:$3,connect-timeout=2" </dev/null 2>/dev/null; } # WHERE ADDR PORT
udp() { echo x | "$1" timeout 3 socat -t1 - "UDP:$2:$3" 2>/dev/null; }
tables() { in_host nft list ruleset 2>/dev/null; }
ours() { tables | sed -n '/^table inet berth_/,/^}/p'; }

# ---- rules of others, before and after ----
in_host nft -f - <<'NFT'
table inet theirs {
    chain input { type filter hook input priority 0; policy accept; tcp dport 1 drop; }
}
NFT
in_host iptables-nft -A INPUT -p tcp --dport 2 -j DROP
in_host iptables-nft -t nat -A POSTROUTING -s 10.250.0.0/16 -j MASQUERADE
theirs() { tables | sed -E '/^table (inet|bridge) berth_/,/^}/d'; }
THEIRS=$(theirs)

# ---- servers ----
d pull -q 127.0.0.1:5000/registry >/dev/null
settled; census_stable >"$HOST/before"
check "a registry" d run -d --name reg -p 5001:5000 127.0.0.1:5000/registry
check "from the outside" poll 10 out curl -fs -m 2 http://192.0.2.1:5001/v2/
check "a server of tcp and udp" idle --name echo -p 7000:7000 -p 7000:7000/udp -p 192.0.2.11:7001:7000 -p 127.0.0.1:7002:7000 -p 127.0.0.1:7002:7000/udp -p 7100-7109:7000-7009/udp -p 5201:5201 -p 5201:5201/udp
serve echo python3 outside_server.py 7000
serve echo iperf3 -s
poll 5 eval '[ -n "$(tcp in_host "$(addr_of echo bridge)" 7000)" ]'
same "tcp from the outside shows its address" 203.0.113.9 "$(tcp out 192.0.2.1 7000)"
same "from a neighbour too" 192.0.2.2 "$(tcp lan 192.0.2.1 7000)"
same "udp from the outside" 203.0.113.9 "$(udp out 192.0.2.1 7000)"
same "udp from a neighbour" 192.0.2.2 "$(udp lan 192.0.2.1 7000)"
same "udp in a range" 203.0.113.9 "$(udp out 192.0.2.1 7100)"
same "a port of one address" 203.0.113.9 "$(tcp out 192.0.2.11 7001)"
same "is not at another one" "" "$(tcp out 192.0.2.1 7001)"
same "loopback is not for udp of neighbours" "" "$(udp lan 192.0.2.1 7002)"
lan ip route add 127.0.0.1/32 via 192.0.2.1 dev eth0 src 192.0.2.2 table 100
lan sh -c 'sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1; ip rule add pref 0 to 127.0.0.1 lookup 100; ip rule del pref 0 lookup local; ip rule add pref 10 lookup local'
n_sent() { lan ip -s link show eth0 | tail -1 | awk '{print $2}'; } # (/sys is the test's own network's)
sent=$(n_sent)
same "nor by packets to 127.0.0.1 on the wire" "" "$(udp lan 127.0.0.1 7002)$(tcp lan 127.0.0.1 7002)"
check "which were sent" [ "$(n_sent)" -gt "$sent" ]
same "the host reaches it by tcp" yes "$([ -n "$(tcp in_host 127.0.0.1 7002)" ] && echo yes)"
same "and by udp" yes "$([ -n "$(udp in_host 127.0.0.1 7002)" ] && echo yes)"
same "by routing nobody gets in" "" "$(tcp lan "$(addr_of echo bridge)" 7000)$(tcp out "$(addr_of echo bridge)" 7000)"
check "another container" idle --name other
gets() { inside "$1" timeout 3 socat -t2 - "TCP:$2:$3,connect-timeout=2" </dev/null 2>/dev/null; }
same "reaches the published port by the host's address" yes "$([ -n "$(gets other 192.0.2.1 7000)" ] && echo yes)"
same "a container reaches itself so" yes "$([ -n "$(gets echo 192.0.2.1 7000)" ] && echo yes)"
check "iperf3 from the outside" out timeout 20 iperf3 -c 192.0.2.1 -n 50M
check "the other way" out timeout 20 iperf3 -R -c 192.0.2.1 -n 50M
check "iperf3 by udp" out timeout 20 iperf3 -u -b 50M -t 1 -c 192.0.2.1
check "by loopback" in_host timeout 20 iperf3 -c 127.0.0.1 -n 50M
check "every exposed port" d run -d --name all --expose 80 --expose 81/udp -P busybox httpd -f -p 80 -h /etc
check "has one of the host's" poll 5 eval 'out curl -fs -m 2 -o /dev/null "http://192.0.2.1:$(d port all 80/tcp | head -1 | sed "s/.*://")/hostname"'
like "of udp too" "^0.0.0.0:[0-9]+" "$(d port all 81/udp)"
if in_host python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' 2>/dev/null; then
    SCTP=1
fi
check "sctp" idle --name sctp -p 7200:7000/sctp
like "has a rule" "sctp . 7200 : $(addr_of sctp bridge) . 7000" "$(ours)"
if [ -n "$SCTP" ]; then
    serve sctp socat SCTP-LISTEN:7000,fork EXEC:'echo hello'
    check "which works" poll 5 eval '[ "$(out timeout 3 socat -u SCTP:192.0.2.1:7200 -)" = hello ]'
fi
d rm -f sctp >/dev/null
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 -m http.server -b 0.0.0.0 7300 >/dev/null 2>&1 & OWNER=$!; keep
poll 5 in_host curl -fs -o /dev/null http://127.0.0.1:7300/
fails "a conflict names who has the port" "7300.*address already in use.*pid $OWNER" idle --name conflict -p 7300:80
d rm -f conflict >/dev/null 2>&1

# ---- options of networks ----
check "icc off" d network create --subnet 10.40.0.0/24 -o com.docker.network.bridge.enable_icc=false quiet
check "a" idle --name qa --network quiet; check "b" idle --name qb --network quiet
fails "do not reach each other" "" sh_in qa "ping -c1 -W1 $(addr_of qb quiet)"
check "but the outside" d exec qa ping -c1 -W2 203.0.113.9
check "masquerade off" d network create --subnet 10.40.1.0/24 -o com.docker.network.bridge.enable_ip_masquerade=false plain
check "c" idle --name pc --network plain
nsenter --net="/proc/$OUT/ns/net" -- python3 outside_server.py 7400 & keep
poll 3 eval '[ -n "$(tcp lan 203.0.113.9 7400)" ]'
same "shows its own address" "$(addr_of pc plain)" "$(gets pc 203.0.113.9 7400)"
same "others the host's" 192.0.2.1 "$(gets other 203.0.113.9 7400)"
fails "networks do not reach each other" "" sh_in other "ping -c1 -W1 $(addr_of pc plain)"
check "an address for ports" d network create -o com.docker.network.bridge.host_binding_ipv4=192.0.2.11 bound
fails "must be one" "host_binding_ipv4 value: \"x\"" d network create -o com.docker.network.bridge.host_binding_ipv4=x bad
check "d" d run -d --name bd --network bound -p 7500:80 busybox httpd -f -p 80 -h /etc
same "is used" 192.0.2.11:7500 "$(d port bd 80)"
check "there" poll 5 out curl -fs -m 2 -o /dev/null http://192.0.2.11:7500/hostname
fails "only" "" out curl -fs -m 1 -o /dev/null http://192.0.2.1:7500/hostname
check "an mtu" d network create -o com.docker.network.driver.mtu=1200 small
check "e" idle --name me --network small
same "is the interface's" 1200 "$(sh_in me 'cat /sys/class/net/eth0/mtu')"
check "sealed" d network create --internal sealed
check "f" idle --name sf --network sealed
fails "has no way out" "" sh_in sf "ping -c1 -W1 192.0.2.2"
fails "even with a route of its own" "" inside sf sh -c 'ip route add default dev eth0; ping -c1 -W1 192.0.2.2'

# ---- names, with dnsmasq as the host's resolver ----
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- ip addr add 10.53.0.2/32 dev lo
long=$(printf 'x%.0s' $(seq 250))
in_host dnsmasq -k -i lo -a 10.53.0.2 -z -R -h -u root --pid-file= --host-record=known.test,198.51.100.7 --ptr-record=7.100.51.198.in-addr.arpa,known.test \
    --host-record=short.corp.test,198.51.100.8 $(for i in 1 2 3 4 5 6 7 8; do echo "--txt-record=big.test,$i$long"; done) >/dev/null 2>&1 & keep
check "a network" d network create named
# The first server never answers.
check "a container" idle --name n1 --network named --dns 10.53.0.9 --dns 10.53.0.2 --dns-search corp.test --dns-opt timeout:3 --add-host gw:host-gateway --network-alias both
check "another" idle --name n2 --network named --network-alias both
dig_() { inside n1 dig @127.0.0.11 +timeout=8 +tries=1 "$@" 2>&1; }
same "a name of the outside, by the second server" 198.51.100.7 "$(dig_ +short known.test)"
same "an address of the outside" known.test. "$(dig_ +short -x 198.51.100.7)"
same "an address of a neighbour" n2.named. "$(dig_ +short -x "$(addr_of n2 named)")"
same "a short id" "$(addr_of n2 named)" "$(dig_ +short "$(field n2 .Id | cut -c1-12)")"
same "an alias of two" "$(printf '%s\n' "$(addr_of n1 named)" "$(addr_of n2 named)" | sort)" "$(dig_ +short both | sort)"
same "EDNS: the whole" 8 "$(dig_ +bufsize=4096 +ignore +short txt big.test | grep -c "$long")"
like "512 bytes: truncated" "flags:.* tc" "$(dig_ +noedns +ignore txt big.test)"
same "then by TCP" 8 "$(dig_ +noedns +short txt big.test | grep -c "$long")"
like "the search list" "^search corp.test" "$(sh_in n1 'cat /etc/resolv.conf')"
like "and option" "^options .*timeout:3" "$(sh_in n1 'cat /etc/resolv.conf')"
like "a name by the search list" "198.51.100.8" "$(sh_in n1 'ping -c1 -W1 short')"
like "host-gateway" "^$(field n1 .NetworkSettings.Networks.named.Gateway)	gw$" "$(sh_in n1 'cat /etc/hosts')"

# ---- rules of others ----
same "of others are as they were" "$THEIRS" "$(theirs)"
RULES=$(ours)
in_host nft flush ruleset
begun=${EPOCHREALTIME/./}
check "a flushed ruleset is back" poll 1 eval '[ -n "$(ours)" ]'
echo "# back after $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
poll 2 eval '[ "$(ours)" = "$RULES" ]'
same "as it was" "$RULES" "$(ours)"
check "and works" [ "$(tcp out 192.0.2.1 7000)" = 203.0.113.9 ]

# ---- a dockerd beside us ----
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- unshare -m dockerd --data-root "$HOST/docker" --exec-root "$HOST/docker-exec" \
    --pidfile "$HOST/docker.pid" -H "unix://$HOST/docker.sock" --bip 172.31.200.1/24 --storage-driver vfs >"$HOST/docker.log" 2>&1 &
DOCKERD=$!
k() { in_host docker -H "unix://$HOST/docker.sock" "$@"; }
if poll 30 k info; then
    k load -q -i "$IMAGES/busybox.tar" >/dev/null
    image=$(k images -q | head -1)
    check "dockerd runs one, too" k run -d --name theirs -p 7600:80 "$image" busybox httpd -f -p 80 -h /etc
    check "which is reached" poll 5 out curl -fs -m 2 -o /dev/null http://192.0.2.1:7600/hostname
    same "ours still is" 203.0.113.9 "$(tcp out 192.0.2.1 7000)"
    check "ours reach the outside" d exec other ping -c1 -W2 203.0.113.9
    check "theirs too" k exec theirs busybox ping -c1 -W2 203.0.113.9
    check "a new one of ours" d run -d --name late -p 7601:80 busybox httpd -f -p 80 -h /etc
    check "is reached" poll 5 out curl -fs -m 2 -o /dev/null http://192.0.2.1:7601/hostname
    fails "its port is taken for theirs" "7601" k run -d -p 7601:80 "$image" busybox true
    k rm -f theirs >/dev/null 2>&1
    d rm -f late >/dev/null
else
    not_ok "dockerd starts" "$(tail -5 "$HOST/docker.log")"
fi
kill $DOCKERD; wait $DOCKERD 2>/dev/null; DOCKERD=
in_host ip link del docker0 2>/dev/null

# ---- the host's own firewall decides ----
in_host nft add table inet fw
in_host nft add chain inet fw in '{ type filter hook input priority 0; }'
in_host nft add rule inet fw in ip saddr 203.0.113.0/24 tcp dport 7000 drop
same "nat: published past it, as with Docker" 203.0.113.9 "$(tcp out 192.0.2.1 7000)"
engine_stop
if engine_start --publish-mode proxy; then ok "an engine with --publish-mode proxy"; else not_ok "an engine with --publish-mode proxy"; fi
check "proxy: kept out" poll 3 eval '[ -z "$(tcp out 192.0.2.1 7000)" ]' # the rules of before go first
same "others come in" yes "$([ -n "$(tcp lan 192.0.2.1 7000)" ] && echo yes)"
in_host nft delete table inet fw
same "without the rule all do" yes "$([ -n "$(tcp out 192.0.2.1 7000)" ] && echo yes)"
same "udp by the proxy" yes "$([ -n "$(udp out 192.0.2.1 7000)" ] && echo yes)"
engine_stop
if engine_start --ip 192.0.2.11; then ok "an engine with --ip"; else not_ok "an engine with --ip"; fi
check "a container" d run -d --name ip1 -p 7700:80 busybox httpd -f -p 80 -h /etc
same "is published there" 192.0.2.11:7700 "$(d port ip1 80)"

kill $SERVERS # they hold their network namespace
containers_clear
d network rm quiet plain bound small sealed named >/dev/null
# The pool of prepared namespaces shrinks by half each second.
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
