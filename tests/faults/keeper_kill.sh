#!/bin/bash
# SIGKILL of the keeper in the middle of a storm, ten times: the engine lives, streams, logs and
# published ports go on, whatever was accepted ends with its true code. Then the engine is killed
# too: the next one finds every process and stream in the newest keeper. Then the keeper again, now
# of an engine that is not its parent.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
ROUNDS=${ROUNDS:-10}
seed
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
in_host "$BERTH" load -q -i "$IMAGES/busybox.tar" >/dev/null
ENGINE=$ENGINE_PID

cgroups() { own_cgroups | wc -l; }
census_own() {
    census_stable
    echo "engine-zombies $(ps -o stat= --ppid "$ENGINE_PID" | grep -c ^Z)"
}
b() { in_host "$BERTH" "$@"; }
killed() { grep -c "the keeper was killed" "$HOST/engine.log"; }
reaches() { [ "$("$1")" -ge "$2" ]; }
other_keeper() { is_alive "$(keeper_pid)" && [ "$(keeper_pid)" != "$1" ]; }
kill_keeper() {
    local old n
    old=$(keeper_pid) n=$(($(killed) + 1))
    kill -KILL "$old"
    poll 5 reaches killed $n && poll 5 other_keeper "$old"
}
web() { in_host curl -fs -m 3 http://127.0.0.1:8099/ | grep -q page; }
code_of() { field "$1" '"\(.State.Status) \(.State.ExitCode)"'; }

b run --rm busybox true
settled
census_own >"$HOST/before"

b run -d --name keep-web -p 127.0.0.1:8099:80 busybox sh -c 'mkdir /w; echo page >/w/index.html; exec httpd -f -h /w' >/dev/null
check "a published port answers" poll 5 web
check "the census sees this engine's cgroups" test "$(cgroups)" -gt 0
python3 storm.py "$SOCK" "$HOST/stop" --may-refuse >"$HOST/storm" 2>&1 &
STORM=$!
check "the storm begins" poll 10 test -e "$HOST/stop.ready"
replaced=0 pages=0
for n in $(seq "$ROUNDS"); do
    b run -d --name "late-$n" --network none busybox sh -c "sleep 0.$((RANDOM % 10)); exit $((n + 20))" >/dev/null 2>&1
    sleep "0.$((RANDOM % 10))"
    kill_keeper && replaced=$((replaced + 1))
    web && pages=$((pages + 1))
    sleep 0.3
done
same "keepers replaced" "$ROUNDS" $replaced
same "the port answered each time" "$ROUNDS" $pages
same "the engine is the same process" "$ENGINE $ENGINE" "$ENGINE_PID $(is_alive "$ENGINE" && echo "$ENGINE")"
touch "$HOST/stop"
wait $STORM
echo "# $(cat "$HOST/storm")"
same "nothing went wrong in the storm" 0 "$(jq .n_bad "$HOST/storm")"
check "containers were run" test "$(jq .counts.runs "$HOST/storm")" -gt 10
check "streams were used" test "$(jq .counts.echoes "$HOST/storm")" -gt 200
bad=0
for n in $(seq "$ROUNDS"); do
    case $(code_of "late-$n") in
    "exited $((n + 20))") ;;
    "created 128" | "null null") ;; # its start was refused
    *) bad=$((bad + 1)); echo "# late-$n: $(code_of "late-$n") $(field "late-$n" .State.Error)" ;;
    esac
done
same "codes of containers that lived through it" 0 $bad
poll 3 eval '[ "$(ps -o stat= --ppid "$ENGINE_PID" | grep -c ^Z)" = 0 ]'
same "the engine has no zombies" 0 "$(ps -o stat= --ppid "$ENGINE_PID" | grep -c ^Z)"

# Both die, one after the other: the newest keeper has it all, though none of it is its child.
b run -d --name short --network none busybox sh -c 'sleep 4; exit 43' >/dev/null
b run -d --name gone --network none busybox sh -c 'sleep 0.6; exit 44' >/dev/null
check "the keeper is killed once more" kill_keeper
gone=$(field gone .State.Pid)
engine_kill
poll 5 eval '! is_alive "$gone"'
engine_start || not_ok "the engine starts again"
same "the processes were found" 5 "$(b ps --format '{{.Names}}' | grep -c ^keep-)"
like "streams and logs go on" "pipe True tty True writer [0-9]+" "$(python3 storm.py "$SOCK" --check | tr '\n' ' ')"
check "the port answers" poll 5 web
same "an exec works in a container that the keeper did not make" "in 7" "$(b exec keep-main sh -c 'echo in; exit 7' | tr '\n' ' ')$(b exec keep-main sh -c 'exit 7' >/dev/null; echo $?)"
poll 8 state_is short exited
same "the code of one that ends now" "exited 43" "$(code_of short)"
same "the code of one that ended while no engine was there" "exited 44" "$(code_of gone)"

# This engine did not start the keeper, so these will be pid 1's children.
b run -d --name last --network none busybox sh -c 'sleep 1; exit 45' >/dev/null
check "a keeper that this engine did not start is killed" kill_keeper
same "stop ends one with its code" "0 exited 137" "$(b kill keep-main >/dev/null; echo $?; poll 5 state_is keep-main exited) $(code_of keep-main)"
poll 8 state_is last exited
same "the code of one that became pid 1's child" "exited 45" "$(code_of last)"
like "streams and logs go on" "pipe True tty True writer [0-9]+" "$(python3 storm.py "$SOCK" --check | tr '\n' ' ')"
# shellcheck disable=SC2046
check "rm -f removes them all" b rm -f $(b ps -aq)
same "nothing is left" 0 "$(b ps -aq | wc -l)"
settled
census_back "the census is as before" "$HOST/before" census_own
finish
