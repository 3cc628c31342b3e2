#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# IPv6 of bridge networks: addresses, names, the way out by NAT66 and routed, published ports, what
# must not be reached, an engine that dies. The host is a network namespace, a second one the outside:
# a neighbour on the same link that knows routes to the containers and tries them.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh && . ../lib/census.sh
expect_500 'Bind for \[::\]:8085 failed: port is already allocated' 'as Docker: the port of another container'
[ -d /proc/sys/net/ipv6 ] || { echo "1..0 # SKIP no IPv6 in this kernel"; exit 0; }
UPSTREAM=fd53::53
qa_up
unshare --net -- sleep 300 &
OUTSIDE=$!
until [ "$(readlink /proc/$OUTSIDE/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
outside() { nsenter --net="/proc/$OUTSIDE/ns/net" -- "$@"; }
UPSTREAM_PID= CALLED_PID=
trap 'kill $UPSTREAM_PID $CALLED_PID $OUTSIDE 2>/dev/null; host_down' EXIT
same "without IPv6 networks the host is no IPv6 router" 0 "$(in_host cat /proc/sys/net/ipv6/conf/all/forwarding)"
in_host ip link add out0 type veth peer name eth0 netns $OUTSIDE
outside ip link set lo up; outside ip link set eth0 up; in_host ip link set out0 up
in_host ip addr add 10.99.0.1/24 dev out0; outside ip addr add 10.99.0.2/24 dev eth0
in_host ip addr add 2001:db8:99::1/64 dev out0 nodad; outside ip addr add 2001:db8:99::2/64 dev eth0 nodad
for net in fd00:10::/64 fd00:66::/64 2001:db8:77::/64 2001:db8:78::/64; do outside ip route add $net via 2001:db8:99::1; done
in_host ip addr add $UPSTREAM/128 dev lo nodad
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 dns_upstream.py $UPSTREAM "$HOST/asked" &
UPSTREAM_PID=$!
# Says who called.
nsenter --net="/proc/$OUTSIDE/ns/net" -- python3 -c '
import socket, threading
def serve(family, addr):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, 8000)); s.listen(16)
    while True:
        c, who = s.accept(); c.recv(4096)
        c.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + who[0].encode() + b"\n"); c.close()
threading.Thread(target=serve, args=(socket.AF_INET, "10.99.0.2"), daemon=True).start()
serve(socket.AF_INET6, "2001:db8:99::2")' &
CALLED_PID=$!

sh_in() { d exec "$1" sh -c "$2" 2>&1; }
lookup() { sh_in "$1" "nslookup $2 127.0.0.11"; }
v6_of() { field "$1" ".NetworkSettings.Networks[\"$2\"].GlobalIPv6Address"; }
v4_of() { field "$1" ".NetworkSettings.Networks[\"$2\"].IPAddress"; }
run_idle() { d run -d "$@" >/dev/null; }
fetch() { curl -gfs -m 2 -o /dev/null "http://$1/hostname"; }
from_outside() { nsenter --net="/proc/$OUTSIDE/ns/net" -- curl -gfs -m 2 -o /dev/null "http://$1/hostname"; }
from_host() { nsenter --net="/proc/$HOST_NS_PID/ns/net" -- curl -gfs -m 2 -o /dev/null "http://$1/hostname"; }
not_from_outside() { ! from_outside "$1"; }
tables() { in_host nft list ruleset 2>/dev/null; }
# (a shell before it: as process 1 wget would not heed the timeout's signal)
anew() { d run --rm --network "$1" busybox sh -c "timeout 2 wget -q -O /dev/null '$2'; exit \$?"; } # NETWORK URL
source_seen() { sh_in "$1" "timeout 3 wget -q -O - http://$2:8000/"; }
create() { api_is "$1" "$2" "$3" POST /networks/create "$4"; }
V6='"EnableIPv6":true'
# The first network with IPv6 turns forwarding on; that, and the rules that go with it, stay.
d network create --ipv6 first >/dev/null; d network rm first >/dev/null
settled
census_stable >"$HOST/before"; tables | grep -v handle >"$HOST/tables0"

# ---- creating ----
check "a network with a subnet" d network create --ipv6 --subnet fd00:10::/64 --subnet 10.10.0.0/24 six
same "inspect: both families" "true [{\"Subnet\":\"10.10.0.0/24\",\"Gateway\":\"10.10.0.1\"},{\"Subnet\":\"fd00:10::/64\",\"Gateway\":\"fd00:10::1\"}]" \
    "$(d network inspect six | jq -cr '.[0] | "\(.EnableIPv6) \(.IPAM.Config)"')"
check "one without" d network create --ipv6 ula
check "another" in_host "$BERTH" network create --ipv6 ula2
ula=$(d network inspect ula | jq -r '.[0].IPAM.Config[1].Subnet')
ula2=$(d network inspect ula2 | jq -r '.[0].IPAM.Config[1].Subnet')
like "a ULA was chosen" "^fd[0-9a-f]{2}:.*::/64$" "$ula"
check "another for the other, of the same /48" test "$ula" != "$ula2" -a "$(cut -d: -f1-3 <<<"$ula")" = "$(cut -d: -f1-3 <<<"$ula2")"
same "forwarding is on" 1 "$(in_host cat /proc/sys/net/ipv6/conf/all/forwarding)"
like "and the log says so" "does now: .*set=net.ipv6.conf.all.forwarding" "$(cat "$HOST/engine.log")"
link=br-$(d network inspect six | jq -r '.[0].Id[0:12]')
like "the bridge has the gateway's address" "inet6 fd00:10::1/64 scope global" "$(in_host ip -6 addr show dev "$link")"
same "and takes no router advertisements" 0 "$(in_host cat "/proc/sys/net/ipv6/conf/$link/accept_ra")"
check "ranges, gateways and auxiliary addresses of both" in_host "$BERTH" network create --ipv6 --subnet 10.11.0.0/24 --subnet fd00:11::/64 --gateway fd00:11::9 --ip-range fd00:11::ff00/120 --ip-range 10.11.0.128/25 --aux-address a=fd00:11::ff00 --aux-address b=10.11.0.5 all
same "each beside its subnet" '[{"Subnet":"10.11.0.0/24","IPRange":"10.11.0.128/25","Gateway":"10.11.0.1","AuxiliaryAddresses":{"b":"10.11.0.5"}},{"Subnet":"fd00:11::/64","IPRange":"fd00:11::ff00/120","Gateway":"fd00:11::9","AuxiliaryAddresses":{"a":"fd00:11::ff00"}}]' "$(d network inspect all | jq -c '.[0].IPAM.Config')"
same "and heeded" "inet6 fd00:11::ff01/64" "$(d run --rm --network all busybox ip -6 addr show dev eth0 | grep -o 'inet6 fd[^ ]*')"
d network rm all >/dev/null
create "overlapping" 403 "Pool overlaps" "{\"Name\":\"x\",$V6,\"IPAM\":{\"Config\":[{\"Subnet\":\"fd00:10::/96\"}]}}"
create "host bits" 400 "it should be fd00:11::/64" "{\"Name\":\"x\",$V6,\"IPAM\":{\"Config\":[{\"Subnet\":\"fd00:11::1/64\"}]}}"
create "a gateway elsewhere" 400 "parent subnet doesn't contain" "{\"Name\":\"x\",$V6,\"IPAM\":{\"Config\":[{\"Subnet\":\"fd00:11::/64\",\"Gateway\":\"fd00:12::1\"}]}}"
create "link-local" 400 "link-local" "{\"Name\":\"x\",$V6,\"IPAM\":{\"Config\":[{\"Subnet\":\"fe80::/64\"}]}}"
create "neither family" 400 "IPv4 or IPv6 must be enabled" '{"Name":"x","EnableIPv4":false}'
create "an unknown mode" 400 "unknown gateway mode" "{\"Name\":\"x\",$V6,\"Options\":{\"com.docker.network.bridge.gateway_mode_ipv6\":\"y\"}}"
create "isolated, but not internal" 400 "internal network" "{\"Name\":\"x\",$V6,\"Options\":{\"com.docker.network.bridge.gateway_mode_ipv6\":\"isolated\"}}"
same "nothing was left by those" "" "$(d network ls | grep ' x ')"

# ---- addresses and names ----
check "a container" run_idle --name aa --network six --dns $UPSTREAM --add-host box:fd00::1 --add-host gw:host-gateway busybox sleep 1000
check "a server" run_idle --name bb --network six --network-alias web --dns $UPSTREAM busybox httpd -f -v -p 80 -h /etc
same "addresses in sequence" "fd00:10::2 fd00:10::3" "$(v6_of aa six) $(v6_of bb six)"
same "inspect" "fd00:10::1 64" "$(field aa '.NetworkSettings.Networks.six | "\(.IPv6Gateway) \(.GlobalIPv6PrefixLen)"')"
like "inspect of the network" '"IPv6Address": "fd00:10::2/64"' "$(d network inspect six)"
inet6=$(sh_in aa 'ip -6 addr show dev eth0')
like "the interface" "inet6 fd00:10::2/64 scope global" "$inet6"
same "no detection of duplicates is waited for" "" "$(grep tentative <<<"$inet6")"
same "one global address: none by advertisements or the MAC" 1 "$(grep -c 'scope global' <<<"$inet6")"
same "no router advertisements" 0 "$(sh_in aa 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra')"
like "the way out" "default via fd00:10::1 dev eth0" "$(sh_in aa 'ip -6 route')"
check "a neighbour by address" d exec aa ping6 -c1 -w2 fd00:10::3
check "from the host" in_host ping -6 -c1 -w2 fd00:10::3
like "a name" "Address.*: fd00:10::3" "$(lookup aa bb)"
like "an alias" "Address.*: fd00:10::3" "$(lookup aa web)"
like "by libc" "from fd00:10::3" "$(sh_in aa 'ping6 -c1 -w2 bb')"
like "an address" "name = bb.six|bb.six" "$(lookup aa fd00:10::3)"
like "hosts: both addresses" "fd00:10::2[[:space:]]" "$(sh_in aa 'cat /etc/hosts')"
like "hosts: an IPv6 extra" "^fd00::1[[:space:]]box" "$(sh_in aa 'cat /etc/hosts')"
same "hosts: host-gateway" "10.10.0.1 fd00:10::1" "$(sh_in aa 'grep gw /etc/hosts' | awk '{print $1}' | xargs)"
like "an upstream server on IPv6" "Address.*: 192.0.2.1" "$(lookup aa plain.test)"
check "a container without IPv6" run_idle --name v4 busybox sleep 1000
same "has none" "" "$(sh_in v4 'ip -6 addr show dev eth0')"

# ---- the way out ----
same "NAT66: outside sees the host" 2001:db8:99::1 "$(source_seen aa '[2001:db8:99::2]')"
same "IPv4 as ever" 10.99.0.1 "$(source_seen aa 10.99.0.2)"
check "ping" d exec aa ping6 -c1 -w2 2001:db8:99::2
check "a routed network" d network create --ipv6 --subnet 2001:db8:77::/64 -o com.docker.network.bridge.gateway_mode_ipv6=routed routed
check "a server in it" run_idle --name rr --network routed -p 8090:80 busybox sh -c 'httpd -p 81 -h /etc; httpd -f -p 80 -h /etc'
same "routed: outside sees the container" 2001:db8:77::2 "$(source_seen rr '[2001:db8:99::2]')"
same "its IPv4 is still translated" 10.99.0.1 "$(source_seen rr 10.99.0.2)"
check "a published port at its own address" poll 3 from_outside '[2001:db8:77::2]:80'
fails "an unpublished one is closed" "" from_outside '[2001:db8:77::2]:81'
check "ping of a routed container" outside ping -6 -c1 -w2 2001:db8:77::2
fails "the host has no port for it" "" from_host '[::1]:8090'
check "but for IPv4" from_outside 10.99.0.1:8090
same "inspect" '[{"HostIp":"0.0.0.0","HostPort":"8090"},{"HostIp":"::","HostPort":""}]' "$(field rr '.NetworkSettings.Ports["80/tcp"]' | jq -c .)"
d rm -f rr >/dev/null
same "its rule goes with it" "" "$(tables | grep 2001:db8:77::2)"
check "a translated one" run_idle --name turn --network six -p 8091:80 busybox httpd -f -p 80 -h /etc
check "connects to the routed network" d network connect routed turn
check "keeps its host port" poll 3 from_outside '[2001:db8:99::1]:8091'
check "which is said" grep -q 'keep the gateway mode' "$HOST/engine.log"
d restart -t 0 turn >/dev/null
check "until it restarts" poll 3 eval 'from_outside "[$(v6_of turn routed)]:80"'
fails "then the host has none" "" from_outside '[2001:db8:99::1]:8091'
d rm -f turn >/dev/null
check "an unprotected network" d network create --ipv6 --subnet 2001:db8:78::/64 -o com.docker.network.bridge.gateway_mode_ipv6=nat-unprotected open
check "a server in it" run_idle --name oo --network open busybox httpd -f -p 80 -h /etc
check "is reached by routing" poll 3 from_outside '[2001:db8:78::2]:80'
d rm -f oo >/dev/null

# ---- published ports ----
check "a server with ports" run_idle --name srv --network six -p 8085:80 -p 127.0.0.1:8086:80 -p '[::1]:8087:80' -p 7500-7504:80-84 -p 9053:53/udp busybox httpd -f -v -p 80 -h /etc
check "from outside over IPv6" poll 3 from_outside '[2001:db8:99::1]:8085'
like "seen with its own address" "2001:db8:99::2" "$(d logs srv 2>&1)"
check "from outside over IPv4" from_outside 10.99.0.1:8085
check "from the host over [::1]" from_host '[::1]:8085'
check "from the host to its address" from_host '[2001:db8:99::1]:8085'
check "from the host over 127.0.0.1" from_host 127.0.0.1:8085
check "a port of 127.0.0.1" from_host 127.0.0.1:8086
check "a port of [::1]" from_host '[::1]:8087'
fails "is not the outside's" "" from_outside '[2001:db8:99::1]:8087'
check "a range" from_outside '[2001:db8:99::1]:7500'
check "from a neighbour" d exec aa timeout 2 wget -q -O /dev/null 'http://[2001:db8:99::1]:8085/hostname'
check "from another network" anew ula 'http://[2001:db8:99::1]:8085/hostname'
check "from itself" d exec srv timeout 2 wget -q -O /dev/null 'http://[2001:db8:99::1]:8085/hostname'
check "an IPv4 container's port over [::1]" eval 'run_idle --name old -p 8088:80 busybox httpd -f -p 80 -h /etc && poll 3 from_host "[::1]:8088"'
check "and from outside, by the proxy" from_outside '[2001:db8:99::1]:8088'
check "once it has IPv6" d network connect six old
like "the kernel translates" "tcp . 8088 : $(v6_of old six) . 80" "$(tables)"
check "from outside again" poll 3 from_outside '[2001:db8:99::1]:8088'
check "without it again" d network disconnect six old
check "the proxy is back" poll 3 from_outside '[2001:db8:99::1]:8088'
fails "a port is given once" "port is already allocated" d run --rm --network ula -p '[::]:8085:80' busybox true

# ---- what must not be reached ----
a=$(v6_of srv six)
fails "a neighbour on the link that routes through the host" "" from_outside "[$a]:80"
fails "nor by ping" "" outside ping -6 -c1 -w1 "$a"
fails "another network" "" anew ula "http://[$a]:80/hostname"
check "a sealed network" d network create --internal --ipv6 --subnet fd00:66::/64 sealed
check "in it" run_idle --name s1 --network sealed busybox httpd -f -p 80 -h /etc
check "its neighbours are reached" anew sealed 'http://[fd00:66::2]:80/hostname'
same "there is no way out" "" "$(sh_in s1 'ip -6 route' | grep default)"
fails "not even with a route" "" d exec --privileged s1 sh -c 'ip -6 route add default via fd00:66::1 && timeout 1 wget -q -O - http://[2001:db8:99::2]:8000/'
fails "and none in" "" from_outside '[fd00:66::2]:80'
check "icc off" d network create --ipv6 -o com.docker.network.bridge.enable_icc=false quiet
check "a server" run_idle --name q1 --network quiet busybox httpd -f -p 80 -h /etc
fails "its neighbours do not reach it" "" anew quiet "http://[$(v6_of q1 quiet)]:80/hostname"
create "an isolated one" 201 "" "{\"Name\":\"iso\",$V6,\"Internal\":true,\"Options\":{\"com.docker.network.bridge.gateway_mode_ipv6\":\"isolated\"}}"
iso=br-$(d network inspect iso | jq -r '.[0].Id[0:12]')
same "whose bridge has no address" "" "$(in_host ip -6 addr show dev "$iso")"

# ---- wishes ----
check "--ip6" run_idle --name wish --network six --ip6 fd00:10::77 busybox sleep 1000
same "is had" fd00:10::77 "$(v6_of wish six)"
same "and shown" fd00:10::77 "$(field wish .NetworkSettings.Networks.six.IPAMConfig.IPv6Address)"
fails "once" "Address already in use" d run --rm --network six --ip6 fd00:10::77 busybox true
fails "not the gateway's" "Address already in use" d run --rm --network six --ip6 fd00:10::1 busybox true
fails "only in the subnet" "no configured subnet contains IP address fd00:11::1" d run --rm --network six --ip6 fd00:11::1 busybox true
fails "only an address" "invalid IPv6 address|invalid" d run --rm --network six --ip6 nonsense busybox true
fails "only of a subnet of the user's" "user configured subnets" d run --rm --network ula --ip6 "${ula%/64}77" busybox true
check "connect with one" d network connect --ip6 fd00:10::99 six v4
like "gives an interface that has it" "inet6 fd00:10::99/64" "$(sh_in v4 'ip -6 addr show dev eth1')"
like "and a way out" "default via fd00:10::1 dev eth1" "$(sh_in v4 'ip -6 route')"
same "outside sees the host" 2001:db8:99::1 "$(source_seen v4 '[2001:db8:99::2]')"
check "disconnect" d network disconnect six v4
same "takes it" "" "$(sh_in v4 'ip -6 route' | grep fd00:10)"
check "connect another" d network connect ula aa
like "the way out stays with the first name" "default via fd00:10::1 dev eth0" "$(sh_in aa 'ip -6 route')"
check "disconnect what has it" d network disconnect six aa
like "the other one takes over" "default via ${ula%/64}1 dev eth1" "$(sh_in aa 'ip -6 route')"
check "and back" d network connect six aa

# ---- only IPv6 ----
check "a network of IPv6 only" in_host "$BERTH" network create --ipv4=false --ipv6 --subnet fd00:20::/64 only6
same "inspect" "false true 1" "$(d network inspect only6 | jq -r '.[0] | "\(.EnableIPv4) \(.EnableIPv6) \(.IPAM.Config | length)"')"
check "a server" run_idle --name o1 --network only6 -p 8095:80 --dns $UPSTREAM busybox httpd -f -v -p 80 -h /etc
check "a client" run_idle --name o2 --network only6 --dns $UPSTREAM busybox sleep 1000
same "no IPv4" "" "$(sh_in o2 'ip -4 addr show dev eth0')"
same "inspect of the container" ' fd00:20::3' "$(field o2 '.NetworkSettings.Networks.only6 | "\(.IPAddress) \(.GlobalIPv6Address)"')"
check "MAC addresses differ" test "$(field o1 .NetworkSettings.Networks.only6.MacAddress)" != "$(field o2 .NetworkSettings.Networks.only6.MacAddress)"
check "by name" d exec o2 timeout 2 wget -q -O /dev/null http://o1/hostname
id=$(field o2 .State.Pid)
dig_in() { nsenter --net="/proc/$id/ns/net" -- dig +time=2 +tries=1 @127.0.0.11 "$@" 2>&1; }
same "AAAA" fd00:20::2 "$(dig_in +short o1 AAAA)"
like "A: there is such a name, but no address" "status: NOERROR.*" "$(dig_in o1 A)"
same "and no answer" "" "$(dig_in +short o1 A)"
same "PTR" o1.only6. "$(dig_in +short -x fd00:20::2)"
like "what nobody has is asked outside" "status: NXDOMAIN" "$(dig_in -x fd00:20::99)"
same "NAT66 without IPv4" 2001:db8:99::1 "$(source_seen o2 '[2001:db8:99::2]')"
check "published from outside over IPv6" poll 3 from_outside '[2001:db8:99::1]:8095'
check "over [::1]" from_host '[::1]:8095'
check "over IPv4, by the proxy" from_host 127.0.0.1:8095
check "connect to a network of both" d network connect six o2
like "IPv4 appears" "inet 10.10.0" "$(sh_in o2 'ip addr')"

# ---- docker-py ----
check "docker-py drives it" in_host python3 - <<'PY'
import docker
c = docker.from_env()
pool = docker.types.IPAMPool(subnet="fd00:30::/64", gateway="fd00:30::1", iprange="fd00:30::100/120")
n = c.networks.create("py", enable_ipv6=True, ipam=docker.types.IPAMConfig(pool_configs=[pool]))
assert n.attrs["EnableIPv6"] and n.attrs["IPAM"]["Config"][1]["IPRange"] == "fd00:30::100/120", n.attrs
x = c.containers.create("busybox", "sleep 1000", network="py")
x.start(); x.reload()
assert x.attrs["NetworkSettings"]["Networks"]["py"]["GlobalIPv6Address"] == "fd00:30::100", x.attrs
n.disconnect(x); n.connect(x, ipv6_address="fd00:30::5"); x.reload()
assert x.attrs["NetworkSettings"]["Networks"]["py"]["GlobalIPv6Address"] == "fd00:30::5"
x.remove(force=True); n.remove()
PY

# ---- an engine that dies ----
before=$(for c in aa bb srv wish o1 o2; do field $c '.NetworkSettings.Networks | map_values([.IPAddress, .GlobalIPv6Address, .IPv6Gateway])' | jq -c .; done)
engine_kill
if engine_start; then ok "the engine comes back"; else not_ok "the engine comes back"; fi
same "the addresses are the same" "$before" "$(for c in aa bb srv wish o1 o2; do field $c '.NetworkSettings.Networks | map_values([.IPAddress, .GlobalIPv6Address, .IPv6Gateway])' | jq -c .; done)"
like "names" "Address.*: fd00:10::3" "$(lookup aa bb)"
check "ports from outside" poll 3 from_outside '[2001:db8:99::1]:8085'
check "over [::1]" from_host '[::1]:8085'
check "of IPv6 only" from_outside '[2001:db8:99::1]:8095'
fails "a lease is a lease" "Address already in use" d run --rm --network six --ip6 fd00:10::77 busybox true
check "a network without IPv4 is there, too" d run --rm --network only6 busybox true
check "disconnect after the restart" d network disconnect six o2
run_idle --name new --network six busybox sleep 1000
same "a new one gets none of theirs" 1 "$(d network inspect six | jq -r '.[0].Containers[].IPv6Address' | grep -cx "$(v6_of new six)/64")"
d rm -f wish >/dev/null
check "an address is free after its container" run_idle --name wish2 --network six --ip6 fd00:10::77 busybox sleep 1000

# ---- the default bridge ----
containers_clear
engine_stop
if engine_start --ipv6 --fixed-cidr-v6 fd00:d::/64 --userland-proxy=false; then ok "an engine with --ipv6"; else not_ok "an engine with --ipv6"; fi
check "a container of the default bridge" run_idle --name dd -p 8099:80 busybox httpd -f -p 80 -h /etc
same "has an address" fd00:d::2 "$(field dd .NetworkSettings.GlobalIPv6Address)"
same "and a way out" 2001:db8:99::1 "$(source_seen dd '[2001:db8:99::2]')"
check "and its port" poll 3 from_outside '[2001:db8:99::1]:8099'
check "without a proxy the host's own connections are translated" from_host '[2001:db8:99::1]:8099'
engine_kill
if engine_start; then ok "an engine without it again"; else not_ok "an engine without it again"; fi
same "what runs keeps its address" fd00:d::2 "$(field dd .NetworkSettings.GlobalIPv6Address)"
check "and is reached" from_outside 10.99.0.1:8099
d rm -f dd >/dev/null
same "what starts now has none" "" "$(d run --rm busybox ip -6 addr show dev eth0 | grep global)"

# ---- nothing is left ----
for n in six ula ula2 routed open sealed quiet iso only6; do d network rm $n >/dev/null || not_ok "network rm $n"; done
settled
census_back "nothing is left" "$HOST/before"
tables | grep -v handle >"$HOST/tables1"
census_same "nor rules" "$HOST/tables0" "$HOST/tables1"
same "nor bridges" 1 "$(in_host ip -o link show type bridge | wc -l)"
engine_sound
finish
