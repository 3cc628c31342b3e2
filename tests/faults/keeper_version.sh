#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An engine that finds a keeper of a version which it does not know, and which does not become its
# own: it ends with a sentence that says what to do, starts no second keeper, and touches nothing
# that the keeper has. (Keepers of other builds that do: keeper_upgrade.sh.)
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap 'kill $FAKE 2>/dev/null; host_down' EXIT
host_up
mkdir -p "$HOST/exec"
sleep 1000 & KEPT=$!

meets() { # HOW SENTENCE
    local status
    rm -f "$HOST/exec/keeper.sock" "$HOST/fake"
    python3 keeper_version.py "$HOST/exec/keeper.sock" "$1" >"$HOST/fake" &
    FAKE=$!
    poll 5 grep -q listens "$HOST/fake"
    in_host timeout 40 "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" --exec-root "$HOST/exec" >"$HOST/log" 2>&1
    status=$?
    same "one that $1: the engine ends" 1 "$status"
    like "one that $1: and says why" "$2" "$(cat "$HOST/log")"
    same "one that $1: it is not replaced" "" "$(pgrep -f "berth-keeper.*$HOST" || cat "$HOST/exec/keeper.pid" 2>/dev/null)"
    check "one that $1: it lives, and what it keeps" kill -0 $FAKE $KEPT
    kill $FAKE; wait $FAKE 2>/dev/null
}
WHY="running keeper speaks version 99, this engine [0-9]+, and it could not be upgraded: start the engine it belongs to, or stop its containers first"
meets refuses "$WHY"
same "it was asked to become this engine's" 1 "$(grep -c upgrade "$HOST/fake")"
meets hangs-up "$WHY"
meets becomes "$WHY"
meets silent "$WHY"
meets garbage "keeper"
kill $KEPT
finish
