#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nobody makes the resolver believe an answer that the host's server did not give: one question at a
# time, whoever asks how often; port, id and the case of letters are chance and are checked; what is
# remembered is remembered for one network. Who answers without keeping the case is believed all the
# same, but not by a datagram that anybody could have sent.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
SERVER=
trap 'kill $SERVER 2>/dev/null; host_down' EXIT
host_up
images_make
in_host sh -c 'ip addr add 10.53.0.2/32 dev lo; ip addr add 10.53.0.9/32 dev lo'
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 dns_server.py 10.53.0.2 "$HOST/asked" &
SERVER=$!
engine_start --dns 10.53.0.2 || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null
d network create one >/dev/null; d network create two >/dev/null
for c in aa:one bb:one cc:two; do d run -d --name ${c%:*} --network ${c#*:} busybox sleep 1000 >/dev/null; done
asks() { nsenter --net="/proc/$(d inspect -f '{{.State.Pid}}' "$1")/ns/net" -- python3 dns_ask.py "${@:2}"; }
asked() { grep -ci " $1\$" "$HOST/asked"; } # NAME: how often, upstream
poll 10 eval '[ "$(asks aa 1 ready.test)" = "1 192.0.2.1" ]'

same "a thousand at once: each is answered in its own words" "1000 192.0.2.1" "$(asks aa 1000 slow.test)"
same "and one was asked" 1 "$(asked slow.test)"
asks aa 500 slow1.test >"$HOST/first" & first=$!
asks bb 500 slow1.test edns >"$HOST/second"; wait $first
same "of two containers" "500 192.0.2.1 500 192.0.2.1" "$(cat "$HOST/first" "$HOST/second" | paste -sd' ')"
same "one a manner: with EDNS and without" 2 "$(asked slow1.test)"
same "remembered" "1 192.0.2.1" "$(asks bb 1 slow.test)"
same "for this network" 1 "$(asked slow.test)"
same "another one asks itself" "1 192.0.2.1" "$(asks cc 1 slow.test)"
same "anew" 2 "$(asked slow.test)"

same "forty questions" "40 192.0.2.1" "$(asks aa 40 letters%.example.test)"
chance() { grep -i " letters[0-9]*.example.test$" "$HOST/asked" | awk "{ print $1 }" | sort -u | wc -l; }
check "each has a port of its own" [ "$(chance '$2')" -ge 35 ]
check "and an id" [ "$(chance '$3')" -ge 39 ]
check "letters of any case" [ "$(chance 'substr($4, 1, 7)')" -ge 20 ]

same "lies of who has not seen the question" "100 192.0.2.1" "$(asks aa 100 forged.test)"
same "a server that does not keep the case" "100 192.0.2.1" "$(asks aa 100 lower.test)"
same "is asked by UDP once and by TCP" "tcp udp" "$(grep -i ' lower.test$' "$HOST/asked" | cut -d' ' -f1 | sort | paste -sd' ')"
same "one that speaks no TCP either" "100 192.0.2.1" "$(asks aa 100 lonely.test)"
same "is asked in lower case in the end" "udp lonely.test" "$(grep -i ' lonely.test$' "$HOST/asked" | tail -1 | cut -d' ' -f1,4)"
kill -STOP $SERVER
asks aa 3 never.test >"$HOST/never" & first=$!
asks bb 3 never.test >/dev/null &
poll 5 eval 'in_host ss -Hun dst 10.53.0.2 | grep -q .'
d rm -f bb >/dev/null; kill -CONT $SERVER; wait $first; wait $!
same "who waits is answered though others have gone" "3 192.0.2.1" "$(cat "$HOST/never")"
finish
