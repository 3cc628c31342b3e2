#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An end that the keeper's walk over all children finds first, before the pidfd tells of it: the
# engine learns of it all the same. The walk's waitid is delayed, and in the delay a container ends.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap 'kill ${TRACER:-} 2>/dev/null; host_down' EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
"$BERTH" load -q -i "$IMAGES/busybox.tar" >/dev/null
KEEPER=$(cat "$HOST/exec/keeper.pid")
"$BERTH" run -d --name first busybox sleep 1000 >/dev/null
"$BERTH" run -d --name second busybox sleep 1000 >/dev/null
FIRST=$("$BERTH" inspect -f '{{.State.Pid}}' first)
SECOND=$("$BERTH" inspect -f '{{.State.Pid}}' second)
strace -q -p "$KEEPER" -o "$HOST/trace" -e trace=waitid -e inject=waitid:delay_enter=700000 &
TRACER=$!
traced() { grep -q "TracerPid:[[:space:]]*[1-9]" "/proc/$KEEPER/status"; }
check "the keeper is traced" poll 5 traced
kill -KILL "$FIRST"
walks() { grep -q "P_ALL" "$HOST/trace"; }
# its end makes the keeper walk: strace writes a delayed call down when it returns, so by the clock
sleep 1.2
kill -KILL "$SECOND"
check "the engine learns of the first" timeout 10 "$BERTH" wait first
check "and of the second" timeout 10 "$BERTH" wait second
check "the walk was there" poll 10 walks
kill $TRACER
wait $TRACER 2>/dev/null
engine_stop
finish
