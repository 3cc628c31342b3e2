#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# src/net in a network namespace of its own, with a second one as "the outside".
# usage: net.sh [path of net_probe]; prints TAP. Needs root, iproute2, nftables, busybox, python3.
probe=${1:-${BERTH_BUILD:-build}/bin/net_probe}
case $probe in /*) ;; *) probe=$PWD/$probe ;; esac
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export probe dir
unshare -n sh -c '
    ip link set lo up
    unshare -n sleep 300 & outside=$!
    sleep 0.2
    ip link add out0 type veth peer name eth0 netns $outside
    ip addr add 10.99.0.1/24 dev out0
    ip link set out0 up
    nsenter -t $outside -n sh -c "ip link set lo up; ip addr add 10.99.0.2/24 dev eth0
        ip link set eth0 up; ip route add 172.16.0.0/12 via 10.99.0.1"
    "$probe" /proc/$outside/ns/net "$dir"
    rc=$?
    kill $outside
    exit $rc'
