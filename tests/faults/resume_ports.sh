#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A keeper without room for duplicates of all ports of a run: the engine after a kill has to bind the
# others again; the end of the run comes while a worker is at it. The ports go with it all
# the same, once and whole.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
own_rules >"$HOST/rules"
as_noted() { own_rules | cmp -s - "$HOST/rules"; }
# Listening sockets of the range, of both families.
n_bound() { in_host cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "0A" { print $2 }' | grep -cE ':(4E[2-9A-F]|4F|5[0-8]|59[0-9A-D])'; }
is_bound() { [ "$(n_bound)" -ge 3000 ]; }
is_unbound() { [ "$(n_bound)" = 0 ]; }

up() { d run -d --name ff -p 20000-22999:20000-22999 busybox sleep 1000 >/dev/null; }

prlimit --pid "$(keeper_pid)" --nofile=300:300
up
engine_kill
engine_start -l debug
check "ports are bound again" poll 10 grep -q 'container/resume-ports.*step=bind-missing' "$HOST/engine.log"
check "all that there were" poll 10 is_bound
d rm -f ff >/dev/null
check "and their rules go with it" poll 10 as_noted

for delay in 0 0 0 0.01 0.03 0.06 0.1; do
    up
    pid=$(d inspect -f '{{.State.Pid}}' ff)
    engine_kill
    rm -f "$SOCK"
    [ "${pid:-0}" -gt 1 ] || { not_ok "it runs"; break; }
    (until curl -fs -o /dev/null --unix-socket "$SOCK" http://x/_ping; do :; done; sleep $delay; kill -KILL "$pid") &
    killer=$!
    engine_start
    wait $killer
    check "it ends $delay s after the engine is there" poll 10 state_is ff exited
    check "its rules go" poll 10 as_noted
    check "no port is held" poll 10 is_unbound
    check "the engine is there" kill -0 "$ENGINE_PID"
    check "it can run again" d start ff
    d rm -f ff >/dev/null
done
engine_sound
finish
