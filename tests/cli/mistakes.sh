#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What people get wrong, and what they read then: each line of mistakes.txt is typed. No sentence has
# 64 hex digits in it, and none sends people to docker.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'port is already allocated|connection refused' 'as Docker answers it'
qa_up
. ./state.sh
typed() { # WORDS as in a shell; sets SAID and CODE
    local -a words
    eval "words=($1)"
    SAID=$(in_host timeout 20 "$BERTH" "${words[@]}" </dev/null 2>&1)
    CODE=$?
}
n=0
while IFS=$'\t' read -r code line sentence; do
    [[ $code != \#* ]] || continue
    n=$((n + 1))
    typed "$line"
    said=$(printf '%s' "$SAID" | tr '\n\t' '~ ' | sed -E 's/\b[0-9a-f]{12}\b/ID/g')
    if [ "$CODE" != "$code" ] || [[ $said != *"$sentence"* ]]; then
        not_ok "berth $line" "expected: $code $sentence
got:      $CODE $said"
    elif printf '%s' "$SAID" | grep -Eq '[0-9a-f]{64}|docker (run|login|pull|build)'; then
        not_ok "berth $line: for people" "$SAID"
    else
        ok "berth $line"
    fi
done <mistakes.txt
same "there are enough of them" yes "$([ "$n" -ge 150 ] && echo yes || echo "$n")"

# ---- who may not, and who is not there ----
chmod 711 "$HOST" "$(dirname "$SOCK")"
like "a user who may not" 'permission denied .*: run as root' "$(in_host setpriv --reuid 12345 --regid 12345 --clear-groups env HOME=/ "$BERTH" -H "unix://$SOCK" ps 2>&1)"
like "berth-keeper explains itself" 'berthd starts it' "$("$BERTH_BIN/berth-keeper" --help)"
like "and takes no other flag for a folder" '^usage' "$("$BERTH_BIN/berth-keeper" --nosuch 2>&1)"

# ---- an end, asked for three times ----
ours() { in_host "$BERTH" "$@"; }
deaf='trap "" INT TERM; while :; do sleep 1; done'
ours run --name deaf busybox sh -c "$deaf" >/dev/null 2>"$HOST/said" &
client=$!
poll 10 state_is deaf running
berth=$(pgrep -P "$client" -x berth || echo "$client")
signal() { kill -"$1" "$berth"; sleep 0.3; }
signal TERM; signal TERM
check "two do not end it" kill -0 "$berth"
signal TERM
wait "$client"; code=$?
same "three do" 1 "$code"
like "and it says so" 'got 3 SIGTERM/SIGINTs, forcefully exiting' "$(cat "$HOST/said")"
same "the container runs on" running "$(field deaf .State.Status)"
d rm -f deaf >/dev/null
ours run --name good busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null 2>&1 &
client=$!
poll 10 state_is good running
sleep 0.5
kill -TERM "$(pgrep -P "$client" -x berth || echo "$client")"
wait "$client"
same "one is passed on" 5 "$?"
d create --name late busybox sleep 1000 >/dev/null
kill -STOP "$ENGINE_PID"
ours start -a late >/dev/null 2>&1 &
client=$!
sleep 0.5
berth=$(pgrep -P "$client" -x berth || echo "$client")
for _ in 1 2 3; do signal INT 2>/dev/null; signal TERM 2>/dev/null; done
check "an engine that does not answer" poll 5 eval "! kill -0 $client"
kill -CONT "$ENGINE_PID"
wait "$client" 2>/dev/null

# ---- out of memory ----
if ours run --name hungry -m 8m busybox sh -c 'a=x; while :; do a=$a$a$a; done' >/dev/null 2>"$HOST/said"; [ "$(field hungry .State.OOMKilled)" = true ]; then
    like "out of memory is said" 'berth: hungry was killed: out of memory \(its limit is 8388608 bytes\)' "$(cat "$HOST/said")"
fi
engine_sound
finish
