#!/bin/bash
# What a container's state means to others: waits of each kind under a restart policy, restart of one
# that removes itself, commands while an exit is being worked off.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"

waited() { # CONDITION CONTAINER: the code, or that it did not come
    timeout 10 curl -sN -X POST --unix-socket "$SOCK" "http://x/containers/$2/wait?condition=$1" | jq -r .StatusCode || echo none
}
# A wait whose head has come, in the background: its answer goes to $HOST/wait-NAME.
wait_begin() { # NAME CONDITION CONTAINER
    : >"$HOST/wait-$1"
    curl -sNv -m 60 -X POST --unix-socket "$SOCK" -o "$HOST/wait-$1" "http://x/containers/$3/wait?condition=$2" 2>"$HOST/head-$1" &
    poll 5 grep -q '200 OK' "$HOST/head-$1"
}
answer() { poll 8 grep -q StatusCode "$HOST/wait-$1"; sed -n 's/.*"StatusCode":\([0-9]*\).*/\1/p' "$HOST/wait-$1"; }
is_open() { ! grep -q StatusCode "$HOST/wait-$1"; }

# ---- waits ----
for c in "" not-running next-exit; do
    d run -d --name pol --restart always busybox sh -c 'sleep 0.3; exit 7' >/dev/null
    same "restart policy: a wait (${c:-default}) ends with each exit" 7 "$(waited "$c" pol)"
    d rm -f pol >/dev/null
done
d create --name pol --restart always busybox sh -c 'sleep 0.1; echo out; exit 7' >/dev/null
wait_begin created next-exit pol
wait_begin removed removed pol
same "not-running of what was never started" 0 "$(waited not-running pol)"
for client in "$QA_CLIENT" "$BERTH"; do
    out=$(in_host timeout -s KILL 10 "$client" start -a pol); rc=$?
    same "restart policy: ${client##*/} start -a ends with the run" "out 7" "$out $rc"
    d stop -t 0 pol >/dev/null
done
same "next-exit of what was created before it ran" 7 "$(answer created)"
check "removed: no exit ends it" is_open removed
d rm -f pol >/dev/null
same "removed: the removal does" 7 "$(answer removed)"
api_is "an unknown condition" 400 'condition' POST '/containers/pol/wait?condition=x'

# ---- what its policy is about to run ----
d run -d --name back --restart always busybox false >/dev/null
between() { state_is back restarting && [ "$(field back .RestartCount)" -ge 3 ]; }
check "it is between two runs" poll 12 between
same "ps without -a shows it" "back restarting" "$(d ps --filter name=back --format '{{.Names}} {{.State}}')"
same "the default list, too" '["restarting"]' "$(api GET /containers/json && jq -c '[.[].State]' <<<"$BODY")"
api_is "exec: is restarting" 409 'is restarting, wait until' POST /containers/back/exec '{"Cmd":["true"]}'
api_is "pause: is restarting" 409 'is restarting, wait until|is not running' POST /containers/back/pause
api_is "top: is restarting" 409 'is restarting, wait until' GET /containers/back/top
check "it is between two runs again" poll 12 between
api_is "a signal that does not end it" 204 '' POST '/containers/back/kill?signal=CHLD'
api_is "rm: is restarting" 409 'restarting|running' DELETE /containers/back
api_is "kill calls the next run off" 204 '' POST /containers/back/kill
check "and it stays down" stays 2 state_is back exited
d rm -f back >/dev/null

# An exit that is not worked off yet: its output is held open by a process that is no child of it.
d run -d --name late --restart always --pid host busybox sh -c 'sleep 3 & exit 5' >/dev/null
exiting() { curl -s --unix-socket "$SOCK" http://x/debug/objects | jq -e '.containers[] | select(.name == "late" and .exiting)'; }
if poll 2 exiting; then
    api_is "kill while the exit is being worked off" 204 '' POST '/containers/late/kill?signal=CHLD'
    api_is "exec at that moment: is restarting" 409 'is restarting' POST /containers/late/exec '{"Cmd":["true"]}'
    api_is "stop at that moment" 204 '' POST '/containers/late/stop?t=0'
    same "no run follows" exited "$(field late .State.Status)"
else
    not_ok "an exit is being worked off" "$(curl -s --unix-socket "$SOCK" http://x/debug/objects | jq -c '.containers')"
fi
d rm -f late >/dev/null

# ---- restart ----
d run -d --rm --name self busybox sleep 1000 >/dev/null
p=$(field self .State.Pid)
api_is "restart of one that removes itself" 204 '' POST '/containers/self/restart?t=0'
same "it is there, another process" yes "$(state_is self running && [ "$(field self .State.Pid)" != "$p" ] && echo yes)"
d stop -t 0 self >/dev/null
check "its end removes it" poll 5 gone self
d create --rm --name self --network container:nobody busybox sleep 1000 >/dev/null 2>&1 || d create --rm --name self busybox /no/such >/dev/null
api_is "a restart that fails" '4..|5..' message POST '/containers/self/restart?t=0'
check "removes it, too" poll 5 gone self
d run -d --name both busybox sleep 1000 >/dev/null
for i in $(seq 8); do
    curl -s -o /dev/null -w '%{http_code}\n' -X POST --unix-socket "$SOCK" "http://x/containers/both/restart?t=0" &
    curl -s -o /dev/null -X POST --unix-socket "$SOCK" "http://x/containers/both/start" &
    PIDS="${PIDS:-} $!"
done >"$HOST/codes"
wait $PIDS
check "all are answered" poll 10 eval '[ "$(wc -l <"$HOST/codes")" = 8 ]'
same "restarts beside starts: each has restarted" 204 "$(sort -u "$HOST/codes")"
d rm -f both >/dev/null
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
