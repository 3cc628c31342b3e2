#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# src/net without an engine, in a network namespace of its own, with a second one as "the outside".
# usage: net.sh; prints TAP. Needs root, a build, a C compiler, iproute2, nftables, busybox, python3.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BERTH_BIN:-$here/../../build/bin}/.." && pwd) || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
sanitize=
grep -q '^BERTH_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" && sanitize=-fsanitize=address,undefined
grep -q '^BERTH_TSAN:BOOL=ON' "$build/CMakeCache.txt" && sanitize=-fsanitize=thread
cc -std=gnu17 -D_GNU_SOURCE -O2 $sanitize -I "$here/../../include" -o "$dir/probe" \
    "$here/net_probe.c" "$build/src/net/libberth_net.a" "$build/src/core/libberth_core.a" \
    "$build/src/base/libberth_base.a" -lpthread \
    $(pkg-config --cflags --libs libuv libmnl libnftables sqlite3 libcrypto) || exit 1
export dir
unshare -n sh -c '
    ip link set lo up
    unshare -n sleep 300 & outside=$!
    sleep 0.2
    ip link add out0 type veth peer name eth0 netns $outside
    ip addr add 10.99.0.1/24 dev out0
    ip link set out0 up
    nsenter -t $outside -n sh -c "ip link set lo up; ip addr add 10.99.0.2/24 dev eth0
        ip link set eth0 up; ip route add 172.16.0.0/12 via 10.99.0.1"
    timeout 120 "$dir/probe" /proc/$outside/ns/net "$dir"
    rc=$?
    kill $outside
    exit $rc'
