#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A keeper that is stopped: what needs it is refused with a sentence, after ten seconds and then at
# once; everything else goes on; an engine that finds it so does not start, and says why. When it
# goes on all is well again: nothing runs that was refused, and nothing is left.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
SENTENCE="has not answered for 10 seconds.*kill -CONT $(keeper_pid)"
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
answer() { # FILE PATH BODY: status, time in ms, body; may run beside others
    local t0 status
    t0=$(now_ms)
    status=$(curl -s -m 60 -o "$HOST/body-$1" -w '%{http_code}' -X POST --unix-socket "$SOCK" \
        -H 'Content-Type: application/json' --data-binary "${3-}" "http://x$2")
    echo "$status $(($(now_ms) - t0)) $(cat "$HOST/body-$1")" >"$HOST/answer-$1"
}
within() { # NAME MS FILE
    local status ms body
    read -r status ms body <"$HOST/answer-$3"
    if [[ $status = 503 && $body =~ $SENTENCE && $ms -lt $2 ]]; then ok "$1 ($ms ms)"; else
        not_ok "$1" "expected 503 within $2 ms: $status $ms $body"; fi
}
make() { api POST "/containers/create?name=$1" '{"Image":"busybox","Cmd":["sh","-c","echo up; sleep 1000"]}'; }
d run --rm busybox true; settled
census_stable >"$HOST/before"
for i in runs c1 c2 c3; do make $i; done
api POST /containers/runs/start
api POST /containers/runs/exec '{"Cmd":["sh","-c","sleep 0.5; touch /was-here"]}'
EXEC=$(printf %s "$BODY" | jq -r .Id)
KEEPER=$(keeper_pid)
poll 5 eval 'd logs runs | grep -q up'

kill -STOP "$KEEPER"
WAITING=()
for i in c1 c2; do answer $i /containers/$i/start & WAITING+=($!); done
answer exec "/exec/$EXEC/start" '{"Detach":true}' & WAITING+=($!)
t0=$(now_ms)
for path in /_ping /containers/json /containers/runs/json /images/json /info "/containers/runs/logs?stdout=1"; do
    api_is "meanwhile: $path" 200 . GET "$path"
done
make c4
same "meanwhile: a create" 201 "$STATUS"
api DELETE /containers/c4
same "meanwhile: a removal" 204 "$STATUS"
[ $(($(now_ms) - t0)) -lt 4000 ] && ok "none of that waits" || not_ok "none of that waits" "$(($(now_ms) - t0)) ms"
wait "${WAITING[@]}"
for i in c1 c2 exec; do within "refused: $i" 20000 $i; done
answer c3 /containers/c3/start
within "the next start is refused at once" 1500 c3
like "the engine's log says so" "the keeper does not answer" "$(cat "$HOST/engine.log")"

kill -CONT "$KEEPER"
heard() { answer c3 /containers/c3/start; [[ $(cat "$HOST/answer-c3") = 204* ]]; }
check "it goes on: starts go on" poll 5 heard
for i in c1 c2; do same "what was refused does not run: $i" created "$(field $i .State.Status)"; done
same "its own children are these two" 2 "$(pgrep -c -P "$KEEPER")"
api POST /containers/c1/start
same "one of them starts now" 204 "$STATUS"
d exec runs true
sleep 1 # had it gone on, it would have come to its end
same "the exec that was refused was ended, another one works" "0 1" "$? $(d exec runs ls /was-here >/dev/null 2>&1; echo $?)"
for i in c1 c2 c3 runs; do api DELETE "/containers/$i?force=1"; done
settled
census_stable >"$HOST/after"
census_same "the census is as before" "$HOST/before" "$HOST/after"

# An engine that comes to a stopped keeper.
make c5; api POST /containers/c5/start
engine_kill
kill -STOP "$KEEPER"
in_host timeout 30 "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" --exec-root "$HOST/exec" >"$HOST/second.log" 2>&1
like "an engine says why it does not start" "keeper of .* \(pid $KEEPER\) has not answered for 5 seconds" "$(cat "$HOST/second.log")"
kill -CONT "$KEEPER"
check "it starts when the keeper goes on" engine_start
same "and finds the container running" running "$(field c5 .State.Status)"
api DELETE "/containers/c5?force=1"
engine_stop
same "no sanitizer report, no failed assertion" "" "$(grep -v level=error "$HOST/engine.log" | grep -E 'Sanitizer|runtime error:|[Aa]ssertion')"
finish
