#!/bin/bash
# The life of containers: create to rm, every wait, restart policies, names, ps and its filters.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"
Z=0001-01-01T00:00:00Z

# ---- create, start, stop ----
id=$(d create --name one busybox sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done')
like "create prints a full id" '^[0-9a-f]{64}$' "$id"
same "created: state" "created 0 false $Z $Z" \
    "$(field one '"\(.State.Status) \(.State.ExitCode) \(.State.Running) \(.State.StartedAt) \(.State.FinishedAt)"')"
like "created: status text" '^Created$' "$(d ps -a --filter name=one --format '{{.Status}}')"
same "ps hides what does not run" "" "$(d ps -q)"
same "start prints what was asked for" "${id:0:12}" "$(d start "${id:0:12}")"
same "running: state" "running true" "$(field one '"\(.State.Status) \(.State.Running)"')"
same "running: the pid is alive" yes "$(kill -0 "$(field one .State.Pid)" && echo yes)"
like "running: status text" '^Up (Less than a second|[0-9] seconds?)' "$(d ps --format '{{.Status}}')"
api_is "start of a running container is 304" 304 '' POST /containers/one/start
api_is "a start with a body is refused" 400 message POST /containers/one/start '{"Binds":["/:/x"]}'
api_is "exec of nothing" 400 'No exec command' POST /containers/one/exec '{"Cmd":[]}'
fails "rm of a running container" "You cannot remove a running container $id" d rm one
api_is "rm of a running container is 409" 409 'running' DELETE /containers/one
poll 5 eval '[ "$(d logs one)" = up ]'
same "stop prints the name" one "$(d stop one)"
same "stop gave the handler its chance" "exited 9 false 0" \
    "$(field one '"\(.State.Status) \(.State.ExitCode) \(.State.Running) \(.State.Pid)"')"
api_is "stop of a stopped container is 304" 304 '' POST /containers/one/stop
api_is "kill of a stopped container is 409" 409 'is not running' POST /containers/one/kill
api_is "pause of a stopped container is 409" 409 'not running' POST /containers/one/pause
api_is "exec in a stopped container is 409" 409 'is not running' POST /containers/one/exec '{"Cmd":["true"]}'
api_is "top of a stopped container is 409" 409 'is not running' GET /containers/one/top
api_is "resize of a stopped container is 409" 409 'is not running' POST '/containers/one/resize?h=1&w=1'
api_is "resize without a size" 400 message POST /containers/one/resize
like "exited: status text" '^Exited \(9\) (Less than a second|[0-9]+ seconds?) ago' "$(d ps -a --filter name=one --format '{{.Status}}')"
same "start again" one "$(d start one)"
p1=$(field one .State.Pid)
same "restart" one "$(d restart -t 0 one)"
same "restart: another process" yes "$([ "$p1" != "$(field one .State.Pid)" ] && state_is one running && echo yes)"
same "kill" 137 "$(d kill one >/dev/null; field one .State.ExitCode)"
fails "kill of an unknown signal" 'Invalid signal: NOSUCH' d kill -s NOSUCH one
same "restart starts a stopped one" running "$(d restart one >/dev/null; field one .State.Status)"
same "a stop timeout ends in SIGKILL" 137 \
    "$(d run -d --name deaf busybox sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' >/dev/null; poll 5 eval '[ "$(d logs deaf)" = up ]'; d stop -t 1 deaf >/dev/null; field deaf .State.ExitCode)"
d run -d --name int --stop-signal INT --stop-timeout 5 busybox sh -c 'trap "exit 6" INT; trap "echo usr" USR1; echo up; while :; do sleep 0.05; done' >/dev/null
poll 5 eval '[ "$(d logs int)" = up ]'
same "kill -s USR1" int "$(d kill -s USR1 int)"
check "the signal arrived" poll 5 eval 'd logs int | grep -q usr'
same "--stop-signal" 6 "$(d stop int >/dev/null; field int .State.ExitCode)"
d rm -f one deaf int >/dev/null
api_is "rm of nothing" 404 'No such container: one' DELETE /containers/one
rc "rm -f of nothing is no failure of the daemon's" 1 d rm nosuch

# ---- exit codes ----
for code in 0 1 7 125 126 127 255; do rc "run: exit $code" $code d run --rm busybox sh -c "exit $code"; done
rc "run: a killed child of init is 137" 137 d run --rm busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
rc "run: not found is 127" 127 d run --rm busybox /no/such
rc "run: not executable is 126" 126 d run --rm busybox /etc/passwd
rc "run: a directory is 126" 126 d run --rm busybox /etc
rc "run: no image is 125" 125 d run --rm --pull never busybox:nosuch true
rc "run: bad option value is 125" 125 d run --rm -m 1k busybox true
fails "not found says so" 'executable file not found in \$PATH' d run --rm busybox nosuch
fails "a path not found says so" 'no such file or directory' d run --rm busybox /no/such
fails "not executable says so" 'permission denied' d run --rm busybox /etc/passwd
d run --name bad busybox nosuch >/dev/null 2>&1
same "a failed start leaves it created" "created 127" "$(field bad '"\(.State.Status) \(.State.ExitCode)"')"
like "a failed start is told by inspect" 'not found' "$(field bad .State.Error)"
api_is "a failed start is 400" 400 'not found' POST /containers/bad/start
d rm bad >/dev/null
same "--rm and a failed start: nothing left" "" "$(d run --rm --name bad busybox nosuch >/dev/null 2>&1; d ps -aq)"

# ---- wait ----
api_is "wait: unknown condition" 400 message POST '/containers/x/wait?condition=maybe'
api_is "wait: unknown container" 404 'No such container' POST /containers/nosuch/wait
d create --name ww busybox sh -c 'sleep 0.4; exit 5' >/dev/null
api_is "wait: never started is 0" 200 '"StatusCode":0' POST /containers/ww/wait
waiting() { [ "$(ss -xH state established 2>/dev/null | grep -c "$SOCK")" -ge "$1" ]; } # CLIENTS, or more
waiter() { curl -s -m 20 -X POST --unix-socket "$SOCK" "http://x/containers/$1/wait?condition=$2" >"$HOST/wait.$3" 2>&1 & WAITERS="${WAITERS:-} $!"; }
waiter ww next-exit 1
waiter ww removed 2
poll 5 waiting 2
d start ww >/dev/null
waiter ww not-running 3
waiter ww '' 4
poll 5 state_is ww exited
poll 5 test -s "$HOST/wait.1"
like "wait: next-exit from created" '"StatusCode":5' "$(cat "$HOST/wait.1")"
poll 5 test -s "$HOST/wait.3"; poll 5 test -s "$HOST/wait.4"
like "wait: not-running" '"StatusCode":5' "$(cat "$HOST/wait.3")"
like "wait: default" '"StatusCode":5' "$(cat "$HOST/wait.4")"
api_is "wait: already exited" 200 '"StatusCode":5' POST '/containers/ww/wait?condition=not-running'
same "wait: removed still waits" "" "$(cat "$HOST/wait.2")"
waiter ww next-exit 5
d rm ww >/dev/null
poll 5 test -s "$HOST/wait.2"; poll 5 test -s "$HOST/wait.5"
like "wait: removed" '"StatusCode":5' "$(cat "$HOST/wait.2")"
like "wait: next-exit ends with a removal" 'StatusCode' "$(cat "$HOST/wait.5")"
d create --rm --name ww busybox sh -c 'exit 6' >/dev/null
waiter ww removed 6
poll 5 waiting 1
d start ww >/dev/null
poll 5 test -s "$HOST/wait.6"
like "wait: removed by AutoRemove keeps the code" '"StatusCode":6' "$(cat "$HOST/wait.6")"
check "AutoRemove removed it" poll 5 gone ww
wait $WAITERS

# ---- names ----
d create --name nm.a_b-1 busybox true >/dev/null
api_is "name: taken" 409 'Conflict. The container name ."/nm.a_b-1." is already in use by container' POST '/containers/create?name=nm.a_b-1' '{"Image":"busybox","Cmd":["true"]}'
for name in a -x .x 'a%20b' 'a%2Fb' 'a:b' '%C3%A9x' '//x' 'a%00b' 'a%0Ab'; do
    api_is "name refused: $name" 400 'Invalid container name|invalid|not allowed' POST "/containers/create?name=$name" '{"Image":"busybox","Cmd":["true"]}'
done
api_is "name with a slash in front" 201 Id POST '/containers/create?name=/slashed' '{"Image":"busybox","Cmd":["true"]}'
same "the slash is no part" /slashed "$(field slashed .Name)"
id=$(field slashed .Id)
for n in 64 40 12; do
    api_is "name: an id of $n digits" 409 'ID of container' POST "/containers/create?name=${id:0:$n}" '{"Image":"busybox","Cmd":["true"]}'
    api_is "rename: an id of $n digits" 409 'ID of container' POST "/containers/nm.a_b-1/rename?name=${id:0:$n}"
done
api_is "name: a short hex word is one" 201 Id POST "/containers/create?name=${id:0:6}" '{"Image":"busybox","Cmd":["true"]}'
same "the exact name wins over a prefix of an id" "/${id:0:6}" "$(field "${id:0:6}" .Name)"
d rm "${id:0:6}" >/dev/null
api_is "rename" 204 '' POST "/containers/slashed/rename?name=other"
same "rename: id stays" "$id" "$(field other .Id)"
api_is "rename: the old name is free" 404 '' GET /containers/slashed/json
api_is "rename: to its own name" 400 'same name' POST '/containers/other/rename?name=other'
api_is "rename: to a taken one" 409 Conflict POST '/containers/other/rename?name=nm.a_b-1'
api_is "rename: to nothing" 400 message POST '/containers/other/rename?name='
api_is "rename: without a name" 400 message POST '/containers/other/rename'
api_is "rename: a bad one" 400 message POST '/containers/other/rename?name=a/b'
d rm other nm.a_b-1 >/dev/null
many=$(for i in 1 2 3 4 5 6 7 8; do d create busybox true; done)
same "names made up are unique" 8 "$(d ps -a --format '{{.Names}}' | sort -u | wc -l)"
api_is "an ambiguous prefix is 400, or unknown is 404" '400|404' message GET "/containers/z/json"
d rm $many >/dev/null

# ---- pause ----
d run -d --name pp busybox sh -c 'while :; do echo x; sleep 0.02; done' >/dev/null
same "pause" pp "$(d pause pp)"
same "paused: state" "paused true true" "$(field pp '"\(.State.Status) \(.State.Paused) \(.State.Running)"')"
same "paused: info counts it" 1 "$(d info --format '{{.ContainersPaused}}')"
like "paused: status text" 'Up .* \(Paused\)' "$(d ps --format '{{.Status}}')"
n2=$(d logs pp | wc -l)
check "paused: nothing moves" stays 0.3 eval '[ "$(d logs pp | wc -l)" = $n2 ]'
api_is "pause twice is 409" 409 'already paused' POST /containers/pp/pause
api_is "start of a paused one is 409" 409 unpause POST /containers/pp/start
api_is "exec in a paused one is 409" 409 'is paused' POST /containers/pp/exec '{"Cmd":["true"]}'
api_is "rm of a paused one is 409" 409 paused DELETE /containers/pp
same "unpause" pp "$(d unpause pp)"
check "unpaused: it goes on" poll 5 eval '[ "$(d logs pp | wc -l)" -gt "$n2" ]'
api_is "unpause twice is 409" 409 'not paused' POST /containers/pp/unpause
d pause pp >/dev/null
same "stop of a paused one" 0 "$(timeout 8 "$QA_CLIENT" stop -t 1 pp >/dev/null; echo $?)"
same "stopped: state" exited "$(field pp .State.Status)"
d start pp >/dev/null; d pause pp >/dev/null
same "kill of a paused one" 0 "$(timeout 8 "$QA_CLIENT" kill pp >/dev/null; echo $?)"
d start pp >/dev/null; d pause pp >/dev/null
same "rm -f of a paused one" 0 "$(timeout 8 "$QA_CLIENT" rm -f pp >/dev/null; echo $?)"

# ---- restart policies ----
for bad in always:3 sometimes on-failure:-1 unless-stopped:1; do
    name=${bad%%:*} n=0; [ "$name" = "$bad" ] || n=${bad#*:}
    api_is "restart policy refused: $bad" 400 'restart policy|maximum retry' POST /containers/create \
        "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"$name\",\"MaximumRetryCount\":$n}}}"
done
api_is "AutoRemove and a restart policy" 400 "AutoRemove" POST /containers/create '{"Image":"busybox","Cmd":["true"],"HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}}'
d run -d --name f3 --restart on-failure:3 busybox sh -c 'echo run; exit 4' >/dev/null
d run -d --name f0 --restart on-failure busybox sh -c 'echo run; exit 0' >/dev/null
d run -d --name al --restart always busybox sh -c 'echo run; exit 0' >/dev/null
d run -d --name us --restart unless-stopped busybox sh -c 'echo run; sleep 0.1; exit 1' >/dev/null
three() { [ "$(field f3 .RestartCount)" = 3 ] && state_is f3 exited; }
check "on-failure:3 restarts three times" poll 8 three
same "on-failure:3 ran four times" 4 "$(d logs f3 | wc -l)"
same "on-failure:3 keeps the code" 4 "$(field f3 .State.ExitCode)"
same "on-failure after success: none" "exited 0" "$(field f0 '"\(.State.Status) \(.RestartCount)"')"
again() { [ "$(field "$1" .RestartCount)" -ge "$2" ]; }
check "always restarts after success" poll 8 again al 2
check "unless-stopped restarts" poll 8 again us 2
restarting() { d ps -a --filter name=al --format '{{.Status}}' | grep -Eq '^Restarting \(0\) .* ago'; }
check "restarting: status text" poll 8 restarting
check "restarting: state" poll 8 eval '[ "$(field al "\"\(.State.Status) \(.State.Restarting) \(.State.Running)\"")" = "restarting true true" ]'
check "back-off grows" eval 'a=$(field al .RestartCount); [ "$a" -le 7 ]'
d stop -t 1 al us >/dev/null
a=$(field al .RestartCount) u=$(field us .RestartCount)
is_down() { [ "$(field "$1" '"\(.State.Status) \(.RestartCount)"')" = "exited $2" ]; }
check "a stopped always stays down" stays 0.5 is_down al "$a"
check "a stopped unless-stopped stays down" stays 0.5 is_down us "$u"
d run -d --name kl --restart always busybox sleep 100 >/dev/null
d kill kl >/dev/null
check "a killed always stays down" stays 0.6 state_is kl exited
d start kl >/dev/null
kill -9 "$(field kl .State.Pid)"
check "one that dies by itself comes back" poll 5 eval '[ "$(field kl .RestartCount)" = 1 ] && state_is kl running'
api_is "update: restart policy" 200 Warnings POST /containers/kl/update '{"RestartPolicy":{"Name":"no"}}'
kill -9 "$(field kl .State.Pid)"
check "update: it counts at once" poll 5 state_is kl exited
check "update: it stays down" stays 0.5 state_is kl exited
between() { state_is "$1" restarting && again "$1" 4; } # the pauses double from 100 ms on
for how in kill stop; do
    d run -d --name "rk$how" --restart always busybox true >/dev/null
    check "$how: between two runs" poll 12 between "rk$how"
    d "$how" "rk$how" >/dev/null
    same "$how between two runs: no other run" "exited false" "$(field "rk$how" '"\(.State.Status) \(.State.Restarting)"')"
done
check "a stop between two runs: it stays down" stays 2 state_is rkstop exited
d rm -f f3 f0 al us kl rkkill rkstop >/dev/null
d run -d --name nx --restart on-failure:2 busybox nosuch >/dev/null 2>&1
check "a policy does not retry the impossible" stays 0.5 state_is nx created
d rm -f nx >/dev/null

# ---- ps and its filters ----
d run -d --name ps1 --label a=1 --label both --expose 70 -p 127.0.0.1::80 -v psvol:/data busybox sleep 100 >/dev/null
d create --name ps2 --label a=2 --label both --network none busybox true >/dev/null
d run --name ps3 --label a=1 busybox sh -c 'exit 3'
d run -d --name ps4 busybox sleep 100 >/dev/null; d pause ps4 >/dev/null
d tag busybox other:tag
names() { d ps -a "$@" --format '{{.Names}}' | sort | tr '\n' ' '; }
image=$(field ps1 .Image)
filter() { local want=$1; shift; same "ps --filter $*" "$want" "$(a=(); for f in "$@"; do a+=(--filter "$f"); done; names "${a[@]}")"; }
filter "ps1 ps3 " label=a=1
filter "ps1 ps2 " label=both
filter "ps2 " label=a=2 label=both
filter "" label=a=1 label=a=2
filter "ps1 ps2 ps3 ps4 " ancestor=busybox
filter "ps1 ps2 ps3 ps4 " ancestor=busybox:latest
filter "ps1 ps2 ps3 ps4 " ancestor="${image#sha256:}"
filter "ps1 ps2 ps3 ps4 " ancestor="${image:7:12}"
filter "ps1 ps2 ps3 ps4 " ancestor=other:tag
filter "" ancestor=nosuch
filter "ps1 ps2 " before=ps3
filter "ps3 ps4 " since=ps2
filter "ps3 " exited=3
filter "" exited=0
filter "ps1 " expose=70
filter "ps1 " expose=70/tcp
filter "" expose=70/udp
filter "ps1 " expose=60-75
filter "ps1 " publish=80
filter "ps1 " publish=80/tcp
filter "ps1 " publish=79-81/tcp
filter "" publish=81
filter "ps1 ps2 ps3 ps4 " health=none
filter "" health=healthy
filter "ps2 " id="$(field ps2 .Id | cut -c1-9)"
filter "ps1 ps2 ps3 ps4 " is-task=false
filter "" is-task=true
filter "ps1 ps3 " name='^ps[13]$'
filter "ps1 ps3 " name='^/ps[13]$'
filter "ps1 ps2 ps3 ps4 " name=ps
filter "ps2 ps4 " name=ps2 name=ps4
filter "ps2 " network=none
filter "ps1 ps3 ps4 " network=bridge
filter "ps1 " status=running
filter "ps4 " status=paused
filter "ps2 ps3 " status=created status=exited
filter "" status=dead
filter "ps1 " volume=psvol
filter "ps1 " volume=/data
filter "ps3 " label=a=1 status=exited
same "ps -l" ps4 "$(d ps -l --format '{{.Names}}')"
same "ps -n 2" "ps4 ps3 " "$(d ps -n 2 --format '{{.Names}}' | tr '\n' ' ')"
same "ps newest first" "ps4 ps3 ps2 ps1 " "$(d ps -a --format '{{.Names}}' | tr '\n' ' ')"
same "ps -f status implies all" ps3 "$(d ps -f status=exited --format '{{.Names}}')"
like "ps: ports" '127.0.0.1:[0-9]+->80/tcp' "$(d ps -f name=ps1 --format '{{.Ports}}')"
like "ps: exposed only" '70/tcp' "$(d ps -f name=ps1 --format '{{.Ports}}')"
like "ps -s" '[0-9]+k?B \(virtual [0-9.]+MB\)' "$(d ps -a -s -f name=ps3 --format '{{.Size}}')"
like "ps: mounts" psvol "$(d ps -f name=ps1 --format '{{.Mounts}}')"
for f in '{"nosuch":["x"]}' '{"status":["x"]}' '{"exited":["x"]}' '{"before":["nosuch"]}' '{' '[]' '"x"' '{"expose":["x"]}' '{"publish":["70000"]}' '{"health":["x"]}' '{"is-task":["maybe"]}'; do
    api_is "ps: bad filter $f" '400|404' message GET "/containers/json?filters=$(jq -rn --arg f "$f" '$f|@uri')"
done
api GET '/containers/json?all=1&filters=%7B%22label%22%3A%7B%22a%3D1%22%3Atrue%7D%7D'
same "ps: filters as a map" 2 "$(printf %s "$BODY" | jq length)"
for q in 'limit=-1&all=True' 'all=1&limit=0' 'all=true&trunc_cmd=0&only_ids=1'; do
    api GET "/containers/json?$q"; same "ps?$q" 4 "$(printf %s "$BODY" | jq length)"
done
api GET '/containers/json?all=false'; same "ps?all=false" 2 "$(printf %s "$BODY" | jq length)"
api_is "ps: limit is no number" 400 message GET '/containers/json?limit=x'

# ---- inspect ----
api GET /containers/ps1/json
for f in .Id .Created .Path .Args .State .Image .ResolvConfPath .HostnamePath .HostsPath .LogPath .Name .RestartCount .Driver .Platform .HostConfig .GraphDriver .Mounts .Config .NetworkSettings; do
    same "inspect has $f" true "$(printf %s "$BODY" | jq "$f != null")"
done
same "inspect: path and args" 'sleep ["100"]' "$(printf %s "$BODY" | jq -r '.Path + " " + (.Args|tojson)')"
same "inspect: mount" 'volume psvol /data true' "$(printf %s "$BODY" | jq -r '.Mounts[0]|"\(.Type) \(.Name) \(.Destination) \(.RW)"')"
for p in '' shared; do
    d create --name bind -v "/tmp:/host${p:+:$p}" busybox true >/dev/null
    same "inspect: propagation of a bind${p:+, $p}" "bind ${p:-rprivate}" "$(field bind '.Mounts[0]|"\(.Type) \(.Propagation)"')"
    d rm bind >/dev/null
done
same "inspect: ports" '127.0.0.1 null' "$(printf %s "$BODY" | jq -r '.NetworkSettings.Ports|"\(.["80/tcp"][0].HostIp) \(.["70/tcp"])"')"
same "inspect -s" true "$(d inspect -s ps3 | jq '.[0].SizeRw >= 0 and .[0].SizeRootFs > 0')"
for f in ResolvConfPath HostnamePath HostsPath; do
    same "inspect: $f exists" yes "$([ -e "$(printf %s "$BODY" | jq -r .$f)" ] && echo yes)"
done
d unpause ps4 >/dev/null; d rm -f ps1 ps2 ps3 ps4 >/dev/null; d volume rm psvol >/dev/null; d rmi other:tag >/dev/null

# ---- update, prune ----
d run -d --name up -m 64m --cpus 0.5 --pids-limit 50 busybox sleep 100 >/dev/null
api_is "update: memory" 200 Warnings POST /containers/up/update '{"Memory":33554432,"MemorySwap":67108864,"PidsLimit":20,"CpuShares":512}'
same "update: inspect" "33554432 67108864 20 512" "$(field up '.HostConfig|"\(.Memory) \(.MemorySwap) \(.PidsLimit) \(.CpuShares)"')"
cg() { cat "/sys/fs/cgroup/$1/$(grep -E ":[^:]*\b$1\b[^:]*:" "/proc/$(field up .State.Pid)/cgroup" | head -1 | cut -d: -f3-)/$2"; }
same "update: the kernel knows (memory)" 33554432 "$(cg memory memory.limit_in_bytes)"
same "update: the kernel knows (pids)" 20 "$(cg pids pids.max)"
same "update: the kernel knows (shares)" 512 "$(cg cpu cpu.shares)"
api_is "update: too little memory" 400 message POST /containers/up/update '{"Memory":1024}'
api_is "update: wrong type" 400 message POST /containers/up/update '{"Memory":"x"}'
api_is "update: bad policy" 400 message POST /containers/up/update '{"RestartPolicy":{"Name":"x"}}'
same "update: a refused one changes nothing" 33554432 "$(field up .HostConfig.Memory)"
api_is "update: unknown container" 404 'No such container' POST /containers/nosuch/update '{}'
d create --name pr1 --label keep busybox true >/dev/null; d create --name pr2 busybox true >/dev/null
like "prune with a filter" "$(field pr2 .Id)" "$(d container prune -f --filter label!=keep)"
same "prune spares the running and the labelled" "pr1 up " "$(names)"
d container prune -f >/dev/null
same "prune" "up " "$(names)"
d rm -f up >/dev/null

# ---- concurrency on one object ----
d run -d --name cc busybox sleep 100 >/dev/null
for i in 1 2 3 4 5 6 7 8; do api POST /containers/cc/stop?t=0 & done; wait $(jobs -p | grep -v -e "^$HOST_NS_PID$" -e "^$ENGINE_PID$" -e "^$REGISTRY_PID$")
same "eight stops at once" exited "$(field cc .State.Status)"
for i in 1 2 3 4 5 6; do
    curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/containers/cc/start" &
    curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/containers/cc/restart?t=0" &
    curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/containers/cc/kill" &
done
wait $(jobs -p | grep -v -e "^$HOST_NS_PID$" -e "^$ENGINE_PID$" -e "^$REGISTRY_PID$")
like "starts, restarts and kills at once leave a state" '^(running|exited)$' "$(field cc .State.Status)"
for i in 1 2 3 4 5; do curl -s -m 20 -o "$HOST/rm.$i" -w '%{http_code}' -X DELETE --unix-socket "$SOCK" "http://x/containers/cc?force=1" >"$HOST/rc.$i" & done
wait $(jobs -p | grep -v -e "^$HOST_NS_PID$" -e "^$ENGINE_PID$" -e "^$REGISTRY_PID$")
same "five removals at once: one removes" 1 "$(cat "$HOST"/rc.* | grep -o 204 | wc -l)"
check "it is gone" poll 5 gone cc

settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
