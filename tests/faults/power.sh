#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power cuts: the data root is on a disk of the test's own that knows what was flushed. Whatever was
# acknowledged before the cut is whole after it, and the engine starts. See power.py, power_disk.py.
#   CUTS=n SEED=n power.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
seed
[ -e /dev/fuse ] && [ -e /dev/loop-control ] || { echo "1..0 # SKIP there is no /dev/fuse or no loop device"; exit 0; }
host_up
down() {
    [ ! -e "$HOST/engine.pid" ] || ENGINE_PID=$(cat "$HOST/engine.pid")
    [ -z "$(ls "$HOST/data" 2>/dev/null)" ] || umount -l "$HOST/data" 2>/dev/null
    umount -l "$HOST/fuse" 2>/dev/null
    host_down
}
trap down EXIT
images_make
export HOST SOCK BERTH_BIN HOST_NS_PID IMAGES
in_host python3 power.py | tee "$HOST/tap" | grep --line-buffered -v '^1\.\.'
status=${PIPESTATUS[0]}
TAP_N=$(grep -c -E '^(not )?ok ' "$HOST/tap")
TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
[ "$status" = 0 ] || [ "$TAP_FAILED" != 0 ] || not_ok "power.py ended early"
finish
