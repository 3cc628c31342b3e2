#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# src/cgroup without an engine, on this host's hierarchies, under a parent of its own.
# usage: cgroup.sh; prints TAP. Needs root, a build and a C compiler.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BERTH_BIN:-$here/../../build/bin}/.." && pwd) || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
sanitize=
grep -q '^BERTH_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" && sanitize=-fsanitize=address,undefined
grep -q '^BERTH_TSAN:BOOL=ON' "$build/CMakeCache.txt" && sanitize=-fsanitize=thread
cc -std=gnu17 -D_GNU_SOURCE -O2 $sanitize -I "$here/../../include" -o "$dir/probe" \
    "$here/cg_probe.c" "$build/src/cgroup/libberth_cgroup.a" "$build/src/base/libberth_base.a" \
    $(pkg-config --cflags --libs libcrypto) || exit 1
timeout 60 "$dir/probe" "berth-probe-$$"
