#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The landing of output, killed after every instruction of an iteration and at random; and that
# plain reading and writing would not pass the same test. TAP.
#   STRIDE=1 KILLS=3000 SEED=n land.sh
cd "$(dirname "$0")" && . ../lib/tap.sh && . ../lib/land_kit.sh
LAND=${BERTH_BIN:-../../build/bin}/land
seed
[ -x "$LAND" ] || { echo "1..0 # SKIP land is not built"; exit 0; }
NONE="missing 0 doubled 0 torn 0"
for source in pipe pty rotate recover; do clean step $source "${STRIDE:-1}"; done
for source in pipe pty rotate; do clean random $source "${KILLS:-1000}"; done
dirty step pipe 20
dirty step pty 20
dirty random pipe 500
dirty random pty 500
finish
