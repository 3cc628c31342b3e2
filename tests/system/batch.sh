#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# berth batch: many containers by one command; its summary, its exit code, its refusals.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
settled
census_but_keeper >"$HOST/before"
b() { in_host "$BERTH_BIN/berth" -H "unix://$SOCK" batch "$@" </dev/null; }
sum() { jq -r "$1" "$HOST/sum"; }

b -n 200 -c 16 --format json -- --rm busybox true >"$HOST/sum" 2>"$HOST/err"
same "200 that go by themselves" "0 200 200 0 0" "$? $(sum .Containers) $(sum .Succeeded) $(sum .Failed) $(sum .OtherCode)"
same "nothing is said of them" "" "$(cat "$HOST/err")"
same "the times are in order" true "$(sum '.create.P50 <= .create.P99 and .start.P50 <= .start.Max and .start.P50 < .whole.P50 and .Seconds > 0')"
same "none is left" "" "$(d ps -aq)"
out=$(b -n 20 -c 4 -- --name 'job-{}' -l batch=1 busybox sh -c 'case $HOSTNAME in *) exit 0 ;; esac')
same "each has its number in its name" "$(seq -f 'job-%g' 20 | sort)" "$(d ps -a --format '{{.Names}}' | sort)"
like "and the summary is text" '20 containers in .* a second 20 exited with 0, 0 with another code, 0 failed ms +p50' "$(tr '\n' ' ' <<<"$out")"
b -n 3 --format json -- --name 'job-{}' busybox true >"$HOST/sum" 2>"$HOST/err"
same "names that are taken: 125" "125 3" "$? $(sum .Failed)"
like "and why, once for each reason" 'already in use' "$(cat "$HOST/err")"
d rm -f $(d ps -aq) >/dev/null
b -n 10 --format json -- busybox sh -c 'exit 3' >"$HOST/sum"
same "another code: 1" "1 10 0" "$? $(sum .OtherCode) $(sum .Failed)"
b -n 10 --format json -- --rm busybox sh -c 'exit 3' >"$HOST/sum"
same "also of those that go by themselves" "1 10 0" "$? $(sum .OtherCode) $(sum .Failed)"
b -n 5 --format json -- busybox no-such-program >"$HOST/sum" 2>"$HOST/err"
same "what cannot be run: 125" "125 5" "$? $(sum .Failed)"
like "and the reason, counted" '^5 times: .*no-such-program' "$(cat "$HOST/err")"
d rm -f $(d ps -aq) >/dev/null
b -d -n 30 -c 10 --format json -- -m 32m busybox sleep 1000 >"$HOST/sum"
same "detached: they run" "0 30 30" "$? $(sum .Running) $(d ps -q | wc -l)"
same "with run's options" 33554432 "$(d inspect -f '{{.HostConfig.Memory}}' "$(d ps -q | head -1)")"
d rm -f $(d ps -aq) >/dev/null

# ---- from a file ----
for i in $(seq 12); do echo "{\"Name\":\"line-$i\",\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit $((i % 3 == 0))\"],\"HostConfig\":{\"Memory\":33554432}}"; done >"$HOST/lines"
echo >>"$HOST/lines"
b -f "$HOST/lines" --format json >"$HOST/sum"
same "bodies, one a line" "1 12 8 4" "$? $(sum .Containers) $(sum .Succeeded) $(sum .OtherCode)"
same "with their names" "$(seq -f 'line-%g' 12 | sort)" "$(d ps -a --format '{{.Names}}' | sort)"
d rm -f $(d ps -aq) >/dev/null
in_host "$BERTH_BIN/berth" -H "unix://$SOCK" batch -f - --format json <"$HOST/lines" >"$HOST/sum"
same "from stdin" "1 12" "$? $(sum .Containers)"
d rm -f $(d ps -aq) >/dev/null
printf '%s\n' '{"Image":"busybox","Cmd":["true"]}' 'no json' '[1]' '{"Image":"nosuch"}' '{"Image":7}' >"$HOST/lines"
b -f "$HOST/lines" --format json >"$HOST/sum" 2>"$HOST/err"
same "bad lines fail, the good one runs" "125 1 4" "$? $(sum .Succeeded) $(sum .Failed)"
like "each with its reason" 'line 2 of .* is no JSON object' "$(cat "$HOST/err")"
like "" 'No such image: nosuch' "$(cat "$HOST/err")"
d rm -f $(d ps -aq) >/dev/null

# ---- refused ----
fails "no image" 'needs an image' b -n 2
fails "one name for many" 'where the number of each' b -n 2 -- --name x busybox
fails "-t" 'attached to no container' b -- -t busybox
fails "-d behind" 'option of batch itself' b -- -d busybox
fails "--cidfile" 'of one container' b -- --cidfile x busybox
fails "-n 0" 'not between 1 and' b -n 0 -- busybox
fails "-c too many" 'not between 1 and 512' b -c 513 -- busybox
fails "both" 'says what runs' b -f "$HOST/lines" -- busybox
fails "no such file" 'nosuch' b -f "$HOST/nosuch"
fails "a format" 'only json' b --format x -- busybox
fails "no engine" 'Is berthd running' in_host "$BERTH_BIN/berth" -H unix:///nosuch batch -- busybox

# ---- its end ----
in_host "$BERTH_BIN/berth" -H "unix://$SOCK" batch -n 1000 -c 4 -- busybox sleep 1000 >/dev/null 2>&1 </dev/null & B=$!
poll 5 eval '[ "$(d ps -q | wc -l)" -ge 4 ]'
kill -TERM $(pgrep -f "batch -n 1000 -c 4" | head -20) 2>/dev/null
wait $B
none_left() { ! pgrep -f "batch -n 1000 -c 4" >/dev/null; }
check "ended, it leaves no worker" poll 5 none_left
same "and no more than began" yes "$([ "$(d ps -aq | wc -l)" -le 5 ] && echo yes)"
d rm -f $(d ps -aq) >/dev/null
settled
census_back "the census is as before" "$HOST/before" census_but_keeper
engine_sound
finish
