#!/bin/bash
# Attach over a websocket: handshake, frames both ways, ends, and what clients do wrong.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
in_host "$BERTH" load -q -i "$IMAGES/busybox.tar" >/dev/null
in_host "$BERTH" run --rm --network none busybox true
settled
census_stable >"$HOST/before"
n=0
while read -r result; do
    n=$((n + 1))
    case $result in
    ok\ *) ok "${result#ok }" ;;
    *) not_ok "${result#not ok }" ;;
    esac
done < <(timeout 200 python3 websocket.py "$SOCK" 2>&1)
same "all cases were run" "$(grep -c '^def case_' websocket.py)" $n
containers_clear
settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
