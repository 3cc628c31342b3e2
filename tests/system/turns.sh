#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing holds the loop: heavy loads, and what the turn watch (GET /debug/turns) says of them. It counts
# CPU time of the loop's thread, so that a machine with others on it changes little. What takes slices is
# asked for many times: unsliced, each answer would be one hold of nearly all the work that it takes.
#   LISTED=5000 RUNNING=300 turns.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
LISTED=${LISTED:-5000} RUNNING=${RUNNING:-300} ASKED=20
case $BERTH_BIN in *debug*) LIMIT_MS=1000 SLOW=10 LISTED=1500 RUNNING=60 ;; *) LIMIT_MS=66 SLOW=1 ;; esac
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
api() { curl -fs --unix-socket "$SOCK" -X "$1" "http://x/v1.51$2" "${@:3}"; }
api POST /images/load -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar" >/dev/null
IMAGE=$(api GET /images/json | jq -r '.[0].RepoTags[0]')

load() { # NAME LOAD [ARGS…]: sets HOLD TURN LONG WHO
    local name=$1
    shift
    HOLD=none TURN= LONG= WHO=
    read -r HOLD TURN LONG WHO <<<"$(python3 turns.py "$SOCK" "$@" 2>"$HOST/error" || tail -1 "$HOST/error" | sed 's/^/none 0 0 /')"
    echo "# $name: hold < $HOLD ms, turn < $TURN ms, $LONG long. $WHO"
    check "$name: no hold of $LIMIT_MS ms" test "$HOLD" != none -a "${HOLD/none/9999}" -le "$LIMIT_MS"
}
sliced() { # NAME PATH
    load "$1" get "$2" $ASKED
    check "$1: in slices" test "${LONG:-99}" -lt $((ASKED / 2))
}

load "create $LISTED containers" create "$IMAGE" "$LISTED"
load "create $LISTED volumes" volumes "$LISTED"
load "import 200 images, 2,000 tags" images 200 2000
sliced "the list of containers" '/containers/json?all=1'
sliced "the list of volumes" /volumes
load "eight clients ask for lists" lists
load "inspect" inspects 500
load "replay of events" events
load "system df" usage
load "all objects for debugging" debug
load "bodies of 3 MiB" bodies "$IMAGE" 3
load "bodies of 10 MiB" bodies "$IMAGE" 10
load "10,000 ports" ports "$IMAGE" 10000
load "lines of a megabyte" logs "$IMAGE"
load "300 attached clients" attached "$IMAGE" 300
load "start $RUNNING in a network" start "$RUNNING" "$IMAGE" crowd
load "the network's lists" networks crowd
engine_stop
check "restart with $LISTED and $RUNNING" engine_start
load "lists again" lists
engine_kill
check "restart after a kill" engine_start
load "remove $RUNNING that run" remove "$RUNNING"
load "prune containers" prune containers
load "prune volumes" prune volumes
load "prune images" prune images
engine_stop
if [ $SLOW = 1 ]; then # start-up and shutdown too; a line is written for 50 ms
    same "the log tells of no hold" "" "$(grep 'msg="the loop was held"' "$HOST/engine.log" | head -3)"
fi
finish
