#!/bin/bash
# GET /containers/json with 3,000 containers: it goes in slices, so that others are served beside
# it; whole and consistent while containers come and go; clients that do not read cost no memory.
#   CONTAINERS=3000 list.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
CONTAINERS=${CONTAINERS:-3000}
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
api() { curl -fs --unix-socket "$SOCK" -X "$1" "http://x/v1.51$2" "${@:3}"; }
api POST /images/load -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar" >/dev/null
IMAGE=$(api GET /images/json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RepoTags"][0])')
count() { python3 -c 'import json,sys; print(len(json.load(sys.stdin)))'; }
mem() { awk '/VmRSS/ {print $2}' "/proc/$ENGINE_PID/status"; }

python3 list.py create "$SOCK" "$IMAGE" "$CONTAINERS"
same "all are listed" "$CONTAINERS" "$(api GET '/containers/json?all=1' | count)"
same "newest first" yes "$(api GET '/containers/json?all=1' | python3 -c '
import json, sys
t = [c["Created"] for c in json.load(sys.stdin)]
print("yes" if t[0] >= t[len(t) // 2] >= t[-1] else "no")')"
same "a limit" 7 "$(api GET '/containers/json?limit=7' | count)"
same "a filter" 1 "$(api GET '/containers/json?all=1&filters=%7B%22name%22%3A%5B%22%5Ec17%24%22%5D%7D' | count)"
same "none runs" '[]' "$(api GET /containers/json)"
same "HTTP/1.0" "$CONTAINERS" "$(curl -fs0 --unix-socket "$SOCK" 'http://x/containers/json?all=1' | count)"
read -r HOLD P99 TOOK <<<"$(python3 list.py hold "$SOCK")"
check "a ping beside ten lists waits $HOLD ms at worst, p99 $P99 ms (a list takes $TOOK ms)" \
    awk "BEGIN {exit !(\"$P99\" != \"\" && $P99 < $TOOK / 3)}"
same "lists while containers come and go" "doubled 0 missing 0" "$(python3 list.py churn "$SOCK" "$IMAGE")"
RSS=$(mem)
coproc LEAVE { python3 list.py leave "$SOCK" 40; }
read -r _ <&"${LEAVE[0]}"
bounded() { MORE=$(($(mem) - RSS)); [ $MORE -lt 40000 ]; }
check "40 clients that do not read cost little memory" stays 1 bounded
eval "exec ${LEAVE[1]}>&-"
wait "$LEAVE_PID" 2>/dev/null
same "and are gone" "$CONTAINERS" "$(api GET '/containers/json?all=1' | count)"
check "the engine is well" kill -0 "$ENGINE_PID"
containers_clear() { # all at once, not one request after the other
    api GET '/containers/json?all=1' | python3 -c 'import json,sys; [print("url = \"http://x/containers/" + c["Id"] + "\"") for c in json.load(sys.stdin)]' >"$HOST/all"
    curl -fs --parallel --parallel-max 32 -X DELETE --unix-socket "$SOCK" -K "$HOST/all" >/dev/null 2>&1
}
finish
