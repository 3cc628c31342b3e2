#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many lives of containers, and many deaths of the engine in the middle of them: descriptors, mounts,
# links, cgroups, files and memory stay what they were. See soak.py.
#   soak.sh [--lives N] [--kills N]     (60 and 8; the figures in docs/FIGURES.md: 10000 and 1000)
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
LIVES=${LIVES:-60} KILLS=${KILLS:-8}
while [ $# -gt 0 ]; do
    case $1 in
    --lives) LIVES=$2 ;;
    --kills) KILLS=$2 ;;
    *) echo "soak.sh: unknown flag $1" >&2; exit 2 ;;
    esac
    shift 2
done
seed
host_up
down() {
    [ ! -e "$HOST/engine.pid" ] || ENGINE_PID=$(cat "$HOST/engine.pid")
    host_down
}
trap down EXIT
images_make
export HOST SOCK BERTH_BIN HOST_NS_PID IMAGES LIVES KILLS
in_host python3 soak.py | tee "$HOST/tap" | grep --line-buffered -v '^1\.\.'
status=${PIPESTATUS[0]}
TAP_N=$(grep -c -E '^(not )?ok ' "$HOST/tap")
TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
[ "$status" = 0 ] || [ "$TAP_FAILED" != 0 ] || not_ok "soak.py ended early"
finish
