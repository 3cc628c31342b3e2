#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Half of a request, an answer that nobody reads, thousands that say nothing, a registry that sends
# two bytes a second, too few descriptors: each ends with a sentence, and what is only slow lives.
export BERTH_PATIENCE_MS=1500 BERTH_SLOW_S=1
. "$(dirname "$0")/kit.sh"
expect_500 'the registry is too slow' 'a registry that falls silent'

few_files() {
    local out
    out=$( (ulimit -n 150; timeout 20 "$BERTH_BIN/berthd" -H "unix://$HOST/few.sock" --data-root "$HOST/few" --exec-root "$HOST/fewx" --pidfile "$HOST/few.pid") 2>&1)
    like "150 open files: refused, with the number that is needed" "at most 150 files may be open, and the engine needs 1024: raise the limit" "$out"
    engine_stop
    ulimit -n 1024
    engine_start 8>&- || not_ok "1024 open files: the engine starts"
    like "1024 open files: it runs containers" "^life$" "$(run hostile:probe echo life)"
}

crowd() { # more than the engine has descriptors for, all idle
    python3 - "$SOCK" >"$HOST/crowd" <<'PY' &
import resource, socket, sys, time
n = 0
held = []
for i in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    try:
        s.connect(sys.argv[1])
        held.append(s)
    except OSError:
        break
print(len(held), flush=True)
time.sleep(2)
PY
    check "a crowd that says nothing: the engine answers" poll 10 test -s "$HOST/crowd"
    check "to newcomers" alive
    like "and runs containers" "^life$" "$(run hostile:probe echo life)"
    wait $!
}

registry() {
    in_host python3 silence_registry.py >"$HOST/registry.log" 2>&1 &
    REGISTRY_PID=$!
    check "a registry" poll 10 in_host curl -fs -o /dev/null http://127.0.0.1:5001/v2/
    like "a blob at two bytes a second: given up" "the registry is too slow" "$(in_host timeout 100 "$BERTH" pull 127.0.0.1:5001/slow:blob 2>&1)"
    like "a manifest at two bytes a second: given up" "the registry is too slow" "$(in_host timeout 100 "$BERTH" pull 127.0.0.1:5001/slow:manifest 2>&1)"
    like "a registry that says nothing: given up" "the registry is too slow" "$(in_host timeout 100 "$BERTH" pull 127.0.0.1:5001/slow:nothing 2>&1)"
    like "one that is only slow: pulled" "Status: Downloaded" "$(in_host timeout 100 "$BERTH" pull 127.0.0.1:5001/slow:fine 2>&1)"
}

security_up probe
case ${1:-all} in
all)
    python3 silence.py "$SOCK" 1.5 >"$HOST/silence" 2>"$HOST/silence.err"
    same "clients that fall silent are given up, slow ones are served" "" "$(grep -v '^right' "$HOST/silence"; tail -3 "$HOST/silence.err")"
    same "all were tried" 18 "$(grep -c '^right' "$HOST/silence")"
    check "the log says who" grep -q 'msg="a client is given up" waited_for="the rest of a request' "$HOST/engine.log"
    registry
    few_files
    crowd
    ;;
*) "$@" ;;
esac
check "the engine answers" alive
finish
