#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a link opens where containers may not talk (icc off) is open to the linked container only,
# not to whoever sends from its address by another network, of routers or not.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
HEARD=
trap 'kill $HEARD 2>/dev/null; host_down' EXIT
host_up
images_make
engine_start --icc=false || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null
d network create net >/dev/null; d network create -o berth.bridge.any_source=true routers >/dev/null
idle() { d run -d --name "$@" busybox sleep 1000 >/dev/null 2>&1; }
idle db --expose 5432/udp; idle web --link db:base
for n in net routers; do idle on-$n --network $n --cap-add NET_ADMIN --cap-add NET_RAW; done
within() { nsenter --net="/proc/$(d inspect -f '{{.State.Pid}}' "$1")/ns/net" -- "${@:2}"; }
address() { d inspect -f '{{.NetworkSettings.IPAddress}}' "$1"; }
base=$(address db) linked=$(address web)
nsenter --net="/proc/$(d inspect -f '{{.State.Pid}}' db)/ns/net" -- socat -u UDP-RECV:5432 "OPEN:$HOST/heard,creat,append" &
HEARD=$!
says() { within "$1" socat -u - "UDP-SENDTO:$base:5432,bind=$2" <<<"$1"; } # CONTAINER ADDRESS
check "the linked one is heard" poll 5 eval 'says web $linked; grep -q web "$HOST/heard"'
for n in net routers; do
    check "root in another network takes its address" within on-$n ip addr add "$linked/32" dev lo
    sent() { within on-$n ip -s link show eth0 | tail -1 | awk '{ print $2 }'; }
    before=$(sent)
    for i in 1 2 3; do says on-$n "$linked"; done
    check "sends from it" [ "$(sent)" -gt "$before" ]
done
says web "$linked"
check "the linked one is heard again" poll 5 eval '[ "$(grep -c web "$HOST/heard")" -ge 2 ]'
same "the others are not" "" "$(grep on- "$HOST/heard")"
finish
