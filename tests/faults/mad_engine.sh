#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The keeper against an engine gone mad: mad_engine.c. SEED, SECONDS_LONG.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
seed
dir=$(mktemp -d)
trap 'rm -rf "$dir" /tmp/berth-mad.*' EXIT
cd "$dir" && timeout 120 "$BERTH_BIN/mad_engine" "$BERTH_BIN/berth-keeper" "$(command -v busybox)" "${SECONDS_LONG:-6}" "$SEED"
