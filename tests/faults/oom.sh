#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Out of memory: containers end before the engine, and that before the keeper. Shown by their scores,
# and with a limit around all of them (of this test's world, cgroup v1) and a container of many
# processes, each of which is smaller than the engine. Needs CAP_SYS_RESOURCE.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
may_protect() { (echo -1 >/proc/self/oom_score_adj) 2>/dev/null; }
qa_up
score() { cat "/proc/$1/oom_score_adj"; }
if may_protect; then
    same "the keeper's score" -900 "$(score "$(keeper_pid)")"
    same "the engine's score" -500 "$(score "$ENGINE_PID")"
else
    like "without the privilege the engine says so" "not protected from the OOM killer" "$(cat "$HOST/engine.log")"
fi
same "a container's" 0 "$(d run --rm busybox cat /proc/self/oom_score_adj)"
same "with an init" "0 0" "$(d run --rm --init busybox sh -c 'echo $(cat /proc/1/oom_score_adj /proc/self/oom_score_adj)')"
same "what it asks for" 300 "$(d run --rm --oom-score-adj 300 busybox cat /proc/self/oom_score_adj)"
d run -d --name other busybox sleep 1000 >/dev/null
same "an exec's" 0 "$(d exec other cat /proc/self/oom_score_adj)"
d run -d --name beside --pid container:other busybox sleep 1000 >/dev/null
same "one in another's pid namespace" 0 "$(score "$(field beside .State.Pid)")"

LIMIT=/sys/fs/cgroup/memory/memory.limit_in_bytes
if may_protect && [ "$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)" = / ] && [ -e "$LIMIT" ] &&
    [ "$(readlink /proc/self/ns/cgroup)" != "cgroup:[4026531835]" ]; then
    ENGINE=$ENGINE_PID KEEPER=$(keeper_pid)
    before=$(cat $LIMIT)
    echo $(($(cat /sys/fs/cgroup/memory/memory.usage_in_bytes) + (200 << 20))) >$LIMIT
    d run -d --name hog busybox sh -c 'for i in $(seq 100); do sh -c "x=\$(head -c 5m /dev/zero | tr \"\\0\" a); sleep 1000" & done; wait' >/dev/null
    oom_seen() { [ "$(find /sys/fs/cgroup/memory -name memory.oom_control -exec awk '$1 == "oom_kill" { n += $2 } END { print n + 0 }' {} + | sort -n | tail -1)" -gt 0 ]; }
    check "somebody is killed" poll 10 oom_seen
    stays 2 kill -0 "$ENGINE" && ok "it is not the engine" || not_ok "it is not the engine"
    check "nor the keeper" kill -0 "$KEEPER"
    api_is "the engine answers" 200 OK GET /_ping
    same "it is the same keeper" "$KEEPER" "$(keeper_pid)"
    d rm -f hog >/dev/null
    echo "$before" >$LIMIT
    same "it works as before" again "$(d run --rm busybox echo again)"
else
    ok "out of memory # SKIP no privilege, or no memory cgroup (v1) of its own"
fi
engine_stop
finish
