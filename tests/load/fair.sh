#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One client with FLOOD (1000) connections, each living one life after the other, and beside it
# another with a single one: they are served in turns. Counted, not timed: in a queue by age each of
# the single one's SINGLE (10) lives would let all of the flood pass at every of its commands.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/host.sh
. tests/lib/tap.sh
FLOOD=${FLOOD:-1000} SINGLE=${SINGLE:-10}
STORM=
trap '[ -z "$STORM" ] || kill "$STORM" 2>/dev/null; host_down' EXIT
host_up
images_make
ulimit -n "$(ulimit -Hn)"
engine_start || exit 1
curl -fs --unix-socket "$SOCK" -X POST -T "$IMAGES/busybox.tar" 'http://x/images/load?quiet=1' >/dev/null || exit 1

"$BERTH_BIN/bench_life" "$SOCK" busybox 5 >/dev/null
"$BERTH_BIN/bench_life" "$SOCK" busybox "$SINGLE" >"$HOST/alone"
"$BERTH_BIN/bench_storm" "$SOCK" "$FLOOD" $((FLOOD * 4)) 2>"$HOST/storm" &
STORM=$!
flood_is_there() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -o '"seq"' | wc -l)" -gt $((FLOOD / 2)) ]; }
check "the flood is there" poll 10 flood_is_there
began=$(curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -o '"seq":[0-9]*' | tail -1 | tr -dc 0-9)
since=$SECONDS
"$BERTH_BIN/bench_life" "$SOCK" busybox "$SINGLE" >"$HOST/beside"
same "the single client lives in the middle of it" 0 $?
echo "# it took $((SECONDS - since)) s"
check "the flood is still there" flood_is_there
ended=$(curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -o '"seq":[0-9]*' | tail -1 | tr -dc 0-9)
check "few of its commands pass for each life of the single one ($((ended - began)))" \
    [ $((ended - began)) -lt $((SINGLE * FLOOD / 4)) ]
echo "# a life alone, and beside the flood (ms):"
paste <(grep all_ "$HOST/alone") <(grep all_ "$HOST/beside") | sed 's/^/# /'
queue=$(curl -s --unix-socket "$SOCK" http://x/debug/queue)
check "the queue says who waits" jq -e '.clients >= 2 and .slots.used <= .slots.max and
    (.waits[] | select(.name == "container/start") | .count > 0 and .p99_ms >= .p50_ms)' <<<"$queue"
echo "# $queue"
check "and Prometheus is told" grep -q '^berth_operation_wait_seconds_bucket{operation="container/start",le="+Inf"} [1-9]' \
    <(curl -s --unix-socket "$SOCK" http://x/metrics)
wait "$STORM"; status=$?; STORM=
sed 's/^/# flood: /' "$HOST/storm"
same "no life of the flood was lost, refused or wrong" 0 $status
finish
