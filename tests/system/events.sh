#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Events that can be trusted: numbers, a history that outlives the engine, resuming behind a number,
# a record where something is missing, and readers that do not read.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
# Of what is kept: ARGS are of the query; ends at once.
ev() { curl -s --max-time 10 --unix-socket "$SOCK" "http://x/events?until=$(date +%s.%N)&$1"; }
numbers() { ev "$1" | jq .seq; }
last() { numbers after=0 | tail -1; }
run() { d run --name "$1" --rm busybox true; }

run one
api GET "/v1.41/events?since=1&until=$(date +%s.%N)"
same "each event has a number" true "$(printf %s "$BODY" | jq -es 'all(.seq>0) and ([.[].seq]==([.[].seq]|sort))')"
same "Docker's client prints what it always has" "container create|container attach|network connect|container start|container die|network disconnect|container destroy" \
    "$(d events --since 1h --until "$(date +%s.%N)" --format '{{.Type}} {{.Action}}' 2>&1 | grep -v ^image | paste -sd'|')"
N=$(last)
run two
same "behind a number: what came since" "$(numbers after=0 | awk -v n="$N" '$1 > n')" "$(numbers "after=$N")"
same "… with a filter" "two" "$(ev "after=$N&filters=%7B%22event%22%3A%5B%22start%22%5D%7D" | jq -r .Actor.Attributes.name)"
same "… nothing" "" "$(numbers "after=$(last)")"
like "berth events --after" 'container start .*name=two' "$(in_host "$BERTH" events --after "$N" --until "$(date +%s.%N)")"
like "a number that is not there yet" 'has not come to event 99999999' "$(ev after=99999999)"
like "… below 0" 'is below 0' "$(ev after=-4)"
like "… no number" 'is not a number' "$(ev after=x)"
like "since and after" 'exclude each other' "$(ev 'after=1&since=1')"

# ---- an engine that ends, and one that is killed ----
BEFORE=$(ev after=0 | jq -c '[.seq,.Type,.Action,.Actor]')
N=$(last)
engine_stop; engine_start
same "the history outlives an engine" "$BEFORE" "$(ev after=0 | jq -c '[.seq,.Type,.Action,.Actor]' | head -n "$(printf '%s\n' "$BEFORE" | wc -l)")"
run three
same "numbers go on without a gap" "$((N + 1))" "$(ev "after=$N&filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%2C%22command%22%5D%7D" | jq .seq | head -1)"
same "… and nothing is missing" "" "$(ev "after=1" | grep '"gap"')"

# A client that follows, resumes behind the last number, while engines are killed: it has seen every
# number once, or been told that it is missing.
follow() { # appends what comes to $HOST/seen until $HOST/enough; AFTER is the last complete line
    local n
    while [ ! -e "$HOST/enough" ]; do
        n=$(jq -r .seq "$HOST/seen" 2>/dev/null | tail -1)
        curl -sN --max-time 5 --unix-socket "$SOCK" "http://x/events?after=${n:-$1}&filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%2C%22image%22%2C%22command%22%2C%22volume%22%5D%7D" >"$HOST/part"
        grep '}$' "$HOST/part" >>"$HOST/seen"
        sleep 0.05
    done
}
N=$(last)
: >"$HOST/seen"
follow "$N" &
FOLLOWER=$!
for i in 1 2 3 4; do
    (for k in $(seq 40); do curl -s -X POST --unix-socket "$SOCK" "http://x/images/busybox/tag?repo=storm&tag=t$k"; done) >/dev/null 2>&1 &
    STORM=$!
    sleep "0.0$((RANDOM % 9 + 1))"
    engine_kill
    wait $STORM
    engine_start || { not_ok "engine starts"; break; }
done
d tag busybox storm:end
poll 10 grep -q 'storm:end' "$HOST/seen" || poll 10 grep -q 'storm:end' "$HOST/part"
touch "$HOST/enough"
curl -s -X POST --unix-socket "$SOCK" http://x/images/busybox/tag?repo=storm >/dev/null
wait $FOLLOWER
same "engines were killed: gaps are told" true "$(grep -c '"gap"' "$HOST/seen" | awk '{ print ($1 >= 1 ? "true" : "false") }')"
same "every number was seen once, or told to be missing" "" "$(jq -r '"\(if .Action == "gap" then .Actor.Attributes.from else .seq end) \(.seq)"' "$HOST/seen" |
    awk -v n="$N" '$1 != n + 1 { print "behind", n, "came", $0 } { n = $2 }')"
check "the last one is there" grep -q 'storm:end' "$HOST/seen"

# ---- who does not read ----
engine_stop; engine_start
python3 events.py "$SOCK" busybox >"$HOST/py" 2>&1
while read -r verdict _ _ name; do
    case $verdict in ok) ok "$name" ;; not) not_ok "${name#* - }" "$(cat "$HOST/py")" ;; esac
done < <(grep -E '^(not )?ok' "$HOST/py")
same "all four were tried" 4 "$(grep -cE '^(not )?ok' "$HOST/py")"

# ---- a disk that takes nothing ----
engine_stop
mkdir "$HOST/small" && mount -t tmpfs -o size=4k none "$HOST/small"
rm -rf "$HOST/data/events" && ln -s "$HOST/small" "$HOST/data/events"
engine_start
for i in $(seq 30); do d tag busybox "storm:full$i"; done
poll 5 grep -q 'a journal cannot be written' "$HOST/engine.log"
same "a full disk: nothing is missing from memory" 30 "$(ev "after=0" | grep -c 'storm:full')"
engine_stop; engine_start
check "… and after a restart the gap is told, or all is there" eval "ev after=1 | grep -qE '\"gap\"|storm:full30'"
engine_stop; umount "$HOST/small"; rm "$HOST/data/events"; engine_start
finish
