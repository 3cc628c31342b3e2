#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The databases with wrong bits, cut off or gone after a SIGKILL: the engine either knows everything,
# or says what is wrong and starts with everything after --recover. Nothing is removed because no
# document knows it. See damage.py; of the same without an engine, but far more often,
# tests/unit/test_damage.c.   TRIALS=n SEED=n damage.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
seed
host_up
down() {
    [ ! -e "$HOST/engine.pid" ] || ENGINE_PID=$(cat "$HOST/engine.pid")
    host_down
}
trap down EXIT
images_make
export HOST SOCK BERTH_BIN HOST_NS_PID IMAGES
in_host python3 damage.py | tee "$HOST/tap" | grep --line-buffered -v '^1\.\.'
status=${PIPESTATUS[0]}
TAP_N=$(grep -c -E '^(not )?ok ' "$HOST/tap")
TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
[ "$status" = 0 ] || [ "$TAP_FAILED" != 0 ] || not_ok "damage.py ended early"
same "no sanitizer report, no failed assertion" 0 \
    "$(grep -cE 'ERROR: .*Sanitizer|runtime error:|assertion' "$HOST/engine.log")"
finish
