#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine under a service manager: sockets that it gives, what it is told (READY, RELOADING,
# STOPPING, STATUS), the watchdog that a loop which stands no longer feeds. The manager is a small one
# of our own; tests/packaging has systemd.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap 'manager_stop; host_down' EXIT
host_up
TOLD=$HOST/told GIVEN=$HOST/given.sock MANAGER=
export BERTH_HOST=unix://$GIVEN
manager() { # MANAGER'S ARGS… -- ENGINE'S ARGS…
    local args=()
    : >"$TOLD"; rm -f "$TOLD.sock" "$GIVEN"
    while [ "$1" != -- ]; do args+=("$1"); shift; done
    shift
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 service_manager.py "$TOLD" "${args[@]}" -- "$BERTH_BIN/berthd" --data-root "$HOST/data" \
        --exec-root "$HOST/exec" --pidfile "$HOST/engine.pid" "$@" >>"$HOST/engine.log" 2>&1 &
    MANAGER=$!
}
manager_stop() {
    [ -n "$MANAGER" ] || return 0
    kill -TERM "$MANAGER" 2>/dev/null
    wait "$MANAGER"
    MANAGER_CODE=$? MANAGER=
}
told() { grep -qE -- "$1" "$TOLD"; }
count() { grep -cE -- "$1" "$TOLD"; }
engine() { cat "$HOST/engine.pid"; }

# ---- a socket that is given, and nothing said of hosts ----
manager -s "$GIVEN" -- --group nobody-here
check "READY=1" poll 10 told '(^| |\|)READY=1'
same "it came once, and first of all" "1 1" "$(count 'READY=1') $(grep -n READY=1 "$TOLD" | cut -d: -f1)"
like "with a status" 'READY=1\|STATUS=containers: 0 running, 0 paused, 0 stopped$' "$(cat "$TOLD")"
same "the given socket is served" OK "$(curl -fs --unix-socket "$GIVEN" http://x/_ping)"
same "and the one of the settings, which is another one" OK "$(curl -fs --unix-socket "$HOST/exec/berth.sock" http://x/_ping)"
same "the keeper has neither the socket's variable nor a name of ours" 0 \
    "$(tr '\0' '\n' <"/proc/$(keeper_pid)/environ" | grep -cE '^(NOTIFY_SOCKET|WATCHDOG_)')"
kill -HUP "$MANAGER"
check "SIGHUP: RELOADING" poll 10 told 'RELOADING=1\|MONOTONIC_USEC=[0-9]+$'
check "then READY again" poll 10 eval '[ "$(count READY=1)" = 2 ]'
same "no watchdog was asked for" 0 "$(count WATCHDOG)"
manager_stop
same "SIGTERM: it ends well" 0 "$MANAGER_CODE"
like "STOPPING=1" 'STOPPING=1\|STATUS=the engine ends; containers go on running$' "$(tail -1 "$TOLD")"
check "the given socket's file is the manager's: it stays" test -S "$GIVEN"
check "the other one is gone" test ! -e "$HOST/exec/berth.sock"

# ---- the socket that is given is the one that the settings name ----
manager -s "$GIVEN" -- -H "unix://$GIVEN"
check "a given socket that a host names, too: one of them" poll 10 told READY=1
same "it is served" OK "$(curl -fs --unix-socket "$GIVEN" http://x/_ping)"
manager_stop
manager -s "$GIVEN" -s "$HOST/second.sock" -- -H fd:// -H fd://
check "fd:// takes all that are given, once" poll 10 told READY=1
same "both are served" OKOK "$(curl -fs --unix-socket "$GIVEN" http://x/_ping; curl -fs --unix-socket "$HOST/second.sock" http://x/_ping)"
manager_stop
manager -- -H fd://
wait "$MANAGER"; code=$?; MANAGER=
same "fd:// and no socket: it does not start" 1 "$code"
like "and says why" 'host fd://: the service manager has given no socket' "$(tail -3 "$HOST/engine.log")"
same "nobody was told that it is ready" 0 "$(count READY)"

# ---- a policy that is read during a reload: READY comes after it ----
echo '{"rules":[]}' >"$HOST/policy.json"; chmod 711 "$HOST"; chmod 644 "$HOST/policy.json"
manager -a -w 600000 -s "$GIVEN" -- --policy "$HOST/policy.json"
check "with a policy" poll 10 told READY=1
kill -HUP "$MANAGER"
check "a reload with a policy ends" poll 10 eval '[ "$(count READY=1)" = 2 ]'
check "the watchdog is fed, by an abstract socket" poll 5 eval '[ "$(count WATCHDOG=1)" -ge 5 ]'
gap=$(awk '/WATCHDOG=1/ { if (last && $1 - last > most) most = $1 - last; last = $1 } END { print (most < 0.6) }' "$TOLD")
same "never later than it asks for" 1 "$gap"
coproc HOLD { python3 ../faults/hold_thread.py "$(engine)" berthd; }
read -r _ held <&"${HOLD[0]}"
check "the loop is held" test "$held" -ge 1
fed=$(count WATCHDOG=1)
# While it stands the file cannot grow; a tick may have been on its way.
stays 1.5 eval '[ "$(count WATCHDOG=1)" -le '$((fed + 1))' ]' && ok "a loop that stands feeds nothing" || not_ok "a loop that stands feeds nothing"
eval "exec ${HOLD[1]}>&-"
wait "$HOLD_PID" 2>/dev/null
check "it goes on" poll 5 eval '[ "$(count WATCHDOG=1)" -gt '$((fed + 2))' ]'
manager_stop
same "it ends well" 0 "$MANAGER_CODE"
finish
