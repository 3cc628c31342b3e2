#!/bin/bash
# The kill test: rounds in which the engine, its keeper, or both are killed at a random moment
# under writers, shells, restart policies, published ports and a storm of commands, or the keeper
# is upgraded. Nothing that was acknowledged may be lost; see kill.py, kill_mix.py, kill_storm.py.
#   ROUNDS=30 SEED=n STOP_AT_FIRST=1 kill.sh; without ROUNDS: each kind of death, the usual one more often
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
down() { # kill.py started the engine
    engine_kill
    [ ! -e "$HOST/engine.pid" ] || kill -KILL "$(cat "$HOST/engine.pid")" 2>/dev/null
    [ -z "${KEEP_HOST:-}" ] || cp -a "$HOST/engine.log" "$KEEP_HOST"
    [ -n "$CLEAN" ] || { engine_start && containers_clear; }
    host_down
}
CLEAN=
seed
[ -n "${ROUNDS:-}" ] || export ROUNDS=10 DECK="engine engine engine engine starting keeper keeper both upgrade term"
host_up
trap down EXIT
images_make
cp "$BERTH_BIN/kill_writer" "$HOST/w" || { not_ok "kill_writer is built"; finish; exit 1; }
export HOST SOCK BERTH_BIN HOST_NS_PID IMAGES
in_host python3 kill.py | tee "$HOST/tap" | grep --line-buffered -v '^1\.\.'
status=${PIPESTATUS[0]}
TAP_N=$(grep -c -E '^(not )?ok ' "$HOST/tap")
TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
[ $status = 0 ] || [ "$TAP_FAILED" != 0 ] || not_ok "kill.py ended early"
if [ $status = 0 ]; then
    CLEAN=1
    keeper_gone() { ! is_alive "$(keeper_pid)"; }
    check "the keeper ends when it holds nothing" poll 20 keeper_gone
    same "nothing at all is left of them" "" "$(census_of_nothing)"
fi
reports=$(engine_reports)
same "no sanitizer report, no failed assertion, no error in the log" 0 "$reports"
[ "$reports" = 0 ] || bad_lines -A30 | head -60 | sed 's/^/# /'
finish
