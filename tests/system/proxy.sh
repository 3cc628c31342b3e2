#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP through the proxy, as its two ends see it: every byte in both directions, half-closed ends,
# readers that stop, resets, many connections at once, and nothing left of any of them.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run -d --name served -p 127.0.0.1:8080:7 -p 127.0.0.1:8081:8 -p '[::1]:8081:8' busybox sleep 100000 >/dev/null
inside=/proc/$(curl -s --unix-socket "$SOCK" http://x/containers/served/json | jq .State.Pid)/ns/net
export ENGINE_PID
sockets() { find "/proc/$ENGINE_PID/fd" -lname 'socket:*' | wc -l; }
pipes() { find "/proc/$ENGINE_PID/fd" -lname 'pipe:*' | wc -l; }
before=$(sockets) pipes_before=$(pipes)

while read -r word name; do
    same "$name" done "$(timeout 60 nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 proxy_ends.py "$inside" "$word" 2>&1 | tail -1)"
done <<'LIST'
both_ways 24 MB each way at once, both readers slow at times
client_first the client ends first, the answer follows
server_first the container ends first, the client's bytes follow
stopped a reader that stops holds up its own connection only, and not for ever
reset a client's reset reaches the container
reset_silent a client that ended first and is gone then, while nobody says anything
reset_server a container's reset reaches the client
closed_port a port that nobody serves inside resets its clients, IPv4 and IPv6
late_answer an answer arrives whole although a reset follows it
own_port no connection takes a port away from those that may be published
many 300 connections at once, all to and fro, all gone
LIST
poll 10 eval '[ "$(sockets)" = "$before" ]'
same "sockets of the engine afterwards" "$before" "$(sockets)"
same "pipes of it: the few that are kept" yes "$([ $(($(pipes) - pipes_before)) -le 64 ] && echo yes || pipes)"

nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 proxy_ends.py "$inside" removed >"$HOST/removed" 2>&1 &
client=$!
poll 10 grep -q open "$HOST/removed"
d rm -f served >/dev/null
wait $client
same "connections of a container that is removed" done "$(tail -1 "$HOST/removed")"
poll 10 eval '[ "$(sockets)" -lt "$before" ]'
same "its listeners and all sockets are gone" $((before - 3)) "$(sockets)"
engine_sound
finish
