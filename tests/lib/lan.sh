# A LAN beside the host, and the tests of what not every kernel has: 802.1q, ipvlan, SCTP. Run by
# system/vlan.sh on this machine's kernel and by system/in_vm.sh on Debian's. Needs host.sh, tap.sh
# and qa.sh; d is the client.
#
#   lan_up                the host's uplinks up0…up2, veths into a bridge of another namespace; its
#                         neighbour 10.88.0.254 (10.89…) routes on to 198.51.100.1 and serves HTTP
#   lan_down              ends what lan_up started
#   lan_outside VAR LINK NET     an outside host on a link of its own: NET.2 and 2001:db8:LINK::2 of a
#                         host that is NET.1 and …::1, by which it routes all else; the namespace's pid
#   lan_sub_interfaces, lan_ipvlan, lan_sctp      the tests; those without the module: a refusal
#   lan_ipv6 KIND         of macvlan or ipvlan

LAN= LAN_HTTPD=
lan() { nsenter --net="/proc/$LAN/ns/net" -- "$@"; }

lan_up() {
    unshare --net -- sleep 600 &
    LAN=$!
    until [ "$(readlink /proc/$LAN/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    for up in up0 up1 up2; do
        in_host ip link add $up type veth peer name "p-$up" netns $LAN
        in_host ip link set $up up
    done
    in_host ip addr add 10.88.0.1/24 dev up0
    lan sh -c 'ip link set lo up; ip addr add 198.51.100.1/32 dev lo; sysctl -qw net.ipv4.ip_forward=1
ip link add lan type bridge; ip link set lan up; ip addr add 10.88.0.254/24 dev lan; ip addr add 10.89.0.254/24 dev lan
for up in up0 up1 up2; do ip link set p-$up master lan up; done'
    mkdir "$HOST/www"; echo neighbour >"$HOST/www/index.html"
    nsenter --net="/proc/$LAN/ns/net" -- busybox httpd -f -p 80 -h "$HOST/www" >/dev/null 2>&1 &
    LAN_HTTPD=$!
}
lan_down() {
    [ -z "$LAN" ] || kill $LAN_HTTPD $LAN 2>/dev/null
    LAN=
}

lan_outside() {
    unshare --net -- sleep 600 8>&- &
    printf -v "$1" %s $!
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    in_host ip link add "$2" type veth peer name eth0 netns $!
    in_host sh -c "ip addr add $3.1/24 dev $2; ip addr add 2001:db8:${2//[!0-9]/}::1/64 dev $2 nodad; ip link set $2 up"
    nsenter --net="/proc/$!/ns/net" -- sh -c "ip link set lo up; ip addr add $3.2/24 dev eth0; ip addr add 2001:db8:${2//[!0-9]/}::2/64 dev eth0 nodad
ip link set eth0 up; ip route add default via $3.1; ip -6 route add default via 2001:db8:${2//[!0-9]/}::1"
}

has_type() { in_host ip link add probe0 link up2 type "$@" 2>/dev/null && in_host ip link del probe0; }
sh_in() { d exec "$1" sh -c "$2" 2>&1; }
web() { # NAME ARGS…: a container that serves its name
    local name=$1; shift
    d run -d --name "$name" "$@" busybox sh -c "mkdir /w; echo $name >/w/index.html; exec httpd -f -p 80 -h /w" >/dev/null
}
get() { lan curl -s -m 2 "http://$1/"; }
# (wget of Debian's busybox-static ends by a signal)
sees() { sh_in "$1" "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 $2 80 2>&1" | tail -1; }
addr_of() { d inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
pid_of() { d inspect -f '{{.State.Pid}}' "$1"; }
ready() { poll 5 eval "[ \"\$(get $1)\" = $2 ]"; }

lan_sub_interfaces() {
    local address
    if ! has_type vlan id 5; then
        fails "a sub-interface (no 802.1q in this kernel)" "cannot make the sub-interface up1.10" d network create -d macvlan -o parent=up1.10 tagged
        return
    fi
    lan sh -c 'ip link add link lan name lan.10 type vlan id 10; ip addr add 10.93.0.254/24 dev lan.10; ip link set lan.10 up'
    check "a sub-interface" d network create -d macvlan --subnet 10.93.0.0/24 --gateway 10.93.0.254 -o parent=up1.10 tagged
    like "is made" "up1.10@up1 .*[<,]UP" "$(in_host ip -br link)"
    like "with its tag" "802.1Q id 10 " "$(in_host ip -d link show up1.10)"
    check "a container" web s1 --network tagged
    address=$(addr_of s1 tagged)
    check "reached by the tag" ready "$address" s1
    same "reaches the neighbour by the tag" neighbour "$(sees s1 10.93.0.254)"
    lan sh -c 'ip addr del 10.93.0.254/24 dev lan.10; ip addr add 10.93.0.254/24 dev lan'
    same "not without it" "" "$(lan curl -s -m 1 "http://$address/")"
    lan sh -c 'ip addr del 10.93.0.254/24 dev lan; ip addr add 10.93.0.254/24 dev lan.10'
    check "a second network on it" d network create -d macvlan --subnet 10.94.0.0/24 -o parent=up1.10 tagged2
    engine_stop # the containers go on
    in_host ip link del up1.10 # as after a reboot
    if engine_start; then ok "the engine starts again"; else not_ok "the engine starts again"; fi
    like "the sub-interface is made again" "up1.10@up1" "$(in_host ip -br link)"
    d rm -f s1 >/dev/null
    check "the first is removed" d network rm tagged
    like "the sub-interface stays" "up1.10@up1" "$(in_host ip -br link)"
    check "the second is removed" d network rm tagged2
    same "it goes too" "" "$(in_host ip -br link | grep -F up1.10)"
    in_host ip link add link up1 name up1.11 type vlan id 11
    check "one that was there" d network create -d macvlan -o parent=up1.11 theirs
    check "is used" d network rm theirs
    like "and is not removed" "up1.11" "$(in_host ip -br link)"
    in_host ip link del up1.11
}

lan_ipv6() { # KIND
    local i
    check "$1 with IPv6" d network create -d "$1" --ipv6 --subnet 10.89.0.0/24 --subnet fd00:89::/64 -o parent=up1 six
    for i in 1 2; do check "$1: container $i starts" d run -d --name s$i --network six --ip6 fd00:89::1$i busybox sleep 1000; done
    like "$1: it has the address" 'fd00:89::11/64' "$(sh_in s1 'ip -6 addr show eth0')"
    check "$1: they reach each other" poll 5 d exec s1 ping -6 -c1 -W1 fd00:89::12
    same "$1: no address by router advertisement" 0 "$(sh_in s1 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra')"
    check "$1: connected when it runs" eval 'd run -d --name s3 busybox sleep 1000 && d network connect --ip6 fd00:89::13 six s3'
    check "$1: reached, too" poll 5 d exec s1 ping -6 -c1 -W1 fd00:89::13
    d rm -f s1 s2 s3 >/dev/null; d network rm six >/dev/null
}
lan_ipvlan() {
    local mode gateway
    if ! has_type ipvlan; then
        fails "ipvlan (not in this kernel)" "this kernel has no ipvlan" d network create -d ipvlan -o parent=up2 ip2
        return
    fi
    check "ipvlan l2" d network create -d ipvlan --subnet 10.89.0.0/24 --gateway 10.89.0.254 -o parent=up2 ip2
    fails "no MAC" "ipvlan interfaces do not support custom mac address assignment" d run --rm --network ip2 --mac-address 02:aa:bb:cc:dd:02 busybox true
    check "a container" web q1 --network ip2
    check "another" web q2 --network ip2 --network-alias site
    same "without a MAC of its own" "" "$(d inspect -f '{{(index .NetworkSettings.Networks "ip2").MacAddress}}' q1)"
    check "reached from the LAN" ready "$(addr_of q1 ip2)" q1
    same "reaches the neighbour" neighbour "$(sees q1 10.89.0.254)"
    same "and beyond it" neighbour "$(sees q1 198.51.100.1)"
    same "reaches the other" q2 "$(sees q1 q2)"
    same "by its alias" q2 "$(sees q1 site)"
    same "by the gateway" "default via 10.89.0.254 dev eth0" "$(sh_in q1 'ip route' | grep default | sed 's/ *$//')"
    fails "one network to a parent" "network di-.* is already using parent interface up2" d network create -d ipvlan -o parent=up2 bad
    fails "nor one of macvlan" "is already using parent interface up2" d network create -d macvlan -o parent=up2 bad
    engine_kill; engine_start
    same "after the engine" q2 "$(sees q1 q2)"
    d rm -f q1 q2 >/dev/null; d network rm ip2 >/dev/null
    lan_ipv6 ipvlan
    for mode in l3 l3s; do
        check "ipvlan $mode" d network create -d ipvlan --subnet 10.95.0.0/24 -o parent=up2 -o ipvlan_mode=$mode ip3
        check "a container" web r1 --network ip3
        check "another" web r2 --network ip3
        same "the device is the way out" "default dev eth0" "$(sh_in r1 'ip route' | grep default | sed 's/ scope link//; s/ *$//')"
        lan ip route replace 10.95.0.0/24 via 10.89.0.1 # the host's up2 answers for them
        in_host ip addr replace 10.89.0.1/24 dev up2
        check "reached from the LAN" ready "$(addr_of r1 ip3)" r1
        same "reaches the neighbour" neighbour "$(sees r1 10.89.0.254)"
        same "reaches the other" r2 "$(sees r1 r2)"
        lan ip route del 10.95.0.0/24; in_host ip addr del 10.89.0.1/24 dev up2
        d rm -f r1 r2 >/dev/null; d network rm ip3 >/dev/null
    done
    check "ipvlan, internal" d network create -d ipvlan --internal --subnet 10.96.0.0/24 -o parent=up2 ip4
    check "a container" web t1 --network ip4
    same "has no way out" "" "$(sh_in t1 'ip route' | grep default)"
    d rm -f t1 >/dev/null; d network rm ip4 >/dev/null
}

lan_sctp() {
    local server
    fails "SCTP on loopback" "SCTP ports cannot be published on a loopback address" d run --rm -p 127.0.0.1:7777:7777/sctp busybox true
    check "a published SCTP port" d run -d --name sctp -p 7777:7777/sctp busybox sleep 1000
    like "has a rule" "sctp . 7777 : $(addr_of sctp bridge)" "$(in_host nft list ruleset | tr -d '\n\t')"
    if python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' 2>/dev/null; then
        nsenter --net="/proc/$(pid_of sctp)/ns/net" -- socat SCTP-LISTEN:7777,fork EXEC:'echo hello' >/dev/null 2>&1 &
        server=$!
        check "reached from the LAN" poll 5 eval '[ "$(sctp lan 10.88.0.1)" = hello ]'
        same "from the host by its address" hello "$(sctp in_host 10.88.0.1)"
        same "not on loopback" "" "$(sctp in_host 127.0.0.1)"
        check "a neighbour on the bridge" d run -d --name sctp2 busybox sleep 1000
        same "reaches it by the host's address" hello "$(sctp_in sctp2 10.88.0.1)"
        d rm -f sctp2 >/dev/null
        fails "its port is taken" "port is already allocated" d run --rm -p 7777:7777/sctp busybox true
        engine_kill; engine_start
        same "after the engine" hello "$(sctp lan 10.88.0.1)"
        kill $server; wait $server 2>/dev/null
    fi
    d rm -f sctp >/dev/null
    same "no rule is left" "" "$(in_host nft list ruleset | grep 7777)"
}
# One way: SCTP has no half-close, the end of an input would end the answer too.
sctp() { "$1" timeout 10 socat -u "SCTP:$2:7777" - 2>/dev/null; } # WHERE ADDRESS
sctp_in() { nsenter --net="/proc/$(pid_of "$1")/ns/net" -- timeout 10 socat -u "SCTP:$2:7777" - 2>/dev/null; }
