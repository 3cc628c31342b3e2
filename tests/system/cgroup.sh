#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# src/cgroup without an engine, on this host's hierarchies, under a parent of its own.
# usage: cgroup.sh; prints TAP. Needs root and a build.
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BERTH_BIN:-$here/../../build/bin}" && pwd) || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
timeout 60 "$bin/cg_probe" "berth-probe-$$"
