#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever fails after the rules of published ports are in the kernel takes them back: a rule that
# stays would lead clients of host:6100 to whoever gets the address next. Commands that are not
# there, and BERTH_FAULT at every step that follows the rules; compared is the table itself.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/lan.sh
expect_500 'fault injected at (container|network)/' 'steps that fail'
expect_500 'path=/containers/ff/start .*port is already allocated' 'as Docker: another container has the port'
qa_up
trap 'lan_down; host_down' EXIT
lan_up

note_rules() { own_rules >"$HOST/rules"; }
as_noted() { own_rules | cmp -s - "$HOST/rules"; }
rules_same() { # NAME
    if poll 5 as_noted; then ok "$1"; else not_ok "$1" "$(own_rules | diff "$HOST/rules" -)"; fi
}
leads_nowhere() { [ -z "$(lan curl -s -m 1 http://10.88.0.1:6100/)" ]; }
begin() { # BERTH_FAULT
    engine_stop
    echo "fault $1" >>"$HOST/engine.log"
    BERTH_FAULT=$1 engine_start || not_ok "$1: engine starts"
}

d run --rm busybox true
d network create --subnet 10.77.0.0/29 small >/dev/null
d network create --subnet 10.78.0.0/24 other >/dev/null
settled
note_rules

fails "a command that is not there" "not found|no such file" d run --name ff -p 6100:80 busybox /absent
rules_same "its port's rules go"
d rm -f ff >/dev/null
fails "nor in a network of the user's" "not found|no such file" \
    d run --name ff --network small --ip 10.77.0.2 -p 6100:80 busybox /absent
d rm -f ff >/dev/null
web next --network small --ip 10.77.0.2
poll 5 eval '[ "$(d exec next wget -qO- http://127.0.0.1/)" = next ]'
check "the port does not lead to who has the address next" leads_nowhere
d rm -f next >/dev/null
fails "with hundreds of ports" "not found|no such file" \
    d run --name ff -p 6100-6299:80-279 -p 6400-6420:400-420/udp --network small busybox /absent
rules_same "all their rules go"
d rm -f ff >/dev/null
fails "with two networks and a port that is taken" "already allocated" sh -c '
    "$1" create --name ff -p 6100:80 -p 6101:81 busybox true && "$1" network connect other ff &&
    "$1" run -d --name holder -p 6101:1 busybox sleep 100 && "$1" start ff' - "$QA_CLIENT"
d rm -f ff holder >/dev/null
rules_same "no rule of the one that was free stays"
d run --name ff -p 6100:80 busybox true
rules_same "an exit takes its rules along"
d rm -f ff >/dev/null
d run -d --name ff -p 6100:80 busybox sleep 100 >/dev/null
d rm -f ff >/dev/null
rules_same "so does rm -f"

start_steps="apply-rules spawn open-streams await-save mark-running"
for step in $start_steps; do
    begin "container/start:$step"
    fails "start:$step fails" "fault injected" d run -d --name ff -p 6100:80 busybox sleep 100
    poll 5 state_is ff created
    rules_same "start:$step: its rules go"
    d rm -f ff >/dev/null
done

# A restart that fails, and the restart policy's
for step in $start_steps; do
    begin ""
    d run -d --name ff -p 6100:80 busybox sleep 100 >/dev/null
    engine_kill
    BERTH_FAULT=container/start:$step engine_start
    fails "restart:$step fails" "fault injected" d restart -t 0 ff
    rules_same "restart:$step: its rules go"
    d rm -f ff >/dev/null
done

for step in drain-streams read-oom record release-kernel release-addresses save forget-in-keeper; do
    begin "container/exited:$step"
    d run -d --name ff -p 6100:80 busybox sleep 100 >/dev/null
    d kill ff >/dev/null
    rules_same "exited:$step: its rules go"
    d rm -f ff >/dev/null
done

for step in check-request choose save make-link apply-rules publish; do
    begin "network/create:$step"
    rules_same "network/create:$step: as before"
    fails "network/create:$step fails" "fault injected" d network create --subnet 10.79.0.0/24 third
    rules_same "network/create:$step: its rules go"
done
for step in hide remove-link forget drop; do
    begin "network/remove:$step"
    d network create --subnet 10.79.0.0/24 third >/dev/null
    d network rm third >/dev/null 2>&1
    d network rm third >/dev/null 2>&1
    rules_same "network/remove:$step: its rules go"
done

engine_sound
finish
