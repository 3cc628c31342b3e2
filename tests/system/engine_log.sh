#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator reads in the engine's log: a line for each start, exit, change of health, pull and
# failed command, with name, image, caller and result; what callers get wrong is no error; under
# systemd each line has its priority.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'port is already allocated' 'Docker answers it with a 500'
expect_500 'no such host|connection refused' 'a registry that is not there: Docker answers it with a 500'
qa_up
L=$HOST/engine.log
line() { # REGEX: waits for a line
    poll 4 grep -Eaq -- "$1" "$L"
    grep -Ea -- "$1" "$L" | tail -1
}
lines() { grep -Eac -- "$1" "$L"; }

like "a pull" 'level=info msg=command command="image create" .*result=ok .*uid=0 pid=[0-9]+ comm=docker.* image=127.0.0.1:5000/busybox:latest' "$(line 'image create.*busybox')"
d run -d --name web busybox sleep 1000 >/dev/null
id=$(field web .Id)
like "a start" "level=info msg=\"a container has started\" name=web id=$id image=busybox pid=[0-9]+\$" "$(line 'has started.*name=web')"
like "who asked for it" 'command="container start" .*result=ok .*comm=docker.* name=web image=busybox' "$(line 'container start.*name=web')"
d exec web true
like "the exec is web's" 'result=ok .* name=web image=busybox' "$(line 'command="exec start".*name=web')"
d kill web >/dev/null
like "an exit" "level=info msg=\"a container has exited\" name=web id=$id image=busybox code=137 ran=[0-9.]+m?s next=none" "$(line 'has exited.*name=web')"
d run --name seven busybox sh -c 'sleep 1.2; exit 7' >/dev/null
like "its code, and how long it ran" 'name=seven .*code=7 ran=1\.[0-9]s' "$(line 'has exited.*name=seven')"
d run -d --name again --restart on-failure:1 busybox false >/dev/null
like "one that is started again" 'name=again .*code=1 .*next=restart' "$(line 'has exited.*name=again.*restart')"
poll 10 eval '[ "$(lines "has exited.*name=again")" = 2 ]'
same "each of its ends" 2 "$(lines 'has exited.*name=again')"
same "and starts" 2 "$(lines 'has started.*name=again')"
if d run -d --name hungry -m 8m busybox sh -c 'a=x; while :; do a=$a$a$a; done' >/dev/null 2>&1; then
    poll 20 state_is hungry exited
    [ "$(field hungry .State.OOMKilled)" != true ] ||
        like "out of memory" 'level=warn msg="a container has exited: out of memory" name=hungry .*code=137' "$(line 'out of memory.*name=hungry')"
fi

# ---- health ----
d run -d --name sick --health-cmd 'test -e /tmp/well || { echo not well; false; }' --health-interval 200ms --health-retries 2 busybox sh -c 'touch /tmp/well; sleep 1000' >/dev/null
like "it becomes healthy" 'level=info msg="a container.s health has changed" name=sick id=[0-9a-f]{64} image=busybox health=healthy was=starting' "$(line 'health=healthy')"
d exec sick rm /tmp/well
like "it is ill" 'level=warn msg="a container.s health has changed" name=sick .* health=unhealthy was=healthy streak=2 output="not well' "$(line 'health=unhealthy')"
stays 1 eval '[ "$(lines "health has changed")" = 2 ]'
same "a line for each change and no more" 2 "$(lines 'health has changed')"
d rm -f sick >/dev/null

# ---- what callers get wrong ----
d run nosuchimage:1 >/dev/null 2>&1
like "an image that is not there" 'level=info .*command="container create" .*result=refused status=404 .*error="No such image: nosuchimage:1' "$(line 'nosuchimage.*404|404.*nosuchimage')"
d run --name bad busybox nosuchprogram >/dev/null 2>&1
like "a program that is not there" 'level=info .*command="container start" .*result=refused .*name=bad image=busybox error=.*nosuchprogram' "$(line 'command="container start".*name=bad')"
d stop nosuch >/dev/null 2>&1
like "a container that is not there" 'level=info .*command="container stop" object=nosuch .*result=refused status=404 .*error="No such container: nosuch"' "$(line 'container stop.*nosuch')"
d run -d --name port1 -p 127.0.0.1:8099:80 busybox sleep 1000 >/dev/null
d run -d --name port2 -p 127.0.0.1:8099:80 busybox sleep 1000 >/dev/null 2>&1
like "a port that is taken" 'level=info .*name=port2 image=busybox error=.*port is already allocated' "$(line 'name=port2.*allocated')"
in_host timeout 20 "$QA_CLIENT" pull 127.0.0.1:1/x >/dev/null 2>&1
like "a registry that is not there" 'command="image create" .* image=127.0.0.1:1/x:latest error=.*connection refused' "$(line 'image create.*refused')"
curl -s -o /dev/null -X POST -H 'Content-Type: application/json' -d '{"Image":' --unix-socket "$SOCK" http://x/containers/create
like "a body that is no JSON" 'level=info .*container create.*result=refused status=400 .*error=' "$(line 'comm=curl.*status=400|status=400.*comm=curl')"
same "nothing of it is an error" "" "$(grep -a level=error "$L")"
d rm -f port1 port2 web >/dev/null 2>&1

# ---- under systemd ----
engine_stop
mv "$L" "$L.1"; : >"$L"
JOURNAL_STREAM=$(stat -c %d:%i "$L") engine_start -l debug
d run --rm busybox true >/dev/null; d stop nosuch >/dev/null 2>&1
poll 10 grep -q 'has exited' "$L"
same "each line has its priority" 0 "$(grep -Eavc '^<[3467]>time=' "$L")"
for pair in 'info 6' 'debug 7' 'warn 4' 'error 3'; do
    same "${pair% *} is ${pair#* }" 0 "$(grep -a "level=${pair% *} " "$L" | grep -vc "^<${pair#* }>")"
done
engine_stop
: >"$L"
JOURNAL_STREAM=1:1 engine_start
same "another stream has none" 0 "$(grep -c '^<' "$L")"
cat "$L.1" "$L" >"$L.2"; mv "$L.2" "$L"
engine_sound
finish
