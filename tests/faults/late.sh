#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The late answer. Every step that waits is begun, its deadline comes at once, and the answer that
# it waited for comes when nobody waits any more: the command is answered with a sentence, the
# answer is dropped and what it brought is undone, what an engine after this one reads on disk is
# what this one shows, the same command works, and nothing is left.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/ops.sh
expect_500 'step [a-z-]+ did not end within ' 'each wait ends at once'
expect_500 'fault injected at [a-z/-]+:(save|forget|delete-document)' 'a document that is not written'
ops_up -l debug
sqlite3 -version >/dev/null || { not_ok "sqlite3"; finish; exit 1; }

# Its carrier is told to forget (a queue, a request that is taken back), or there is none (a timer).
forgets() {
    case $1 in
    container/stats:pause | */*:claim-root | container/start:take-root | container/path-stat:settle | container/copy-*:settle) ;;
    container/start:settle | container/start:await-permit | container/stop:await-exit | container/pause:await-execs | container/remove:end-process | container/exited:drain-streams) ;;
    build/build:begin | build/step:await-exit | build/source:await-source | build/step:look-up | build/step:hold-folders) ;;
    image/*:begin | image/import:claim | image/load:make-layers | image/pull:connect | image/pull:resolve-manifest | image/pull:fetch-config | image/pull:make-layers | image/pull-all:*) ;;
    image/push:connect | image/push:send-* | image/push-all:* | image/ask:*) ;;
    *) return 1 ;;
    esac
}
log_says() { tail -n +"$MARK" "$HOST/engine.log" | grep -E "$@" >/dev/null; }
has_met() { log_says "fault injected.* at=$1( |\$)"; }
has_waited() { log_says "nobody answers.* at=$1( |\$)"; }
came_late() { log_says "an answer came late.* op=${1%:*} step=${1#*:}( |\$)"; }
idle() { api GET /debug/ops; [ "$BODY" = "[]" ]; }

# The log is looked through again and again: what earlier engines have said is put aside.
start_with() { # FAULT
    cat "$HOST/engine.log" >>"$HOST/engines.log"
    echo "fault $1" >"$HOST/engine.log"
    MARK=$(wc -l <"$HOST/engine.log")
    BERTH_FAULT=$1 engine_start -l debug || { not_ok "$1: engine starts"; finish; exit 1; }
}

# What there is, as the API tells it, but for what is of one engine: LogPath is of an open log.
world() {
    local path id
    for path in containers images networks volumes; do
        case $path in
        containers) api GET '/containers/json?all=1' ;;
        images) api GET /images/json ;;
        networks) api GET /networks ;;
        volumes) api GET /volumes; BODY=$(printf %s "$BODY" | jq .Volumes) ;;
        esac
        echo "$path"
        for id in $(printf %s "$BODY" | jq -r '.[] | if .Mountpoint then .Name else .Id end' | sort); do
            api GET "/$path/$id/json"
            [ "$STATUS" != 404 ] || api GET "/$path/$id"
            printf %s "$BODY" | jq -S 'del(.State.Health, .ExecIDs, .LogPath)'
        done
    done
    [ -z "$EXEC" ] || { api GET "/exec/$EXEC/json"; printf %s "$BODY" | jq -S .; }
}
same_world() { # WHERE FAULT: this engine, and the next, with its fault
    world >"$HOST/world-1"
    engine_stop
    start_with "$2"
    case $1 in container/remove:close-log | container/remove:delete-document)
        check "$1: the next engine ends what was begun" poll 10 eval "gone ff || has_met $1"
        return ;;
    esac
    world >"$HOST/world-2"
    census_same "$1: the disk says what the engine did" "$HOST/world-1" "$HOST/world-2"
}

# Holds a thread of the engine: `held NAME`, and later `freed`. That of db-writer writes the state.
held() {
    coproc HOLD { python3 hold_thread.py "$ENGINE_PID" "$1"; }
    read -r -t 10 <&"${HOLD[0]}"
}
freed() { local pid=$HOLD_PID; eval "exec ${HOLD[1]}>&-"; wait "$pid"; }

# Before act, where a step waits only under circumstances.
circumstances() {
    case $1 in
    container/start:settle | container/path-stat:settle | container/copy-*:settle) # an exit whose output does not end: somebody outside has it
        api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sh","-c","sleep 1.5 & exit"],"HostConfig":{"PidMode":"host"}}'
        api POST /containers/ff/start
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *drain-streams* ]]' ;;
    container/start:await-permit) # the keeper takes its time with those before
        containers_clear
        for i in $(seq 49); do api POST "/containers/create?name=crowd-$i" '{"Image":"busybox","Cmd":["sleep","1000"]}'; done
        kill -STOP "$(keeper_pid)" ;;
    container/pause:await-execs) # one that the keeper has not made yet
        up; exec_made
        kill -STOP "$(keeper_pid)"
        curl -s -m 20 -o /dev/null -X POST -H 'Content-Type: application/json' -d '{"Detach":true}' --unix-socket "$SOCK" "http://x/exec/$EXEC/start" &
        SLOW_EXEC=$!
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *container/exec* ]]' ;;
    container/*:claim-root) # a start that the keeper does not answer has the root
        containers_clear; api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sleep","1000"]}'
        kill -STOP "$(keeper_pid)"
        curl -s -m 20 -o /dev/null --unix-socket "$SOCK" -X POST http://x/containers/ff/start & STARTING=$!
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *spawn* ]]' ;;
    container/start:take-root) # a copy that does not come to open it has the root
        make; api GET '/containers/ff/archive?path=/etc/passwd'; held kernel-worker
        curl -s -m 20 -o /dev/null --unix-socket "$SOCK" 'http://x/containers/ff/archive?path=/etc/passwd' & STARTING=$!
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *open-root* ]]' ;;
    container/start:await-unheld) up; api POST '/containers/ff/stop?t=0' ;;
    container/start:await-save) make; held db-writer ;;
    container/remove:end-process | container/remove:close-log) up ;;
    network/connect:await-rules) # thousands of rules name the address, and take a while to leave
        api DELETE '/containers/fp?force=1'; api DELETE /networks/fnet
        api POST /networks/create '{"Name":"fnet","IPAM":{"Config":[{"Subnet":"10.99.0.0/24"}]}}'
        api POST '/containers/create?name=fp' "$(python3 -c '
import json
ports = {f"{p}/tcp": [{"HostPort": str(p)}] for p in range(20001, 30000, 3)} # no two in a range
print(json.dumps({"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "fnet", "PortBindings": ports},
    "NetworkingConfig": {"EndpointsConfig": {"fnet": {"IPAMConfig": {"IPv4Address": "10.99.0.9"}}}}}))')"
        api POST /containers/fp/start ;;
    build/step:look-up) # another build makes the same
        build_context "$1"
        curl -s -m 20 -o /dev/null -X POST -H "$TAR" --data-binary "@$HOST/context.tar" --unix-socket "$SOCK" 'http://x/build?nocache=1' & OTHER_BUILD=$!
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *await-exit* ]]' ;;
    build/step:hold-folders) # another build has the folder
        mkdir -p "$HOST/other" && echo "$BUILD_HOLDS; sleep 1" >"$HOST/other/Dockerfile" && tar -C "$HOST/other" -cf "$HOST/other.tar" .
        curl -s -m 20 -o /dev/null -X POST -H "$TAR" --data-binary "@$HOST/other.tar" --unix-socket "$SOCK" 'http://x/build?nocache=1' & OTHER_BUILD=$!
        poll 5 eval 'api GET /debug/ops; [[ $BODY = *await-exit* ]]' ;;
    image/import:claim) # the same layer is on its way from a registry
        api DELETE /images/127.0.0.1:5001/slow; api DELETE /images/fimport; rm -f "$HOST/slow-pull"
        in_host curl -s -m 20 -X POST --unix-socket "$SOCK" 'http://x/images/create?fromImage=127.0.0.1:5001/slow&tag=latest' >"$HOST/slow-pull" &
        SLOW_PULL=$!
        poll 5 grep -q Downloading "$HOST/slow-pull"
        kill -STOP "$SLOW_REGISTRY" ;;
    esac
}
# Ends them: now the answer can come.
release() {
    case $1 in
    container/start:await-permit)
        kill -CONT "$(keeper_pid)"
        wait "${CROWD[@]}"
        same "$1: all others have their turn" "1 48" "$(cat "$HOST"/crowd-* | sort -r | uniq -c | awk '{ print $1 }' | xargs)" ;;
    container/pause:await-execs) kill -CONT "$(keeper_pid)"; wait "$SLOW_EXEC"; EXEC= ;;
    container/start:await-save) freed ;;
    build/step:look-up | build/step:hold-folders) wait "$OTHER_BUILD" ;;
    container/*:claim-root) kill -CONT "$(keeper_pid)"; wait $STARTING ;;
    container/start:take-root) freed; wait $STARTING ;;
    image/import:claim) kill -CONT "$SLOW_REGISTRY"; wait "$SLOW_PULL" ;;
    esac
}
command() { # WHERE
    local i
    case $1 in
    container/start:await-permit)
        CROWD=()
        rm -f "$HOST"/crowd-* "$HOST"/answer-* # of the round before
        for i in $(seq 49); do
            curl -s -o "$HOST/answer-$i" -w '%{http_code}\n' -X POST --unix-socket "$SOCK" "http://x/containers/crowd-$i/start" >"$HOST/crowd-$i" &
            CROWD+=($!)
        done
        poll 10 eval 'grep -q . "$HOST"/crowd-*' # each time: the last curl's file may not be there yet
        STATUS=$(cat "$HOST"/crowd-*)
        BODY=$(cat "$HOST"/answer-*) ;;
    network/connect:await-rules)
        api POST /containers/fp/kill
        api POST /networks/fnet/connect '{"Container":"ff","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.99.0.9"}}}' ;;
    *) act "$1" ;;
    esac
}
commands_late() { # WHERE
    circumstances "$1"
    before "$1"
    command "$1" || { not_ok "$1: there is a case"; return; }
    check "$1: waits" has_waited "$1"
    case $1 in
    container/copy-out:send | image/save:send) # the head is out by then
        if log_says "an answer breaks off.*step send did not end within"; then BODY='{"message":"step send did not end within"}' STATUS=500; fi ;;
    container/path-stat:*) # the answer to HEAD has no body
        [ "$STATUS" != 500 ] || BODY="{\"message\":\"step ${1#*:} did not end within\"}" ;;
    esac
    if refused && [[ $BODY = *"step ${1#*:} did not end within"* ]]; then ok "$1: answered with a sentence"; else
        not_ok "$1: answered with a sentence" "$STATUS $BODY"; fi
    release "$1"
    forgets "$1" || check "$1: the answer comes late" poll 10 came_late "$1"
    check "$1: nothing is under way" poll 10 idle
}
# Exits: no client to tell; what counts is that the state comes right.
internal_late() {
    case $1 in
    container/exited:*)
        api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sh","-c","exit 3"]}'
        api POST /containers/ff/start
        check "$1: waits" poll 5 has_waited "$1"
        check "$1: the exit is worked off all the same" poll 6 eval 'state_is ff exited && [ "$(field ff .State.ExitCode)" = 3 ]' ;;
    container/exec-end:*)
        up; exec_made; api POST "/exec/$EXEC/start" '{"Detach":true}'
        check "$1: waits" poll 5 has_waited "$1"
        check "$1: its code is known all the same" poll 5 eval 'api GET "/exec/$EXEC/json"; [ "$(printf %s "$BODY" | jq .ExitCode)" = 3 ]' ;;
    container/copy-sweep:*)
        make; copy_left; engine_stop; start_with "$1!late"
        check "$1: waits" poll 5 has_waited "$1"
        check "$1: nothing is under way, then" poll 10 idle
        check "$1: it is left to the next" [ -e "$LEFT" ]
        engine_stop; start_with ""
        check "$1: which removes it" poll 5 eval '[ ! -e "$LEFT" ]'
        return ;;
    esac
    forgets "$1" || check "$1: the answer comes late" poll 10 came_late "$1"
    check "$1: nothing is under way" poll 10 idle
}

# In three engines, each of which reads what the one before has written: the answer is late; the
# write of a state fails; the answer is late once more, and the same command works.
late() { # WHERE
    local one=commands_late
    case $1 in container/exited:* | container/exec-end:* | container/copy-sweep:*) one=internal_late ;; esac
    EXEC=
    engine_stop
    start_with "$1!late"
    $one "$1"
    case $one:$1 in
    commands_late:*:save | *:forget | *:delete-document)
        same_world "$1" "$1"
        before "$1"; act "$1"
        check "$1: fails" has_met "$1" ;;
    esac
    same_world "$1" "$1!late"
    if has_waited "$1"; then # a removal that was cut off is begun again by the engine itself
        check "$1: nothing is under way" poll 10 idle
    else
        $one "$1"
    fi
    if [ $one = commands_late ]; then
        before "$1"; act "$1"
        if worked; then ok "$1: the same command then works"; else not_ok "$1: the same command then works" "$STATUS $BODY"; fi
    fi
    clear_up
    [ -z "$(d ps -aq)" ] || not_ok "$1: nothing is left" "$(d ps -a)"
}

clear_up
engine_stop; engine_start
d run --rm busybox true
settled
census_stable >"$HOST/before"
# The claim of a commit is that of an import in another table: two commits of one layer at the same moment cannot be arranged.
# Nor can, for the sweep of a start, what has the root before it, or ends: these steps are those of copy-in.
for where in ${BERTH_FAULT_STEPS:-$(steps_of 'event|keeper' | cut -d' ' -f1 | grep -Ev '^(image/commit:claim|container/copy-sweep:(settle|claim-root))$')}; do late "$where"; done
engine_stop
cat "$HOST/engine.log" >>"$HOST/engines.log" && mv "$HOST/engines.log" "$HOST/engine.log"
engine_start
ops_over
finish
