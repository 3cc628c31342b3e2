#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The way of output to a log server, killed after every instruction of a run (every STRIDE-th here:
# an odd number, so that loops are met everywhere) and at random: nothing is lost, at most the one
# message in flight is doubled. And that appending in memory would not pass the same test. TAP.
#   FULL=1 (all instructions, half an hour), or STRIDE=197 KILLS=1500 SEED=n
cd "$(dirname "$0")" && . ../lib/tap.sh && . ../lib/land_kit.sh
LAND=${BERTH_BIN:-../../build/bin}/forward_land
seed
[ -x "$LAND" ] || { echo "1..0 # SKIP forward_land is not built"; exit 0; }
[ -z "${FULL:-}" ] || { STRIDE=${STRIDE:-1} KILLS=${KILLS:-5000}; }
NONE="missing 0 extra 0 torn 0"
for source in slot left spool park; do clean step $source "${STRIDE:-197}"; done
for source in gram stream spool; do clean random $source "${KILLS:-500}"; done
dirty step slot 500
dirty random gram 200
dirty random stream 200
finish
