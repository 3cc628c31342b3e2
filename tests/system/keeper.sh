#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The keeper without an engine: starts, failures, exits, reconnects, malformed messages.
# usage: keeper.sh [bench]; prints TAP. Needs root, busybox-static and a C compiler.
here=$(cd "$(dirname "$0")" && pwd)
keeper=${BERTH_BIN:-$here/../../build/bin}/berth-keeper
case $keeper in /*) ;; *) keeper=$PWD/$keeper ;; esac
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
probe=$(dirname "$keeper")/keeper_probe
if [ ! -x "$probe" ]; then
    probe=$dir/probe
    cc -std=gnu17 -D_GNU_SOURCE -O2 -I "$here/../../include" -o "$probe" \
        "$here/keeper_probe.c" "$here/keeper_client.c" || exit 1
fi
TMPDIR=$dir timeout 120 "$probe" "$keeper" "${BUSYBOX:-$(command -v busybox)}" "$@"
