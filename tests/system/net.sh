#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# src/net without an engine, in a network namespace of its own, with a second one as "the outside".
# usage: net.sh; prints TAP. Needs root, a build, iproute2, nftables, busybox, python3.
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BERTH_BIN:-$here/../../build/bin}" && pwd) || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export dir bin
unshare -n sh -c '
    ip link set lo up
    unshare -n sleep 300 & outside=$!
    until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add out0 type veth peer name eth0 netns $outside
    ip addr add 10.99.0.1/24 dev out0
    ip link set out0 up
    nsenter -t $outside -n sh -c "ip link set lo up; ip addr add 10.99.0.2/24 dev eth0
        ip link set eth0 up; ip route add 172.16.0.0/12 via 10.99.0.1"
    timeout 120 "$bin/net_probe" /proc/$outside/ns/net "$dir"
    rc=$?
    kill $outside
    exit $rc'
