#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Waits that nobody waits out: whoever was to answer (a frozen child of the keeper, the keeper, a
# disk that hangs) is stopped until the operation has been given up, and answers then. Each was a
# use of freed memory once; the sanitized engine says so. Nothing is left, above all no process.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/ops.sh
expect_500 'step [a-z-]+ did not end within 2 s' 'steps that hang on purpose'
export BERTH_DEADLINE_MS=${BERTH_DEADLINE_MS:-2000}
qa_up -l debug
held_start() { # THREADS of the engine
    coproc HOLD { python3 hold_thread.py "$ENGINE_PID" "$1"; }
    read -r -t 10 <&"${HOLD[0]}" HELD
}
held_end() {
    local pid=${HOLD_PID:-}
    [ -z "$pid" ] || { eval "exec ${HOLD[1]}>&-"; wait "$pid"; }
}
given_up() { # NAME STEP
    if [[ $STATUS = 5* && $BODY = *"step $2 did not end within"* ]]; then ok "$1: is given up with a sentence"; else
        not_ok "$1: is given up with a sentence" "$STATUS $BODY"; fi
}
over() { api GET /debug/ops; [ "$BODY" = "[]" ]; }
# An engine that has died of it ends its part alone.
part_ends() {
    check "the engine lives" kill -0 "$ENGINE_PID"
    kill -0 "$ENGINE_PID" 2>/dev/null || { wait "$ENGINE_PID"; engine_start -l debug; }
    containers_clear
}
processes() { pgrep -c -P "$(keeper_pid)"; }
freezer() { # of a container's process: v1 or v2
    local path
    path=$(sed -n 's/^[0-9]*:freezer:/\/sys\/fs\/cgroup\/freezer/p' "/proc/$1/cgroup")
    if [ -n "$path" ]; then echo "$2" >"$path/freezer.state"; else
        [ "$2" = THAWED ] || set -- "$1" 1
        [ "$2" = 1 ] || set -- "$1" 0
        echo "$2" >"/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")/cgroup.freeze"
    fi
}
d run --rm busybox true; settled
census_stable >"$HOST/before"

# The exec's child freezes as it joins the cgroup, in the middle of its set-up.
up
PID=$(field ff .State.Pid)
exec_made
freezer "$PID" FROZEN
api POST "/exec/$EXEC/start" '{"Detach":true}'
given_up "exec into a frozen container" spawn
poll 3 eval '[ "$(processes)" = 1 ]'
freezer "$PID" THAWED
check "its child goes" poll 5 eval '[ "$(processes)" = 1 ]'
check "nothing is under way" poll 5 over
exec_made; api POST "/exec/$EXEC/start" '{"Detach":true}'
same "the next exec" 200 "$STATUS"
part_ends

# A keeper that does not answer.
api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sleep","1000"]}'
kill -STOP "$(keeper_pid)"
api POST /containers/ff/start
given_up "start without a keeper" spawn
kill -CONT "$(keeper_pid)"
check "its process goes" poll 5 eval '! processes'
check "nothing is under way" poll 5 over
api POST /containers/ff/start
same "the next start" 204 "$STATUS"
part_ends

# The disk hangs while a log is to be closed.
api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sh","-c","while echo line; do sleep 0.01; done"]}'
api POST /containers/ff/start
poll 5 eval '[ -n "$(d logs ff)" ]'
d stop -t 0 ff >/dev/null
held_start disk-worker
same "disk workers are held" held "${HELD% *}"
api DELETE /containers/ff
given_up "a removal whose log's disk hangs" close-log
held_end
check "nothing is under way" poll 10 over
api DELETE /containers/ff
same "the removal once more" 204 "$STATUS"
part_ends

# The volume's own operation is given up after that of the container which waits for it.
held_start db-writer
api POST '/containers/create?name=ff' "$CREATE"
given_up "a create whose volume takes longer" make-volumes
held_end
check "nothing is under way" poll 10 over
make
same "the create once more" 201 "$STATUS"
part_ends

clear_up
settled
check "no volume is left" poll 5 eval '[ -z "$(d volume ls -q)" ]'
census_stable >"$HOST/after"
census_same "the census is as before" "$HOST/before" "$HOST/after"
engine_stop
sound
finish
