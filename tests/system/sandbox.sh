#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# src/runtime, src/init and a real keeper without images, networks or the daemon (sandbox_probe.c).
# usage: sandbox.sh [bench N]; prints TAP. Needs root and busybox-static.
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BERTH_BIN:-$here/../../build/bin}" && pwd) || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
[ $# = 0 ] || set -- "$1" "${2:-200}"
exec timeout 60 "$bin/sandbox_probe" "$bin/berth-keeper" "${BUSYBOX:-$(command -v busybox)}" "$@"
