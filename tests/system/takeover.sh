#!/bin/bash
# The engine dies, the containers do not: SIGKILL and SIGTERM of the engine, in rest and in a storm.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'Bind for 127.0.0.1:6001 failed: port is already allocated' 'as Docker: the port of the first container'
seed
qa_up
d run --rm busybox true
settled
census_but_keeper >"$HOST/before"
keeper=$(keeper_pid)

# ---- what others send the keeper ----
for signal in HUP INT QUIT PIPE USR1 USR2 ALRM; do kill -$signal "$keeper"; done
same "signals of a terminal and others do not end it" "$keeper yes" "$(d run --rm busybox true && echo "$(keeper_pid) $(kill -0 "$keeper" && echo yes)")"
same "the keeper ignores none, which its children would inherit" 0000000000000000 "$(awk '/^SigIgn/{print $2}' "/proc/$keeper/status")"
same "the keeper's umask is the usual one" 0022 "$(awk '/^Umask/{print $2}' "/proc/$keeper/status")"

# ---- a second engine ----
out=$(in_host timeout 10 "$BERTH_BIN/berthd" -H "unix://$HOST/exec/two.sock" --data-root "$HOST/data" --exec-root "$HOST/exec" 2>&1)
rc=$?
same "a second engine on the same roots is refused" yes "$([ $rc != 0 ] && [ $rc != 124 ] && echo yes)"
like "and says why" "another engine uses" "$out"
check "the first one is unharmed" d ps

# ---- what runs ----
d run -d --name plain --label k=v busybox sh -c 'trap "exit 5" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done' >/dev/null
d run -dit --name tty busybox sh -c 'while read x; do echo "got $x"; done' >/dev/null
d run -di --name stdin busybox sh -c 'while read x; do echo "got $x"; done; echo eof; sleep 0.2; exit 3' >/dev/null
d run -d --name port -p 127.0.0.1:6001:80 busybox sh -c 'while :; do printf "HTTP/1.0 200 OK\r\n\r\nhello" | nc -l -p 80; done' >/dev/null
d run -d --name paused busybox sleep 1000 >/dev/null; d pause paused >/dev/null
d run -d --rm --name rmone busybox sleep 1000 >/dev/null
d run -d --rm --name rmtwo busybox sleep 1000 >/dev/null
d run -d --name always --restart always busybox sleep 1000 >/dev/null
d run -d --name always2 --restart always busybox sleep 1000 >/dev/null
d run -d --name unless --restart unless-stopped busybox sleep 1000 >/dev/null; d stop -t 0 unless >/dev/null
d run -d --name seven busybox sh -c 'while [ ! -e /go ]; do sleep 0.05; done; echo last words; exit 7' >/dev/null
d run -d --name killed busybox sleep 1000 >/dev/null
d run -d --name volume -v tv:/v busybox sleep 1000 >/dev/null
d create --name cold busybox echo cold >/dev/null
d run --name over busybox sh -c 'echo over; exit 2' >/dev/null
for c in plain tty stdin port paused always volume; do eval "pid_$c=$(field $c .State.Pid)"; done
started=$(field plain .State.StartedAt)
address=$(field port .NetworkSettings.IPAddress)
answers() { in_host curl -fs --max-time 3 http://127.0.0.1:6001/ | grep -q hello; }
check "the port answers before" poll 5 answers
seven=$(field seven .State.Pid) killed=$(field killed .State.Pid) rmtwo=$(field rmtwo .State.Pid) always2=$(field always2 .State.Pid)
before=$(d logs plain | tail -1)

engine_kill
same "the keeper lives" yes "$(kill -0 "$keeper" && echo yes)"
: >"/proc/$seven/root/go"; kill -9 "$killed" "$rmtwo" "$always2"
poll 5 eval '! is_alive $seven && ! is_alive $killed && ! is_alive $rmtwo && ! is_alive $always2'
engine_start || { not_ok "engine starts again"; finish; exit 1; }
ok "engine starts again"
same "the same keeper" "$keeper" "$(keeper_pid)"
for c in plain tty stdin port always volume; do
    same "$c: still the same process" "$(eval echo \$pid_$c) running" "$(field $c '"\(.State.Pid) \(.State.Status)"')"
done
same "started when it was" "$started" "$(field plain .State.StartedAt)"
like "ps" 'Up ' "$(d ps -f name=plain --format '{{.Status}}')"
same "paused: is still" "$pid_paused paused" "$(field paused '"\(.State.Pid) \(.State.Status)"')"
check "exited meanwhile" poll 5 state_is seven exited
same "exited meanwhile: its true code" 7 "$(field seven .State.ExitCode)"
same "exited meanwhile: wait" 7 "$(d wait seven)"
same "exited meanwhile: its last words" "last words" "$(d logs seven)"
same "killed meanwhile" 137 "$(poll 5 state_is killed exited; field killed .State.ExitCode)"
check "--rm, ended meanwhile: is gone" poll 5 gone rmtwo
same "--rm, running: is there" running "$(field rmone .State.Status)"
check "always, killed meanwhile: runs again" poll 5 eval 'state_is always2 running && [ "$(field always2 .State.Pid)" != "$always2" ]'
same "unless-stopped, stopped: stays down" exited "$(field unless .State.Status)"
same "created: still" created "$(field cold .State.Status)"
same "ended before: still, with its code" "exited 2" "$(field over '"\(.State.Status) \(.State.ExitCode)"')"
more() { [ "$(d logs --tail 1 plain)" -gt $((before + 15)) ]; }
check "logs go on" poll 8 more
n=$(d logs plain | wc -l)
same "logs: no line lost, none twice" "$(seq 1 "$n" | md5sum)" "$(d logs plain | head -"$n" | md5sum)"
same "attach works" "got again" "$(echo again | timeout -s KILL 2 "$QA_CLIENT" attach --sig-proxy=false stdin 2>/dev/null | head -1)"
like "attach: tty" 'got typed' "$(in_host python3 - "$QA_CLIENT" <<'PY'
import os, pty, select, sys, termios, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], [sys.argv[1], "attach", "tty"])
out, end = b"", time.time() + 30
while time.time() < end and termios.tcgetattr(fd)[3] & termios.ICANON: time.sleep(0.02) # it has the terminal
os.write(fd, b"typed\r")
while time.time() < end and b"got typed" not in out:
    if select.select([fd], [], [], 0.2)[0]:
        try: out += os.read(fd, 4096)
        except OSError: break
os.write(fd, b"\x10\x11"); os.kill(pid, 9); os.waitpid(pid, 0)
print(out.decode(errors="replace"))
PY
)"
same "exec works" hi "$(d exec plain echo hi)"
like "top works" 'sleep' "$(d top plain)"
check "the port answers" poll 5 answers
same "its address" "$address" "$(field port .NetworkSettings.IPAddress)"
same "a new container gets another address" yes "$([ "$(d run --rm busybox hostname -i)" != "$address" ] && echo yes)"
fails "the port is still taken" 'already allocated' d run --rm -p 127.0.0.1:6001:80 busybox true
fails "the name is still taken" 'already in use' d create --name plain busybox true
fails "the volume is still in use" 'in use' d volume rm tv
fails "the image is still in use" 'conflict|is using|being used' d rmi 127.0.0.1:5000/busybox busybox
same "unpause works" running "$(d unpause paused >/dev/null; field paused .State.Status)"
same "stop works: the handler ran" 5 "$(d stop plain >/dev/null; field plain .State.ExitCode)"
same "restart works" running "$(d restart -t 0 port >/dev/null; field port .State.Status)"
check "the port answers after a restart" poll 5 answers
same "start of what was created" cold "$(d start -a cold)"
timeout 20 curl -s -X POST --unix-socket "$SOCK" http://x/containers/rmone/wait?condition=removed >"$HOST/w" & W=$!
poll 5 eval 'ss -xH state established | grep -q "$SOCK"'; d kill rmone >/dev/null; wait $W
like "wait for removal works" '"StatusCode":137' "$(cat "$HOST/w")"

# ---- twice in a row, and SIGTERM ----
pid=$(field always .State.Pid)
engine_kill; engine_start; engine_kill; engine_start
same "killed twice: still there" "$pid" "$(field always .State.Pid)"
engine_stop; engine_start
same "SIGTERM: still there" "$pid" "$(field always .State.Pid)"
check "SIGTERM: the port answers again" poll 5 answers
(timeout 20 "$QA_CLIENT" logs -f always2 >/dev/null 2>&1; echo ended >"$HOST/ended") & L=$!
(timeout 20 "$QA_CLIENT" attach --no-stdin port >/dev/null 2>&1) & A=$!
d exec -d always2 sleep 300
poll 5 eval '[ "$(ss -xH state established | grep -c "$SOCK")" -ge 2 ]'; t=$SECONDS
engine_stop
same "SIGTERM with streams open ends soon" yes "$([ $((SECONDS - t)) -le 6 ] && echo yes)"
wait $L $A
engine_start
same "still there" running "$(field always2 .State.Status)"

# ---- the keeper dies ----
d run -d --name orphan busybox sh -c 'sleep 0.6; exit 9' >/dev/null
d run -d --name orphan2 busybox sleep 1000 >/dev/null
old=$(keeper_pid); kill -9 "$old"
check "the engine survives its keeper" poll 5 d ps
check "an orphan's code is true or unknown, never 0" poll 5 eval 'state_is orphan exited && case $(field orphan .State.ExitCode) in 9|255) true ;; *) false ;; esac'
check "a new container runs with a new keeper" poll 8 d run --rm busybox true
same "an orphan can be killed" 0 "$(timeout 8 "$QA_CLIENT" kill orphan2 >/dev/null; echo $?)"
check "an orphan ends" poll 5 state_is orphan2 exited
d rm -f $(d ps -aq) >/dev/null 2>&1
d volume rm tv >/dev/null
same "rm works: nothing is left" "" "$(d ps -aq)"
settled
census_back "the census is as before" "$HOST/before" census_but_keeper
finish_storm() { # SIGNAL: 10 rounds
    local round pids i
    for round in 1 2 3 4 5 6 7 8 9 10; do
        pids=
        for i in 1 2 3 4; do
            ( while :; do
                c=s-$round-$i-$RANDOM
                curl -s -m 5 -o /dev/null -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["sleep","0.05"],"HostConfig":{"AutoRemove":'"$([ $i = 1 ] && echo true || echo false)"',"Privileged":false},"Volumes":{"/anon":{}}}' --unix-socket "$SOCK" "http://x/containers/create?name=$c" || exit
                curl -s -m 5 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/containers/$c/start" || exit
                [ $i = 2 ] || curl -s -m 5 -o /dev/null -X DELETE --unix-socket "$SOCK" "http://x/containers/$c?force=1&v=1" || exit
            done ) 2>/dev/null & pids="$pids $!"
        done
        sleep 0.$((RANDOM % 4))$((RANDOM % 10))
        if [ "$1" = KILL ]; then engine_kill; else engine_stop; fi
        wait $pids
        engine_start || { not_ok "SIG$1 round $round: engine starts"; return; }
        d ps -a >/dev/null || { not_ok "SIG$1 round $round: ps"; return; }
    done
    ok "SIG$1: ten rounds in a storm"
}
for signal in KILL TERM; do
    finish_storm $signal
    none_running() { [ -z "$(d ps -q)" ]; }
    check "SIG$signal: all of them end" poll 10 none_running
    like "SIG$signal: states are sound" '^ *(created|exited)? *$' "$(d ps -a --format '{{.State}}' | sort -u | tr '\n' ' ' | sed 's/created exited/created/')"
    for id in $(d ps -aq); do d rm -v "$id" >/dev/null || echo "$id" >>"$HOST/bad"; done
    same "SIG$signal: each can be removed" "" "$(cat "$HOST/bad" 2>/dev/null)"
    settled
    d volume prune -f >/dev/null 2>&1; d volume rm $(d volume ls -q) >/dev/null 2>&1
    same "SIG$signal: every volume can be removed" "" "$(d volume ls -q)"
    census_back "SIG$signal: the census is as before" "$HOST/before" census_but_keeper
done
check "it still works" d run --rm busybox true

# ---- the keeper's end ----
d run -d --name holder busybox sleep 1000 >/dev/null
keeper=$(keeper_pid)
engine_stop
check "engine gone, a container runs: the keeper stays" stays 0.5 is_alive "$keeper"
engine_start; d rm -f holder >/dev/null
settled
reports=$(engine_reports)
same "no sanitizer report, no failed assertion, no error in the log" 0 "$reports"
[ "$reports" = 0 ] || bad_lines -A30 | head -60 | sed 's/^/# /'
keeper=$(keeper_pid)
engine_stop
check "engine gone, nothing runs: the keeper ends by itself" poll 8 eval '! kill -0 $keeper'
finish
