#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many lives of containers, and many deaths of the engine in the middle of them: descriptors, mounts,
# links, cgroups, files and memory stay what they were. See soak.py.
#   soak.sh [--lives N] [--kills N]     (60 and 8; the figures in docs/FIGURES.md: 10000 and 1000)
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/py_tap.sh
LIVES=${LIVES:-60} KILLS=${KILLS:-8}
while [ $# -gt 0 ]; do
    case $1 in
    --lives) LIVES=$2 ;;
    --kills) KILLS=$2 ;;
    *) echo "soak.sh: unknown flag $1" >&2; exit 2 ;;
    esac
    shift 2
done
export LIVES KILLS
seed
py_up
py_run soak.py
finish
