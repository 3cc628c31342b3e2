#!/bin/bash
# 300 `run --rm` in a row and 200 at once: every output right, nothing left behind.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh
trap host_down EXIT
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
engine_start || { not_ok "engine starts"; finish; exit 1; }
in_host "$BERTH" pull -q 127.0.0.1:5000/busybox >/dev/null && in_host "$BERTH" tag 127.0.0.1:5000/busybox busybox

settle() { # until the background work is done
    for _ in $(seq 100); do
        [ "$(find "$HOST/data/trash" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" = 0 ] &&
            [ "$(own_cgroup_trees | xargs -rI{} find {} -mindepth 1 -type d 2>/dev/null | wc -l)" = 0 ] && break
        sleep 0.1
    done
    sleep 1
}

for i in 1 2 3; do in_host "$BERTH" run --rm busybox true; done
settle
census_stable >"$HOST/before"

bad=0
for i in $(seq 300); do
    [ "$(in_host "$BERTH" run --rm busybox echo "number $i" 2>&1)" = "number $i" ] || bad=$((bad + 1))
done
same "300 in a row: wrong outputs" 0 $bad

mkdir "$HOST/out"
for i in $(seq 200); do
    in_host "$BERTH" run --rm busybox sh -c "echo out $i; echo err $i >&2; exit $((i % 100))" \
        >"$HOST/out/$i.out" 2>"$HOST/out/$i.err" && echo 0 >"$HOST/out/$i.rc" || echo $? >"$HOST/out/$i.rc" &
    PIDS="${PIDS:-} $!"
done
wait $PIDS
bad=0
for i in $(seq 200); do
    if [ "$(cat "$HOST/out/$i.out")" != "out $i" ] || [ "$(cat "$HOST/out/$i.err")" != "err $i" ] ||
        [ "$(cat "$HOST/out/$i.rc")" != $((i % 100)) ]; then
        bad=$((bad + 1)); echo "# $i: rc $(cat "$HOST/out/$i.rc") $(head -c 200 "$HOST/out/$i.err")"
    fi
done
same "200 at once: wrong outputs or codes" 0 $bad
same "no container is left" 0 "$(in_host "$BERTH" ps -aq | wc -l)"
settle
census_stable >"$HOST/after"
same "the census is as before" "$(cat "$HOST/before")" "$(cat "$HOST/after")"
same "no veth without an owner for long" yes \
    "$([ "$(in_host ip -o link show type veth | wc -l)" -le 64 ] && echo yes)"
finish
