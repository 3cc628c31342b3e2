#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As many clients at once as SIZE (2000; 10000 is what berth promises), each with a connection of its
# own, under 20,000 descriptors: with containers that exit; with SIZE x 0.3 that keep running; with
# SIZE / 2 running and SIZE x 0.45 clients. Nobody is refused, lost or answered wrongly, and nothing
# is left. Those that keep running have no network: one bridge takes a thousand ports.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/host.sh
. tests/lib/tap.sh
SIZE=${SIZE:-2000}
trap '[ ! -s "$HOST/ids" ] || empty; host_down' EXIT
host_up
images_make
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
engine_start || exit 1
curl -fs --unix-socket "$SOCK" -X POST -T "$IMAGES/busybox.tar" 'http://x/images/load?quiet=1' >/dev/null || exit 1

storm() { "$BERTH_BIN/bench_storm" "$SOCK" "$@" 2>"$HOST/storm"; }
said() { sed -n "s/^$1 //p" "$HOST/storm"; }
whole() { # NAME STATUS LIVES
    same "$1: every one is served" "0 0 $3" "$2 $(said failed) $(said lives)"
    echo "# $(said per_s) a second; longest: create $(said create_max) ms, start $(said start_max) ms"
    grep '^bench_storm:' "$HOST/storm" | head -5 | sed 's/^/# /'
}
running() { curl -s --unix-socket "$SOCK" http://x/containers/json | grep -o '"Id":"[0-9a-f]\{64\}"' | wc -l; }
empty() { storm 50 "$(wc -l <"$HOST/ids")" what=remove <"$HOST/ids" && : >"$HOST/ids"; }
keep() { storm "$1" "$2" what=run net=none >>"$HOST/ids"; }
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }

storm "$SIZE" "$SIZE"
whole "$SIZE clients whose containers exit" $? "$SIZE"

keep "$SIZE" $((SIZE * 3 / 10))
whole "$SIZE clients, $((SIZE * 3 / 10)) containers that keep running" $? $((SIZE * 3 / 10))
same "they run" $((SIZE * 3 / 10)) "$(running)"
storm "$SIZE" "$SIZE"
whole "$SIZE clients beside them" $? "$SIZE"

keep 200 $((SIZE / 2 - SIZE * 3 / 10))
whole "$((SIZE / 2 - SIZE * 3 / 10)) more" $? $((SIZE / 2 - SIZE * 3 / 10))
same "$((SIZE / 2)) run" $((SIZE / 2)) "$(running)"
storm $((SIZE * 45 / 100)) $((SIZE * 45 / 100))
whole "$((SIZE * 45 / 100)) clients beside $((SIZE / 2)) that run" $? $((SIZE * 45 / 100))
same "and those still run" $((SIZE / 2)) "$(running)"
empty
whole "removed by force" $? $((SIZE / 2))
same "none is left" 0 "$(curl -s --unix-socket "$SOCK" 'http://x/containers/json?all=1' | grep -o '"Id"' | wc -l)"
check "no operation is under way" poll 5 idle
finish
