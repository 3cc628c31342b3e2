#!/bin/bash
# container:X as network, pid and ipc mode: X is kept by its id; one that is missing, stopped, between
# two runs, itself or malformed is refused at Docker's moment in Docker's words.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"

d run -d --name donor --ipc shareable --hostname doh busybox sleep 1000 >/dev/null
d run -d --name priv --ipc private busybox sleep 1000 >/dev/null
d create --name stopped --ipc shareable busybox sleep 1000 >/dev/null
d run -d --name back --restart always --ipc shareable busybox false >/dev/null
between() { state_is back restarting && [ "$(field back .RestartCount)" -ge 4 ]; }
check "one is between two runs" poll 12 between
donor=$(field donor .Id)

join() { # MODE X NAME: create and start
    api POST "/containers/create?name=$3" "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"$1\":\"$2\"}}"
    CREATED="$STATUS $BODY"
    [ "$STATUS" != 201 ] || api POST "/containers/$3/start"
}
# refused MODE X MOMENT STATUS WORDS [NAME]
refused() {
    local name=${6:-joiner}
    join "$1" "container:$2" "$name"
    case $3 in
    create) like "$1 container:$2: refused at create" "^$4 .*$5" "$CREATED" ;;
    start)
        like "$1 container:$2: created" '^201 ' "$CREATED"
        like "$1 container:$2: refused at start" "^$4 .*$5" "$STATUS $BODY" ;;
    esac
    d rm -f "$name" >/dev/null 2>&1
}
refused NetworkMode "" create 400 'Invalid network mode: invalid container format container:<name.id>'
refused PidMode "" create 400 'invalid PID mode: container:'
refused IpcMode "" create 400 'invalid IPC mode: container:'
refused NetworkMode nobody start 404 'No such container: nobody'
refused PidMode nobody create 400 'No such container: nobody'
refused IpcMode nobody create 400 'No such container: nobody'
refused NetworkMode selfie start 409 'cannot join own network' selfie
refused PidMode selfie create 400 'No such container: selfie' selfie
refused IpcMode selfie create 400 'No such container: selfie' selfie
refused NetworkMode stopped start 409 "cannot join network of a non running container: $(field stopped .Id)"
refused PidMode stopped start 409 "ontainer $(field stopped .Id) is not running"
refused IpcMode stopped start 409 "can't join IPC of container $(field stopped .Id): .ontainer $(field stopped .Id) is not running"
refused NetworkMode back start 409 'is restarting, wait until the container is running'
refused PidMode back start 409 'is restarting, wait until the container is running'
refused IpcMode back start 409 "can't join IPC of container .*is restarting, wait until"
refused IpcMode priv start 400 "can't join IPC of container .*: non-shareable IPC .hint: use IpcMode:shareable"

# ---- by id, whatever it is called later ----
for m in net pid ipc; do
    key=$(case $m in net) echo NetworkMode ;; pid) echo PidMode ;; ipc) echo IpcMode ;; esac)
    own=$(readlink "/proc/$(field donor .State.Pid)/ns/$m")
    d create --name "join-$m" "--$m" container:donor busybox readlink /proc/self/ns/$m >/dev/null
    same "--$m: inspect shows the id" "container:$donor" "$(field "join-$m" ".HostConfig.$key")"
    d rename donor donor-old
    d run -d --name donor --ipc shareable busybox sleep 1000 >/dev/null
    same "--$m: another has the name: its own donor is joined" "$own" "$(d start -a "join-$m")"
    engine_kill; engine_start || not_ok "engine starts again"
    same "--$m: by the next engine, too" "$own" "$(d start -a "join-$m")"
    d rm -f donor >/dev/null; d rename donor-old donor
    d rm -f "join-$m" >/dev/null
done
d create --name late --network container:late-donor busybox hostname >/dev/null
d run -d --name late-donor --hostname ldh busybox sleep 1000 >/dev/null
same "a donor that came after the create: its network and its name" ldh "$(d start -a late)"
d create --name orphan --network container:late-donor busybox true >/dev/null
id=$(field late-donor .Id)
d rm -f late-donor >/dev/null
fails "a donor that was removed" "No such container: $id" d start orphan
d rm -f late orphan donor priv stopped back >/dev/null
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
