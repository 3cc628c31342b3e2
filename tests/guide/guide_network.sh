#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's section 5, "Container Network Connection", by each client: the registry as a service,
# a machine in the host's network as the external network.
. "$(dirname "$0")/kit.sh"
. ../lib/lan.sh
expect_500 'port is already allocated' 'as Docker: the port of another container'
OUTSIDE=
trap 'kill $OUTSIDE 2>/dev/null; host_down' EXIT
guide_up
trap 'kill $OUTSIDE 2>/dev/null; host_down' EXIT
guide_image busybox; guide_image registry
lan_outside OUTSIDE up3 10.88.3
outside() { nsenter --net="/proc/$OUTSIDE/ns/net" -- "$@"; }
outside python3 -m http.server --bind 10.88.3.2 80 --directory "$HOST" >/dev/null 2>&1 &
poll 5 outside curl -fs -o /dev/null http://10.88.3.2/

version() { "$1" curl -fs --retry 20 --retry-delay 0 --retry-all-errors -m 20 -D - "http://$2/v2/" | tr -d '\r'; }
network() {
    local out port address
    like "5.1 $N: a container reaches the external network" "HTTP/1.[01] 200" \
        "$(c run --rm busybox sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 10.88.3.2 80")"
    like "5.3 $N: run -P" "^[0-9a-f]{64}$" "$(c run --name=container_registry -d -P registry)"
    out=$(c port container_registry)
    like "5.4 $N: port tells the mapping" "^5000/tcp -> 0.0.0.0:[0-9]+$" "$out"
    port=$(printf '%s\n' "$out" | sed -n 's/.*0\.0\.0\.0:\([0-9]*\)$/\1/p')
    check "5.4 $N: port $port is of the dynamic range" test "${port:-0}" -ge 32768
    like "5.5 $N: the host reaches the service by localhost" "registry/2.0" "$(version in_host "localhost:$port")"
    like "5.5 $N: and by its address" "registry/2.0" "$(version in_host "10.88.3.1:$port")"
    like "5.5 $N: others by the host's address" "registry/2.0" "$(version outside "10.88.3.1:$port")"
    address=$(c inspect -f '{{.NetworkSettings.IPAddress}}' container_registry)
    same "5.2 $N: and not without the mapping" "" "$(outside curl -s -m 1 "http://$address:5000/v2/")"
    check "5.5 $N: rm -f" c rm -f container_registry

    like "5.6 $N: -p 5000:5000" "^[0-9a-f]{64}$" "$(c run --name=container_registry -d -p 5000:5000 registry)"
    same "5.7 $N: is the host's port 5000" "5000/tcp -> 0.0.0.0:5000" "$(c port container_registry | grep -v ::)"
    like "5.7 $N: and reached there" "registry/2.0" "$(version outside 10.88.3.1:5000)"
    like "5.7 $N: a port that is taken is refused" "port is already allocated" "$(c run -d --name clash -p 5000:5000 busybox sleep 1)"
    c rm -f clash container_registry >/dev/null
    same "5.7 $N: it is closed with the container" "" "$(outside curl -s -m 1 http://10.88.3.1:5000/v2/)"
}

each network
finish
