#!/bin/bash
# Every step of every operation fails once: the answer says so, the same command then works, and
# nothing is left. The steps are those that the engine lists: an operation without a case in lib/ops.sh
# or here fails the test, and so does a step that no case comes past.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/ops.sh
expect_500 'fault injected at ' 'each step fails once'
ops_up

restart_with() { # FAULTS
    engine_stop
    echo "faults $1" >>"$HOST/engine.log"
    MARK=$(wc -l <"$HOST/engine.log")
    BERTH_FAULT=$1 engine_start || { not_ok "$1: engine starts"; finish; exit 1; }
}
# The steps that have failed since the engine came, in that order.
hits() { tail -n +"$MARK" "$HOST/engine.log" | sed -n 's/.*msg="fault injected".* at=\([^ ]*\).*/\1/p'; }

judge() { # WHERE, after act
    case $1 in
    container/sizes:* | volume/measure:*) # one of many in a list: the others are shown
        same "$1: answered" 200 "$STATUS" ;;
    container/copy-out:leave-root | container/copy-out:close-root) # the client has all by then
        same "$1: answered" 200 "$STATUS" ;;
    container/path-stat:*) # the answer to HEAD has no body
        same "$1: refused" 500 "$STATUS" ;;
    *)
        if refused; then ok "$1: refused with a sentence"; else not_ok "$1: refused with a sentence" "$STATUS $BODY"; fi ;;
    esac
}

# All steps of a type fail in one engine's life, one for each command, then the command works.
commands() { # TYPE STEP…
    local type=$1 left=" ${*:2} " n=0 where now
    restart_with "$(printf ",$type:%s" "${@:2}" | cut -c2-)"
    while :; do
        where=$type:${left# }; where=${where%% *}
        before "$where"
        act "$where" || { not_ok "$type: there is a case"; return; }
        now=$(hits | wc -l)
        if [ "$now" -gt $n ]; then
            where=$(hits | tail -1)
            judge "$where"
            left=${left/ ${where#*:} / }
        elif [ "$left" != " " ]; then
            not_ok "$where: a case comes past it"
            left=${left/ ${where#*:} / }
        else
            break
        fi
        n=$now
    done
    if worked; then ok "$type: the same command then works"; else not_ok "$type: the same command then works" "$STATUS $BODY"; fi
}

# Exits, removals in the background, what an engine takes over: no client to tell; what counts is
# that the state comes right.
internal() { # WHERE
    case $1 in
    container/exited:read-oom) # only after a SIGKILL
        up; restart_with "$1"; d kill ff >/dev/null
        check "$1: the exit is worked off all the same" poll 6 eval 'state_is ff exited && [ "$(field ff .State.ExitCode)" = 137 ]' ;;
    container/exited:*)
        restart_with "$1"
        api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sh","-c","exit 3"]}'
        api POST /containers/ff/start
        check "$1: the exit is worked off all the same" poll 6 eval 'state_is ff exited && [ "$(field ff .State.ExitCode)" = 3 ]' ;;
    container/exec-end:*)
        restart_with "$1"
        up; exec_made; api POST "/exec/$EXEC/start" '{"Detach":true}'
        check "$1: its code is known all the same" poll 5 eval 'api GET "/exec/$EXEC/json"; [ "$(printf %s "$BODY" | jq .ExitCode)" = 3 ]' ;;
    container/update-hosts:*)
        restart_with "$1"
        up; d run -d --name fl --link ff:other busybox sleep 1000 >/dev/null
        d run -d --name fm busybox sleep 1000 >/dev/null
        moved() { d stop -t 0 ff; d run -d --name "$1" busybox sleep 1000; d start ff; } >/dev/null
        follows() { d exec fl cat /etc/hosts | grep -q "^$(field ff .NetworkSettings.IPAddress)	other "; }
        moved fn
        check "$1: fails, and is told" poll 5 eval '[ -n "$(hits)" ]'
        moved fo
        check "$1: the next address is written" poll 5 follows ;;
    container/resume-dns:*)
        resumes "$1" dns 'd exec ff nslookup ff | grep -q "^Address.*$(field ff .NetworkSettings.Networks.fnet.IPAddress)"' ;;
    container/resume-ports:*)
        resumes "$1" ports 'in_host curl -s --max-time 2 -o /dev/null telnet://127.0.0.1:6100 </dev/null; [ $? != 7 ]' ;;
    binds/*) # the first time comes to nothing, the second does not
        echo 1 >"$HOST/source"
        restart_with "$1"
        d run -d --name ff -v "$HOST/source:/f:follow" busybox sleep 1000 >/dev/null 2>&1
        for i in 2 3 4; do
            echo $i >"$HOST/next"; mv "$HOST/next" "$HOST/source"
            poll 2 eval '[ -n "$(hits)" ] || [ "$(d exec ff cat /f)" = $i ]'
        done
        check "$1: followed in the end" poll 5 eval '[ "$(d exec ff cat /f)" = 4 ]' ;;
    volume/unmount:*) # of a create; what it leaves the next one finds
        restart_with "$1"
        up; api DELETE '/containers/ff?force=1&v=1'
        check "$1: unmounted by the next" poll 5 eval '! grep -q " $HOST/data/volumes/" /proc/self/mountinfo' ;;
    container/copy-sweep:*) # what fails is left to the next engine, and told
        make; copy_left; restart_with "$1"
        check "$1: fails" poll 5 eval '[ -n "$(hits)" ]'
        HITS=$(hits)
        engine_stop; engine_start
        check "$1: the next one removes it" poll 5 eval '[ ! -e "$LEFT" ] && [ -z "$(ls -A "$HOST/data/copies")" ]' ;;
    volume/empty-trash:*)
        restart_with "$1"
        api POST /volumes/create '{"Name":"fv"}'; api DELETE /volumes/fv
        same "$1: the volume is gone" 204 "$STATUS"
        api POST /volumes/create '{"Name":"fv"}'; api DELETE /volumes/fv
        check "$1: the next one takes the files with it" poll 5 eval '[ -z "$(ls -A "$HOST/data/trash")" ]' ;;
    *) return 1 ;;
    esac
    [ -n "$(hits)" ] || not_ok "$1: a case comes past it"
}
# The keeper has lost a socket of a container that runs on, and the next engine cannot make it anew;
# the one after that can.
resumes() { # WHERE KIND COMMAND: that shows it is there
    local id
    api POST /networks/create '{"Name":"fnet"}'
    api POST '/containers/create?name=ff' "${CREATE/\"HostConfig\":\{/\"HostConfig\":\{\"NetworkMode\":\"fnet\",}"
    api POST /containers/ff/start
    id=$(field ff .Id)
    check "$1: it is there" poll 5 eval "$3"
    engine_stop; python3 keeper_unhold.py "$HOST/exec" "$2/$id/0"
    restart_with "$1"
    check "$1: the container runs on" state_is ff running
    check "$1: fails, and is told" poll 5 eval '[ -n "$(hits)" ]'
    HITS=$(hits)
    engine_stop; engine_start
    check "$1: the next engine makes it" poll 5 eval "$3"
}

clear_up
engine_stop; engine_start
d run --rm busybox true
settled
census_stable >"$HOST/before"
for type in ${BERTH_FAULT_TYPES:-$(steps_of '.*' | cut -d: -f1 | sort -u)}; do
    mapfile -t steps < <(steps_of '.*' | sed -n "s|^$type:\([^ ]*\) .*|\1|p")
    if internal "$type:${steps[0]}"; then
        clear_up
        for step in "${steps[@]:1}"; do internal "$type:$step"; clear_up; done
    else
        commands "$type" "${steps[@]}"
        clear_up
    fi
    [ -z "$(d ps -aq)" ] || not_ok "$type: nothing is left" "$(d ps -a)"
done
ops_over
finish
