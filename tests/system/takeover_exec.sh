#!/bin/bash
# The engine dies, execs do not: they run on, are drained, resized, reported and killed with their
# container by the next engine; what was created can be started, what has ended has its code.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
seed
qa_up
d run --rm busybox true
settled
census_but_keeper >"$HOST/before"

xcreate() { # CONTAINER FLAGS-JSON CMD…: sets ID
    local c=$1 flags=$2
    shift 2
    api POST "/containers/$c/exec" "$(jq -cn --argjson f "$flags" '$f + {Cmd: $ARGS.positional}' --args -- "$@")"
    ID=$(printf '%s' "$BODY" | jq -r .Id)
}
xfield() { api GET "/exec/$1/json" && printf '%s' "$BODY" | jq -r "$2"; }
xdetached() { api POST "/exec/$1/start" '{"Detach":true}'; }
# A client that goes with the engine; its stdin stays open as long as it lives.
xattached() { curl -sN -o "${2:-/dev/null}" -H 'Content-Type: application/json' -d '{"Detach":false}' --unix-socket "$SOCK" "http://x/exec/$1/start" & disown; }
runs() { [ "$(xfield "$1" .Running)" = true ]; }
ended() { [ "$(xfield "$1" .ExitCode)" != null ]; }
code() { poll 5 ended "$1"; xfield "$1" '"\(.Running) \(.ExitCode)"'; }
root() { echo "/proc/$(field "$1" .State.Pid)/root"; }
box() { d run -d --name "$1" --network none busybox sleep 1000 >/dev/null; }

OUT='{"AttachStdout":true,"AttachStderr":true}'
box one; box two; box three; box four
ROOT=$(root one) ROOT3=$(root three)
d run -d --name probed --network none --health-cmd "sleep 77$$" --health-interval 1s --health-timeout 300s busybox sleep 1000 >/dev/null

# ---- what runs, what was created, what has ended ----
xcreate one '{}' sh -c 'while [ ! -e /go1 ]; do sleep 0.05; done; exit 7'; plain=$ID; xdetached $plain
xcreate one '{"AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Tty":true}' sh -c 'while [ ! -e /go2 ]; do stty size >/size; sleep 0.05; done; exit 8'; tty=$ID; xattached $tty
xcreate one '{"AttachStdin":true,"AttachStdout":true}' sh -c 'cat; echo eof >/eof; exit 9'; stdin=$ID; xattached $stdin
xcreate one "$OUT" sh -c 'i=0; while [ ! -e /go4 ]; do i=$((i+1)); echo 0123456789012345678901234567890123456789; [ $((i % 500)) != 0 ] || echo $i >/count; done; exit 4'; noisy=$ID; xattached $noisy
xcreate one '{"User":"1000"}' sh -c 'while [ ! -e /go5 ]; do sleep 0.05; done; exit 5'; down=$ID; xdetached $down
xcreate one "$OUT" sh -c 'echo late; exit 11'; created=$ID
xcreate one '{}' sh -c 'exit 6'; over=$ID; xdetached $over
xcreate one '{}' /nonexistent; absent=$ID; xdetached $absent
xcreate two '{}' sleep 1000; two=$ID; xdetached $two
xcreate three '{}' sleep 1000; three=$ID; xdetached $three
xcreate four '{}' sleep 1000; four=$ID; xdetached $four
for x in $plain $tty $stdin $noisy $down $two $three $four; do poll 5 runs "$x" || not_ok "an exec runs before" "$(xfield "$x" .)"; done
same "ended before: its code" "false 6" "$(code "$over")"
same "failed before: its code" "false 127" "$(code "$absent")"
"$BERTH" exec one sh -c ': >/cli; while [ ! -e /go8 ]; do sleep 0.05; done; exit 0' >"$HOST/cli" 2>&1 & CLI=$!
poll 5 test -e "$ROOT/cli"
kill -STOP $CLI # it will find the next engine
before=$(xfield "$plain" '[.Pid,.ProcessConfig,.OpenStdin,.ContainerID]')
check "a probe runs" poll 5 pgrep -xf "sleep 77$$"
check "the noisy one writes" poll 5 test -s "$ROOT/count"
three_pid=$(field three .State.Pid)

engine_kill
count=$(cat "$ROOT/count")
: >"$ROOT/go5"; kill -9 "$three_pid"
same "no engine: the noisy one goes on" yes "$(poll 5 eval '[ "$(cat "$ROOT/count")" -gt $((count + 20000)) ]' && echo yes)"
engine_start || { not_ok "engine starts again"; finish; exit 1; }

kill -CONT $CLI
wait $CLI; rc=$?
same "berth exec does not take a lost connection for success" yes "$([ $rc != 0 ] && echo yes)"
like "and says that the command runs on" 'connection .* lost; the command runs on' "$(cat "$HOST/cli")"
: >"$ROOT/go8"
same "running: is known as it was" "$before" "$(xfield "$plain" '[.Pid,.ProcessConfig,.OpenStdin,.ContainerID]')"
same "running: is running" "true null" "$(xfield "$plain" '"\(.Running) \(.ExitCode)"')"
like "inspect of the container has it" "$plain" "$(field one '.ExecIDs | join(" ")')"
like "top has it" 'go1' "$(d top one)"
api_is "running: cannot be started again" 409 'already' POST "/exec/$plain/start" '{"Detach":true}'
api_is "tty: resize" 200 '' POST "/exec/$tty/resize?h=33&w=77"
check "tty: has the size" poll 5 grep -qx '33 77' "$ROOT/size"
same "stdin: was closed with its client" "false 9" "$(code "$stdin")"
check "stdin: the process saw the end of file" test -e "$ROOT/eof"
count=$(cat "$ROOT/count")
same "noisy: still goes on" yes "$(poll 5 eval '[ "$(cat "$ROOT/count")" -gt $((count + 20000)) ]' && echo yes)"
same "ended meanwhile: its true code" "false 5" "$(code "$down")"
same "ended before: still its code" "false 6" "$(code "$over")"
same "failed before: still its code" "false 127" "$(code "$absent")"
for x in $down $over $absent; do api_is "what has ended is not run again" 409 'already' POST "/exec/$x/start" '{"Detach":true}'; done
same "created: is known" "false null" "$(xfield "$created" '"\(.Running) \(.ExitCode)"')"
xattached "$created" "$HOST/late"
same "created: can be started" "false 11" "$(code "$created")"
like "created: its output arrives" late "$(poll 3 test -s "$HOST/late"; tr -d '\0' <"$HOST/late")"
same "its container was killed meanwhile: so was it" "false 137" "$(code "$three")"
same "a probe of the engine before is gone" 1 "$(poll 5 eval '[ "$(pgrep -cxf "sleep 77$$")" -le 1 ]'; pgrep -cxf "sleep 77$$")"
: >"$ROOT/go1"; : >"$ROOT/go2"
same "running: ends with its code" "false 7" "$(code "$plain")"
same "tty: ends with its code" "false 8" "$(code "$tty")"
d kill two >/dev/null
same "killed with its container" "false 137" "$(code "$two")"
like "exec_die is told" "\"execID|exitCode\":\"7\"" "$(curl -s -m 5 --unix-socket "$SOCK" "http://x/events?since=0&until=$(date +%s).999&filters=%7B%22event%22:%5B%22exec_die%22%5D%7D")"
d rm -f two three >/dev/null
api_is "of a container that is gone: 404" 404 'No such exec' GET "/exec/$two/json"

# ---- twice in a row, SIGTERM ----
engine_kill; engine_start
check "the next engine's probe runs" poll 5 pgrep -xf "sleep 77$$"
engine_stop
check "which does not outlive a SIGTERM" poll 5 eval '! pgrep -xf "sleep 77$$"'
engine_start
same "after SIGKILL and SIGTERM: still runs" true "$(xfield "$noisy" .Running)"
same "ended: still its code" "false 7" "$(code "$plain")"
api_is "of a container that is gone: still 404" 404 'No such exec' GET "/exec/$two/json"

# ---- one that ends while the engine does, which waits for a log server that is not there ----
d run -d --name slow --network none --log-driver syslog --log-opt "syslog-address=unix://$HOST/nobody" busybox sh -c 'echo hi; sleep 1000' >/dev/null
xcreate one '{}' sh -c 'while [ ! -e /go9 ]; do usleep 1000; done; exit 14'; nine=$ID; xdetached $nine
poll 5 runs "$nine"
kill -TERM "$ENGINE_PID"
ping_fails() { ! curl -fs -o /dev/null --unix-socket "$SOCK" http://x/_ping; }
poll 5 ping_fails
: >"$ROOT/go9"
wait "$ENGINE_PID"; ENGINE_PID=
engine_start
same "ended in the engine's last moments: its code" "false 14" "$(code "$nine")"
d rm -f slow >/dev/null
: >"$ROOT/go4"
same "ends with its code" "false 4" "$(code "$noisy")"

# ---- the keeper dies ----
old=$(keeper_pid)
xcreate one "$OUT" sh -c 'while [ ! -e /go6 ]; do sleep 0.05; done; exit 12'; six=$ID; xattached $six
xcreate one '{}' sh -c 'while [ ! -e /go7 ]; do sleep 0.05; done; exit 13'; seven=$ID; xdetached $seven
poll 5 runs "$six"; poll 5 runs "$seven"
sevenpid=$(xfield "$seven" .Pid)
kill -9 "$old"
check "a new keeper" poll 8 eval 'is_alive "$(keeper_pid)" && [ "$(keeper_pid)" != "$old" ]'
same "keeper killed: both run" "true true" "$(xfield "$six" .Running) $(xfield "$seven" .Running)"
engine_kill
: >"$ROOT/go7"
poll 5 eval '! is_alive "$sevenpid"'
engine_start
same "keeper and engine killed: still runs" true "$(xfield "$six" .Running)"
like "ended meanwhile: its true code or unknown" "^false (13|255)$" "$(code "$seven")"
: >"$ROOT/go6"
like "ends with its true code or unknown" "^false (12|255)$" "$(code "$six")"
same "four: still runs" true "$(xfield "$four" .Running)"
xcreate four '{}' sleep 1000; both=$ID; xdetached $both; poll 5 runs "$both"
fourpid=$(field four .State.Pid) # one for the engine after both have died
kill -KILL "$(keeper_pid)" "$ENGINE_PID"; wait "$ENGINE_PID" 2>/dev/null
kill -9 "$fourpid" 2>/dev/null
engine_start
same "both killed: known, its code unknown" "false 255" "$(code "$both")"

# ---- a start that is held up half way (a frozen helper; v2 kills it at once) ----
box settle
freezer=$(own_cgroups | grep -m1 "freezer/.*/$(field settle .Id)")
# An engine that finds a frozen container takes it for a paused one.
thaw() { d unpause settle >/dev/null; }
held_up() { # sets ID: an exec whose start the engine dies in
    xcreate settle "$OUT" sh -c 'echo x >>/settled; exit 3'
    echo FROZEN >"$freezer/freezer.state"
    xdetached "$ID" & disown
    poll 5 eval '[ "$(wc -l <"$freezer/tasks")" -gt 1 ]'
    engine_kill
    engine_start
}
if [ -n "$freezer" ]; then
    held_up
    same "a start in flight: is known, does not run" "false null" "$(xfield "$ID" '"\(.Running) \(.ExitCode)"')"
    api_is "and is not started twice" 409 'already' POST "/exec/$ID/start" '{"Detach":true}'
    thaw
    same "it then runs" "false 3" "$(code "$ID")"
    held_up
    kill -9 $(grep -vx "$(field settle .State.Pid)" "$freezer/tasks")
    thaw
    startable() { xdetached "$ID"; [ "$STATUS" = 200 ]; }
    check "a start in flight that fails: can be started again" poll 5 startable
    same "and then runs" "false 3" "$(code "$ID")"
    same "each ran once" 2 "$(wc -l <"$(root settle)/settled")"
    held_up
    echo FROZEN >"$freezer/freezer.state"
    kill -9 "$(keeper_pid)"
    sleep 0.3
    thaw
    check "a start in flight whose keeper dies: can be started again" poll 8 startable
    same "and then runs, too" "false 3" "$(code "$ID")"
fi

# ---- fifty in flight ----
d rm -f four >/dev/null 2>&1
box storm
marks() { cat "$(root storm)/marks" 2>/dev/null | wc -l; }
for round in 1 2 3; do
    had=$(marks)
    timeout 60 python3 exec_storm.py "$SOCK" storm "$HOST/storm-$round" storm 2>"$HOST/storm.err" & S=$!
    poll 20 eval '[ "$(marks)" -gt $((had + 20)) ]'
    sleep 0.$((RANDOM % 3))$((RANDOM % 10))
    engine_kill
    wait $S
    engine_start || { not_ok "engine starts"; break; }
    timeout 60 python3 exec_storm.py "$SOCK" settle "$HOST/storm-$round" storm >"$HOST/settled" 2>&1
    echo "# round $round: $(cat "$HOST/settled")"
    check "round $round: something was acknowledged" test "$(jq .acknowledged "$HOST/settled")" -gt 10
    same "round $round: each is known, ran once, has its code" 0 "$(jq .n_bad "$HOST/settled")"
done

# ---- a damaged store ----
engine_kill
head -c 8192 /dev/urandom >"$HOST/exec/execs.db"
engine_start
same "a damaged store does not keep the engine from starting" running "$(field storm .State.Status)"
same "exec works" hi "$(d exec storm echo hi)"
like "and it is told" 'volatile state file' "$(cat "$HOST/engine.log")"

# ---- nothing is left ----
d rm -f $(d ps -aq) >/dev/null 2>&1
settled
census_back "the census is as before" "$HOST/before" census_but_keeper
engine_sound
finish
