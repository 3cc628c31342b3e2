#!/bin/bash
# People at terminals (terminal.py): berth, and each docker CLI of this machine against our engine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
export TERM=xterm
qa_up
run() { # CLIENT CASE…: its lines become tests
    local line client=$1
    shift
    in_host timeout -k 5 150 python3 terminal.py "$client" "$HOST/engine.pid" "$@" >"$HOST/lines" 2>&1
    while IFS= read -r line; do
        case $line in
        "ok "*) ok "${line#ok }" ;;
        "not ok "*) not_ok "${line#not ok }" ;;
        *) echo "# $line" ;;
        esac
    done <"$HOST/lines"
    grep -q 'ok ' "$HOST/lines" || not_ok "$client: $*: no result"
}
docker=$(command -v /usr/local/bin/docker || command -v docker)
for client in "$BERTH" "$docker"; do
    run "$client" all
    run "$client" engine_killed
    wait "$ENGINE_PID" 2>/dev/null
    engine_start || not_ok "the engine starts again"
    run "$client" engine_back
done
same "no container is left" "" "$(d ps -aq)"
engine_sound
finish
