#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The host is no router for others because an engine runs on it: two outside hosts on two links of
# it, before, with, without and after the engine. Where it was one before, nothing of that changes.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh && . ../lib/lan.sh
A= B= PIDS=
trap 'kill $PIDS $A $B 2>/dev/null; host_down' EXIT
host_up
images_make
lan_outside A out1 192.0.2; lan_outside B out2 198.51.100
a() { nsenter --net="/proc/$A/ns/net" -- "$@"; }
b() { nsenter --net="/proc/$B/ns/net" -- "$@"; }
through() { # FAMILY: A reaches B through the host (the first ping waits for the neighbour)
    if [ "$1" = 4 ]; then a ping -c1 -W0.4 198.51.100.2; else a ping -6 -c1 -W0.4 2001:db8:2::2; fi
}
back() { if [ "$1" = 4 ]; then b ping -c1 -W0.4 192.0.2.2; else b ping -6 -c1 -W0.4 2001:db8:1::2; fi; }
forwards() { in_host cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | paste -sd' '; }
no_router() { # WHEN
    local family
    for family in 4 6; do
        fails "$1: no way through, IPv$family" "" through $family
        fails "$1: nor back" "" back $family
    done
}
inside() { nsenter --net="/proc/$(d inspect -f '{{.State.Pid}}' "$1")/ns/net" -- "${@:2}"; }
containers_work() { # WHEN
    check "$1: a container gets out" poll 5 inside web ping -c1 -W1 198.51.100.2
    check "$1: by IPv6" poll 5 inside web ping -6 -c1 -W1 2001:db8:2::2
    check "$1: its published port is reached" poll 5 a curl -fs -m 2 -o /dev/null http://192.0.2.1:8080/hostname
}

same "the host forwards nothing" "0 0" "$(forwards)"
no_router "before"

# ---- an engine turns it on ----
in_host ip link add old type bridge; in_host sh -c 'ip addr add 10.9.0.1/24 dev old; ip link set old up'
engine_start || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null
no_router "with the engine"
d network create --ipv6 six >/dev/null
check "a container" d run -d --name web --network six -p 8080:80 busybox httpd -f -p 80 -h /etc
same "it forwards now" "1 1" "$(forwards)"
no_router "with IPv6"
containers_work "with the engine"
in_host nft flush ruleset
check "rules that are gone come again" poll 5 eval 'in_host nft list ruleset | grep -q "chain guard"'
no_router "after a flush"
engine_kill
no_router "without the engine"
engine_start
no_router "the engine again"
containers_work "the engine again"
engine_stop; engine_start # containers run: nothing is given back
no_router "once more"

# ---- bridges of others ----
guest() { # BRIDGE NET: a namespace in it
    in_host ip link add "v$1" type veth peer name eth0
    unshare --net -- sleep 600 & PIDS="$PIDS $!"
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    in_host ip link set eth0 netns $!; in_host ip link set "v$1" master "$1" up
    nsenter --net="/proc/$!/ns/net" -- sh -c "ip link set eth0 up; ip addr add $2.2/24 dev eth0; ip route add default via $2.1"
    GUEST=$!
}
out_of() { nsenter --net="/proc/$GUEST/ns/net" -- ping -c1 -W1 198.51.100.2; }
guest old 10.9.0
fails "a bridge that was there before us is as it was" "" out_of
in_host sh -c 'ip link add late type bridge; ip addr add 10.8.0.1/24 dev late; ip link set late up'
guest late 10.8.0
in_host nft add table ip theirs # as those who make one do
check "one that came later may live from it" poll 5 out_of
no_router "with bridges of others"
in_host ip link del late; in_host nft delete table ip theirs

# ---- the end ----
d rm -f web >/dev/null; d network rm six >/dev/null
engine_stop
same "an engine that ends without containers gives it back" "0 0" "$(forwards)"
same "and no rule is left" "" "$(in_host nft list ruleset)"
no_router "after the engine"
engine_start; engine_kill # with nothing: the next one gives it back all the same
no_router "killed"
engine_start; engine_stop
same "after a kill too" "0 0" "$(forwards)"

# ---- a host that was a router before ----
in_host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
check "a router" through 4
check "a router, IPv6" through 6
engine_start
check "stays one" through 4
check "the other way" back 4
d network create --ipv6 six >/dev/null
check "by IPv6" through 6
same "no rule about it" "" "$(in_host nft list ruleset | grep guard)"
d network rm six >/dev/null
engine_stop
same "also afterwards" "1 1" "$(forwards)"
check "a router as before" through 4
finish
