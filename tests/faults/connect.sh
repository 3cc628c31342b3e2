#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A connect or disconnect that fails leaves the container as it was: interfaces, default route,
# resolver, rules, what inspect tells, and what the next engine finds. Failed is each step, and the
# kernel refuses what a container's root can make it refuse.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'fault injected at network/(dis)?connect:|step save did not end within ' 'steps that fail or hang on purpose'
expect_500 'cannot make the veth pair .* file exists' 'an interface of that name is in the container'
qa_up

pid_of() { d inspect -f '{{.State.Pid}}' ff; }
within() { nsenter --net="/proc/$(pid_of)/ns/net" -- "$@"; }
told() { field ff '.NetworkSettings.Networks | to_entries | sort_by(.key) | .[] | "\(.key) \(.value.IPAddress)"'; }
addresses() { within ip -o -4 addr | awk '$2 != "lo" { sub("/.*", "", $4); print $4 }' | sort; }
# All that can be seen of it, from inside and outside.
state() {
    told
    addresses
    within ip route show default
    d exec ff cat /etc/resolv.conf
    own_rules
}
note() { state >"$HOST/state"; }
as_noted() { state | cmp -s - "$HOST/state"; }
state_same() { # NAME
    if poll 5 as_noted; then ok "$1"; else not_ok "$1" "$(state | diff "$HOST/state" -)"; fi
}
agree() { [ "$(told | awk '{ print $2 }' | sort)" = "$(addresses)" ]; }
begin() { # BERTH_FAULT
    engine_stop
    echo "fault $1" >>"$HOST/engine.log"
    BERTH_FAULT=$1 engine_start || not_ok "$1: engine starts"
}
again() { engine_kill; engine_start; }
end() { d rm -f ff >/dev/null; settled; }
up() { d run -d --name ff -p 6100:80 "$@" busybox sleep 1000 >/dev/null; }

# The way out is the network whose name sorts first: early takes it from mid.
d network create --subnet 10.81.0.0/24 early >/dev/null
d network create --subnet 10.82.0.0/24 mid >/dev/null

for first in mid bridge; do # the default bridge has no resolver
    for step in claim-place save save!late attach use-place; do
        begin "network/connect:$step"
        up --network $first
        note
        fails "connect:$step fails ($first)" "fault injected|did not end within" d network connect early ff
        state_same "connect:$step: all is as before"
        again
        state_same "connect:$step: for the next engine, too"
        check "connect:$step: the same command then works" d network connect early ff
        check "connect:$step: there is what inspect tells" poll 5 agree
        [ $first = bridge ] || # whose name sorts before
            like "connect:$step: the way out is the new one" "via 10.81.0.1 " "$(within ip route show default)"
        end
    done
done

for step in find-place detach save save!late leave; do
    begin "network/disconnect:$step"
    up --network mid
    d network connect early ff
    note
    fails "disconnect:$step fails" "fault injected|did not end within" d network disconnect early ff
    state_same "disconnect:$step: all is as before"
    again
    state_same "disconnect:$step: for the next engine, too"
    check "disconnect:$step: the same command then works" d network disconnect early ff
    check "disconnect:$step: there is what inspect tells" poll 5 agree
    like "disconnect:$step: the way out is the other one" "via 10.82.0.1 " "$(within ip route show default)"
    again
    check "disconnect:$step: for the next engine, too" poll 5 agree
    end
done

begin ""
# The next way out cannot be one: its interface is down. The network is left all the same.
up --network early --cap-add NET_ADMIN
d network connect mid ff
within ip link set eth1 down
check "a network whose successor as the way out is down is left" d network disconnect early ff
same "and only the other is told" "mid 10.82.0.2" "$(told)"
same "its interface is gone" "" "$(within ip -o link show eth0 2>/dev/null)"
again
same "also for the next engine" "mid 10.82.0.2" "$(told)"
within ip link set eth1 up
check "and it can be joined again" d network connect early ff
check "there is what inspect tells" poll 5 agree
end

# The container's root gives the interface another name, or has one of the name to be.
ports_of() { in_host ip -o link show master "br-$(d network inspect -f '{{printf "%.12s" .Id}}' early)" | wc -l; }
up --network mid --cap-add NET_ADMIN
d network connect early ff
before=$(ports_of)
within sh -c 'ip link set eth1 down; ip link set eth1 name hidden; ip link set hidden up'
check "a renamed interface is left, too" d network disconnect early ff
same "it is gone" "" "$(within ip -o link show hidden 2>/dev/null)"
same "with its end in the bridge" $((before - 1)) "$(ports_of)"
check "there is what inspect tells" poll 5 agree
within ip link add eth1 type veth peer name other
note
fails "an interface of that name is in the way" "exists" d network connect early ff
state_same "all is as before"
like "it is still there" "eth1" "$(within ip -o link show eth1)"
within ip link del eth1
check "without it the network is joined" d network connect early ff
within ip link del eth1
check "a network whose interface is gone is left" d network disconnect early ff
same "and only the other is told" "mid 10.82.0.2" "$(told)"
end

# Links of the default bridge: what they open goes with the interface.
engine_stop; engine_start --icc=false
d run -d --name target --expose 80 busybox sleep 1000 >/dev/null
d run -d --name ff --link target:t busybox sleep 1000 >/dev/null
links() { own_rules | grep -c '172.17.0.* . 172.17.0.* . tcp . 80'; }
check "a link's rule is there" poll 5 eval '[ "$(links)" = 1 ]'
d network disconnect bridge ff
check "and goes with the linker's interface" poll 5 eval '[ "$(links)" = 0 ]'
d network connect bridge ff
check "and comes with it" poll 5 eval '[ "$(links)" = 1 ]'
d network disconnect bridge target
check "and goes with the other's" poll 5 eval '[ "$(links)" = 0 ]'
d rm -f target >/dev/null
end

engine_sound
finish
