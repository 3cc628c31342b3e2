#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Other owners of the host's firewall: a real dockerd, iptables as ufw sets them, an nft table like
# firewalld's. Where they drop what is forwarded by default, containers work all the same, no rule
# of theirs is overruled, and none is changed.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
for p in dockerd iptables-nft; do
    command -v $p >/dev/null || { echo "1..0 # SKIP no $p"; exit 0; }
done
OUT= DOCKERD= SERVERS=
docker_stop() { [ -z "$DOCKERD" ] || { kill "$DOCKERD"; wait "$DOCKERD"; } 2>/dev/null; DOCKERD=; }
clean() { kill $SERVERS $OUT 2>/dev/null; docker_stop; host_down; }
trap clean EXIT
host_up
images_make
# The outside: 192.0.2.2, and 203.0.113.9 behind it.
unshare --net -- sleep 600 & OUT=$!
until [ "$(readlink /proc/$OUT/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
out() { nsenter --net="/proc/$OUT/ns/net" -- "$@"; }
in_host ip link add up0 type veth peer name eth0 netns "$OUT"
in_host sh -c 'ip addr add 192.0.2.1/24 dev up0; ip link set up0 up; ip route add default via 192.0.2.2'
out sh -c 'ip link set lo up; ip addr add 203.0.113.9/32 dev lo; ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up; ip route add 172.16.0.0/12 via 192.0.2.1'

k() { in_host /usr/bin/docker -H "unix://$HOST/docker.sock" "$@"; }
docker_start() {
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- unshare -m dockerd --data-root "$HOST/docker" --exec-root "$HOST/docker-exec" \
        --pidfile "$HOST/docker.pid" -H "unix://$HOST/docker.sock" --shutdown-timeout 1 --storage-driver vfs >>"$HOST/docker.log" 2>&1 &
    DOCKERD=$!
    poll 30 k info || { not_ok "dockerd starts" "$(tail -5 "$HOST/docker.log")"; finish; exit 1; }
}
filter() { in_host iptables -S FORWARD | grep -v berth_; } # theirs
jumps() { in_host iptables -S FORWARD | grep -c -- "-j berth_"; }
ours() { in_host nft list ruleset | sed -n '/^table inet berth_/,/^}/p'; }
# A container that tells clients their address at port 80, and at 81, which is not published.
server() { # d|k NAME ARGS… (a test)
    local by=$1 name=$2; shift 2
    check "a container: $name" $by run -d --name "$name" "$@" busybox sleep 1000
    serve $by "$name"
}
declare -A PID IP
serve() { # d|k NAME: once it runs
    local port
    read -r PID[$2] IP[$2] < <($1 inspect -f '{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$2")
    for port in 80 81; do
        nsenter --net="/proc/${PID[$2]}/ns/net" -- socat "TCP-LISTEN:$port,fork,reuseaddr" SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 &
        SERVERS="$SERVERS $!"
    done
}
ask() { "$1" timeout 3 socat -t2 - "TCP:$2:$3,connect-timeout=1" </dev/null 2>/dev/null; } # WHERE ADDRESS PORT
within() { nsenter --net="/proc/${PID[$1]}/ns/net" -- timeout 3 socat -t2 - "TCP:$2:$3,connect-timeout=1" </dev/null 2>/dev/null; } # NAME ADDRESS PORT
goes_out() { nsenter --net="/proc/${PID[$1]}/ns/net" -- ping -c1 -W1 203.0.113.9; }
# What must hold of ours whoever else is there.
works() { # WHEN
    check "$1: ours is reached" poll 5 eval '[ "$(ask out 192.0.2.1 7601)" = 192.0.2.2 ]'
    check "$1: ours gets out" poll 5 goes_out ours
    check "$1: neighbours on our bridge" eval '[ -n "$(within other "${IP[ours]}" 81)" ]'
    same "$1: what is not published is not reached" "" "$(ask out "${IP[ours]}" 81)"
}
both() { # WHEN
    works "$1"
    check "$1: theirs is reached" poll 5 eval '[ "$(ask out 192.0.2.1 7600)" = 192.0.2.2 ]'
    check "$1: theirs gets out" poll 5 goes_out theirs
    check "$1: theirs to ours" eval '[ -n "$(within theirs 192.0.2.1 7601)" ]'
    check "$1: ours to theirs" eval '[ -n "$(within ours 192.0.2.1 7600)" ]'
    same "$1: theirs to ours, not published" "" "$(within theirs "${IP[ours]}" 81)"
    same "$1: ours to theirs, not published" "" "$(within ours "${IP[theirs]}" 81)"
}

# ---- an open host ----
same "the host forwards nothing yet" 0 "$(in_host cat /proc/sys/net/ipv4/ip_forward)"

# ---- dockerd first ----
docker_start
k load -q -i "$IMAGES/busybox.tar" >/dev/null
k tag "$(k images -q | head -1)" busybox 2>/dev/null
server k theirs -p 7600:80
like "dockerd drops what is forwarded" "-P FORWARD DROP" "$(filter)"
filter >"$HOST/theirs"
engine_start || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null
server d ours -p 7601:80
server d other
both "dockerd first"
same "their rules are as they were" "$(cat "$HOST/theirs")" "$(filter)"
check "the log says what was done" grep -q 'level=info.*chains now accept.*chains="ip filter FORWARD"' "$HOST/engine.log"
same "nobody is warned" "" "$(d info -f '{{json .Warnings}}' | grep -i forward)"

# ---- one of the two restarts ----
RULES=$(ours)
docker_stop
works "without dockerd"
docker_start
k start theirs >/dev/null; serve k theirs
both "dockerd again"
same "our table is as it was" "$RULES" "$(ours)"
engine_kill
works "without the engine"
filter >"$HOST/theirs"
engine_start
both "the engine again"
same "their rules are as they were, too" "$(cat "$HOST/theirs")" "$(filter)"
same "one jump" 1 "$(jumps)"
engine_stop
same "an engine that ends leaves it to its containers" 1 "$(jumps)"
engine_start
check "a network of theirs" k network create net9
# A new bridge of theirs is told apart, too: their rules have changed with it.
bridge=br-$(k network inspect -f '{{.Id}}' net9 | cut -c1-12)
check "is told apart" poll 3 eval 'in_host iptables -S | grep -q -- "-A berth_.* -o $bridge -j RETURN"'
server k nine --network net9
same "ours to theirs there, not published" "" "$(within ours "${IP[nine]}" 81)"
check "a network of ours" d network create ten
server d tenth --network ten -p 7602:80
check "is let out at once" goes_out tenth
check "and in" poll 5 eval '[ "$(ask out 192.0.2.1 7602)" = 192.0.2.2 ]'
d rm -f tenth >/dev/null; d network rm ten >/dev/null
k rm -f nine theirs >/dev/null; k network rm net9 >/dev/null
docker_stop

# ---- dockerd last ----
in_host iptables -F; in_host iptables -X; in_host iptables -t nat -F; in_host iptables -t nat -X; in_host iptables -P FORWARD ACCEPT
in_host ip link del docker0
check "an open host again: nothing of ours in it" poll 3 eval '[ "$(in_host iptables -S | grep -c berth_)" = 0 ]'
works "open host"
in_host sysctl -qw net.ipv4.ip_forward=0 # else dockerd keeps the policy
docker_start
like "dockerd drops what is forwarded" "-P FORWARD DROP" "$(filter)"
server k theirs -p 7600:80
both "dockerd last"
k rm -f theirs >/dev/null
docker_stop

# ---- like ufw ----
in_host iptables -F; in_host iptables -t nat -F
in_host sh -c 'iptables -P INPUT DROP; iptables -P FORWARD DROP; iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -N ufw-before-forward; iptables -A FORWARD -j ufw-before-forward
iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
for port in 22 23; do
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- socat "TCP-LISTEN:$port,fork,reuseaddr" SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null 2>&1 &
    SERVERS="$SERVERS $!"
done
works "ufw"
check "ufw: ssh" poll 3 eval '[ "$(ask out 192.0.2.1 22)" = 192.0.2.2 ]'
same "ufw: what it does not accept" "" "$(ask out 192.0.2.1 23)"
same "ufw: the port from the host" yes "$([ -n "$(ask in_host 127.0.0.1 7601)" ] && echo yes)"
# A rule of the host's own keeps its word, also one that comes later.
in_host iptables -A ufw-before-forward -s "${IP[ours]}" -d 203.0.113.9 -j DROP
fails "ufw: a rule before us" "" goes_out ours
in_host iptables -F ufw-before-forward
in_host iptables -A FORWARD -p tcp --dport 80 -j DROP
check "ufw: a rule behind us" poll 3 eval '[ -z "$(ask out 192.0.2.1 7601)" ]'
like "ufw: we went behind it" "-j berth_" "$(in_host iptables -S FORWARD | tail -1)"
in_host iptables -D FORWARD -p tcp --dport 80 -j DROP
in_host iptables -A FORWARD -j REJECT
check "ufw: a last rule that rejects" poll 3 eval 'in_host iptables -S FORWARD | tail -2 | head -1 | grep -q berth_'
works "reject at the end"
in_host iptables -P FORWARD ACCEPT
works "and the policy to accept"
in_host iptables -D FORWARD -j REJECT
check "nothing of ours when nothing is dropped" poll 3 eval '[ "$(in_host iptables -S | grep -c berth_)" = 0 ]'
in_host iptables -P INPUT ACCEPT

# ---- like firewalld ----
fw() { # POLICY
    in_host nft -f - <<NFT
table inet fw
delete table inet fw
table inet fw {
    chain input { type filter hook input priority filter + 10; policy accept; ct state established accept; tcp dport 23 drop; }
    chain forward { type filter hook forward priority filter + 10; policy $1; ct state established,related accept; ip daddr 203.0.113.9 tcp dport 9 reject; }
}
NFT
}
fw drop
works "nft"
engine_kill; engine_start
works "nft, the engine again"
same "nft: one jump" 1 "$(in_host nft list chain inet fw forward | grep -c 'jump berth_')"
fw drop # as at a reload: a new table
check "nft: reloaded" poll 3 eval '[ "$(in_host nft list chain inet fw forward | grep -c "jump berth_")" = 1 ]'
works "nft, reloaded"

# ---- told to keep out ----
engine_stop
engine_start --ip-forward-accept=false || not_ok "an engine with --ip-forward-accept=false"
check "nothing of ours in it" poll 3 eval '! in_host nft list table inet fw | grep -q berth_'
check "the port is reached by the proxy" poll 3 eval '[ -n "$(ask out 192.0.2.1 7601)" ]'
same "which has no rule" "" "$(ours | grep 'tcp . 7601')"
fails "no way out" "" goes_out ours
like "info says so" "WARNING: forwarded packets of containers are dropped.*inet fw forward" "$(d info 2>&1)"
check "the log, too" grep -q 'level=warn.*not opened.*chains="inet fw forward"' "$HOST/engine.log"
like "and create" "firewall drops what is forwarded \(inet fw forward\): the container does not reach the outside, and its published ports" "$(d create --name w1 -p 7603:80 busybox true 2>&1)"
like "without ports, of the way out alone" "the container does not reach the outside$" "$(d create --name w2 busybox true 2>&1)"
same "not where no bridge is" "" "$(d create --name w3 --network host busybox true 2>&1 | grep -i firewall)"
d rm w1 w2 w3 >/dev/null
fw accept
check "when it accepts again: no warning" poll 3 eval '! d info 2>&1 | grep -q "forwarded packets"'
check "and the rule is back" poll 3 eval 'ours | grep -q "tcp . 7601"'
works "accepted again"

# ---- the end ----
fw drop
engine_stop
engine_start
works "opened again"
kill $SERVERS 2>/dev/null
engine_sound
same "nothing of ours is left" "" "$(in_host nft list ruleset | grep berth_)"
finish
