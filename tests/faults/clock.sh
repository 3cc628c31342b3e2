#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The wall clock of the engine is set by a day, forwards and back, under what waits and counts: the
# restart back-off, health checks and their start period, execs that are kept, timeouts, what ps says,
# logs and events by time. Durations are the boot clock's.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
QA_CLIENT=$BERTH_BIN/berth
trap host_down EXIT
host_up
images_make
export CLOCK_JUMP=$HOST/jump
jump() { python3 -c 'import struct, sys; f = open(sys.argv[1], "r+b"); f.write(struct.pack("q", int(sys.argv[2])))' "$CLOCK_JUMP" "$1"; }
head -c 8 /dev/zero >"$CLOCK_JUMP"
start() { LD_PRELOAD=$BERTH_BIN/libclock_jump.so engine_start "$@"; }
start || { not_ok "engine starts"; finish; exit 1; }
curl -s --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary "@$IMAGES/busybox.tar" http://x/images/load >/dev/null
d tag "$(d images -q | head -1)" busybox
DAY=86400
now_of_engine() { api GET /info; jq -r .SystemTime <<<"$BODY"; }
jump $DAY
like "the engine's clock is a day ahead" "^$(date -u -d '+1 day' +%Y-%m-%dT%H:)" "$(now_of_engine)"
jump 0

# ---- restart back-off: 100, 200, 400, … whatever the clock says ----

count() { field "$1" .RestartCount; }
d run -d --name falls --restart always --net none busybox false >/dev/null
for sign in '' - '' - '' -; do jump "$sign$DAY"; sleep 0.4; done
jump 0
n=$(count falls)
check "the back-off goes on through jumps ($n restarts in 2.4 s)" [ "$n" -ge 2 -a "$n" -le 6 ]
d rm -f falls >/dev/null

# ---- a start period of 4 s, a check each 0.3 s that fails ----

unhealthy_after() { # NAME JUMP: when it is no longer starting, in ms
    local begun=${EPOCHREALTIME/./}
    jump 0
    d run -d --name "$1" --net none --health-cmd false --health-interval 300ms --health-start-period 4s --health-start-interval 300ms --health-retries 1 busybox sleep 1000 >/dev/null
    poll 5 eval "[ \"\$(field $1 '.State.Health.Log | length')\" -ge 1 ]"
    jump "$2"
    poll 10 eval "[ \"\$(field $1 .State.Health.Status)\" = unhealthy ]"
    echo $(((${EPOCHREALTIME/./} - begun) / 1000))
    jump 0
}
t=$(unhealthy_after ahead $DAY)
check "a jump ahead does not end the start period ($t ms)" [ "$t" -ge 4000 -a "$t" -lt 9000 ]
t=$(unhealthy_after back -$DAY)
check "a jump back does not make it longer ($t ms)" [ "$t" -ge 4000 -a "$t" -lt 9000 ]
jump -$DAY
like "ps does not count below zero" '^Up Less than a second' "$(d ps --filter name=back --format '{{.Status}}')"
jump 0

# ---- an engine that starts with another clock ----

field_n() { field back '.State.Health.Log | length'; }
engine_kill
jump -$DAY
start; check "an engine starts a day before" state_is back running
last=$(field back '.State.Health.Log[-1].Start')
check "and goes on with the checks" poll 5 eval '[ "$(field back ".State.Health.Log[-1].Start")" != "$last" ]'
jump 0

# ---- stop, execs ----

d run -d --name stubborn --net none busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
(sleep 0.5; jump -$DAY) &
begun=${EPOCHREALTIME/./}
d stop -t 2 stubborn >/dev/null
took=$(((${EPOCHREALTIME/./} - begun) / 1000))
check "stop -t 2 takes two seconds through a jump back ($took ms)" [ "$took" -ge 1900 -a "$took" -lt 6000 ]
wait $!
jump 0
api POST /containers/back/exec '{"Cmd":["sh","-c","exit 6"]}'
exec=$(jq -r .Id <<<"$BODY")
api POST "/exec/$exec/start" '{"Detach":true}'
poll 5 eval 'api GET "/exec/$exec/json"; [ "$(jq .ExitCode <<<"$BODY")" = 6 ]'
jump $DAY
for _ in $(seq 70); do api POST /containers/back/exec '{"Cmd":["true"]}'; done
api GET "/exec/$exec/json"
same "an exec that has just ended is kept, by another clock, too" "200 6" "$STATUS $(jq .ExitCode <<<"$BODY")"
jump 0

# ---- logs and events by time: what was written before and behind a step back ----

d run -d --name talks --net none -i busybox sh -c 'while read -r line; do yes "$line 0123456789012345678901234567890123456789" | head -2000; done' >/dev/null
say() { # WORD: 2,000 lines
    echo "$1" | timeout 5 "$BERTH" attach --sig-proxy=false talks >/dev/null 2>&1 &
    poll 5 eval "[ \"\$(d logs talks | grep -c '^$1 ')\" = 2000 ]"
    kill $! 2>/dev/null; wait $! 2>/dev/null
}
jump 0; say first
jump 7200; say ahead
jump 0; say again
jump -7200; say behind
jump 0; say last
at() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
words() { d logs "$@" talks | cut -d' ' -f1 | sort | uniq -c | awk '{ printf "%s%s:%d", s, $2, $1; s = " " }'; }
same "all of it" "again:2000 ahead:2000 behind:2000 first:2000 last:2000" "$(words)"
same "since an hour ahead" "ahead:2000" "$(words --since "$(at '+1 hour')")"
same "since an hour ago" "again:2000 ahead:2000 first:2000 last:2000" "$(words --since "$(at '-1 hour')")"
same "until an hour ago" "behind:2000" "$(words --until "$(at '-1 hour')")"
same "until in an hour" "again:2000 behind:2000 first:2000 last:2000" "$(words --until "$(at '+1 hour')")"
api GET /_ping
same "the engine is well" OK "$BODY"
containers_clear
finish
