#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What foreign clients stumbled over and no other test shows (docs/CLIENTS.md has the whole list):
# ports of the user's beside those of chance, and those that nobody serves, ids that are others' names, platforms and broken archives.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
local_ports() { in_host sh -c "echo $1 $2 >/proc/sys/net/ipv4/ip_local_port_range"; }
host_registry || { not_ok "a registry with images"; finish; exit 1; }
local_ports 40000 40002 # the engine reads it once; whoever connects has others
ulimit -n 200000 2>/dev/null # an engine of systemd's has more
engine_start || { not_ok "engine starts"; finish; exit 1; }
local_ports 50000 60000
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox || not_ok "busybox is pulled"
settled
census_stable >"$HOST/before"

# ---- ports: what is asked for by number is taken before numbers are left to chance ----
number() { field "$1" ".NetworkSettings.Ports[\"$2/tcp\"][0].HostPort"; }
for round in 1 2 3; do # chance goes round: each of the three numbers is the next one once
    check "a number and two of chance, round $round" d run -d --name ports -p 80 -p 81 -p 40001:82 busybox sleep 1000
    same "all are there, round $round" "40000 40001 40002" "$({ number ports 80; number ports 81; number ports 82; } | sort | xargs)"
    same "the number is whose it was, round $round" 40001 "$(number ports 82)"
    d rm -f ports >/dev/null
done
d run -d --name one -p 40001:80 busybox sleep 1000 >/dev/null
check "two of chance beside another container's number" d run -d --name two -p 80 -p 81 busybox sleep 1000
same "are the others" "40000 40002" "$({ number two 80; number two 81; } | sort | xargs)"
d create --name three -p 80 busybox true >/dev/null
expect_500 'three/start .*' 'as Docker: no port is left'
fails "none is left: it is said" "port|address" d start three
d rm -f one two three >/dev/null
if [ "$(awk '/^Max open files/ {print $4}' "/proc/$ENGINE_PID/limits")" -gt 140000 ]; then
    check "65,534 ports as one range" d run -d --name all -p 2-65535:2-65535/udp busybox sleep 1000
    same "are all there" "65534 2 65535" "$(field all '.NetworkSettings.Ports|to_entries|map(.value[0].HostPort|tonumber)|"\(length) \(min) \(max)"')"
else # ports_many.sh has 10,000
    fails "65,534 ports as one range: only descriptors are short" "publishing 65534 ports needs as many file descriptors" d run -d --name all -p 2-65535:2-65535/udp busybox sleep 1000
fi
d rm -f all >/dev/null

# ---- a port that nobody serves inside: translated it is refused, through the proxy it is reset ----
d run -d --name deaf -p 127.0.0.1:40000:80 -p 40001:80 busybox sleep 1000 >/dev/null
bridge=$(d network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}')
dialled() { in_host python3 -c 'import socket, sys
try:
    c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print("an end" if c.recv(1) == b"" else "an answer")
except OSError as e:
    print(type(e).__name__)' "$@"; }
same "by an address of the host's" ConnectionRefusedError "$(dialled "$bridge" 40001)"
for port in 40000 40001; do like "over loopback, $port" '^Connection(Reset|Refused)Error$' "$(dialled 127.0.0.1 $port)"; done
d rm -f deaf >/dev/null

# ---- a full id is whose it is, whoever has it as a name ----
d create --name first busybox true >/dev/null
id=$(field first .Id)
api_is "no container may be called like another's id" 409 'is the ID of container' POST "/containers/create?name=$id" '{"Image":"busybox"}'
d create --name second busybox true >/dev/null
api_is "nor like the beginning that is shown" 409 'is the ID of container' POST "/containers/create?name=${id:0:12}" '{"Image":"busybox"}'
api_is "nor renamed to it" 409 'is the ID of container' POST "/containers/second/rename?name=$id"
same "the id is its own" /first "$(field "$id" .Name)"
d rm first second >/dev/null
image=$(api GET /images/busybox/json && jq -r .Id <<<"$BODY")
tar -c -T /dev/null | d import - other:1 >/dev/null
api POST "/images/other:1/tag?repo=${image#sha256:}"
same "no image may be called like an id" 400 "$STATUS"
same "an image's id is its own" "$image" "$(api GET "/images/${image#sha256:}/json"; jq -r .Id <<<"$BODY")"
d rmi other:1 >/dev/null

# ---- platforms, and archives that are none ----
api_is "pull: a platform that the image has not" 404 'no matching manifest|does not match the specified platform|was found but' POST '/images/create?fromImage=127.0.0.1:5000/busybox&tag=latest&platform=linux/riscv64'
api_is "import: a platform that is none" 400 'platform|os|invalid' POST '/images/create?fromSrc=-&repo=x&platform=x/y/z/w' x
tar -c -T /dev/null >"$HOST/empty.tar"
same "import: its platform is kept" arm64 "$(d import --platform linux/arm64 "$HOST/empty.tar" arm:1 >/dev/null; api GET /images/arm:1/json; jq -r .Architecture <<<"$BODY")"
d rmi arm:1 >/dev/null
printf 'rubbish%.0s' $(seq 200) >"$HOST/rubbish"
for archive in rubbish empty.tar; do
    api_is "load of $archive: told in the stream" 200 '"error":' POST '/images/load?quiet=1' "@$HOST/$archive"
    rc "load of $archive: the CLI fails" 1 d load -q -i "$HOST/$archive"
done
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
