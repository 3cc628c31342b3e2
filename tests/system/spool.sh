#!/bin/bash
# Writers at thousands of lines a second, the engine killed at random moments and away for up to
# three seconds, again and again: no line missing, doubled or torn, no writer ever blocked.
#   ROUNDS=15 spool.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap host_down EXIT
ROUNDS=${ROUNDS:-8}
seed
WRITER=$BERTH_BIN/spool_writer
[ -x "$WRITER" ] || { not_ok "spool_writer is built"; finish; exit 1; }
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
engine_start || { not_ok "engine starts"; finish; exit 1; }
berth() { in_host "$BERTH" "$@"; }
berth pull -q 127.0.0.1:5000/busybox >/dev/null && berth tag 127.0.0.1:5000/busybox busybox
OUT=$HOST/out
mkdir -p "$OUT" && cp "$WRITER" "$HOST/w"

writer() { # NAME RATE KIND [run options…]
    local name=$1 rate=$2 kind=$3; shift 3
    berth run -d --name "$name" --net none -v "$HOST/w:/w:ro" -v "$OUT:/out" "$@" busybox \
        /w /out "$name" "$rate" "$kind" >/dev/null 2>&1 || echo "# $name did not start"
}
writer whole 4000 whole --log-opt max-size=500m
writer rotating 3000 whole --log-opt max-size=200k --log-opt max-file=900
writer partial 2000 partial --log-opt max-size=500m
writer tty 2000 out -t --log-opt max-size=500m
writer ttypartial 1000 partial-out -t --log-opt max-size=500m
writer dropping 2000 whole --log-opt mode=non-blocking --log-opt max-size=500m
writer local 3000 whole --log-driver local --log-opt max-size=500m
writer none 5000 whole --log-driver none

slow() { # start of the engine in ms, longest
    local begin=$(date +%s%N)
    engine_start || return 1
    local took=$((($(date +%s%N) - begin) / 1000000))
    [ "$took" -le "${LONGEST:-0}" ] || LONGEST=$took
}
spooled=0
for round in $(seq "$ROUNDS"); do
    sleep "$(printf '0.%03d' $((RANDOM % 900 + 20)))"
    engine_kill
    berth_down=$((RANDOM % 3100))
    [ $((round % 4)) != 0 ] || berth_down=0
    sleep "$(printf '%d.%03d' $((berth_down / 1000)) $((berth_down % 1000)))"
    spooled=$((spooled + $(cat "$HOST"/exec/spool/* 2>/dev/null | wc -c)))
    if [ $((round % 3)) = 0 ]; then # killed while it merges
        nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" \
            --exec-root "$HOST/exec" --pidfile "$HOST/engine.pid" >>"$HOST/engine.log" 2>&1 &
        ENGINE_PID=$!
        sleep "$(printf '0.%03d' $((RANDOM % 120)))"
        engine_kill
    fi
    slow || { not_ok "engine starts in round $round"; break; }
done
touch "$OUT/stop"
names="whole rotating partial tty ttypartial dropping local none"
for name in $names; do
    same "$name: the true exit code" 7 "$(timeout 20 "$BERTH" wait "$name" 2>&1)"
done
for name in whole rotating partial tty ttypartial dropping; do
    read -r n_out n_err lat <"$OUT/$name"
    log=$(berth inspect -f '{{.LogPath}}' "$name")
    same "$name: $n_out + $n_err lines, exactly those written" "missing 0 doubled 0 torn 0" \
        "$(python3 spool_check.py "$log" "$n_out" "$n_err" 2>"$HOST/why")"
    sed 's/^/# /' "$HOST/why" | cut -c1-300
done
read -r n_out n_err lat <"$OUT/local"
same "local: $n_out lines of stdout, exactly those written" \
    "$(python3 -c "import spool_check as s; print(''.join(w + '\n' for w in s.expected('o', $n_out)) + 'end', end='')" | md5sum)" \
    "$(berth logs local 2>/dev/null | md5sum)"
worst=0
for name in $names; do
    read -r n_out n_err lat <"$OUT/$name"
    [ "$lat" -le "$worst" ] || worst=$lat
done
same "no writer was blocked (longest write $worst us)" yes "$([ "$worst" -lt 400000 ] && echo yes)"
echo "# $ROUNDS rounds, $spooled bytes went through spools, longest start of an engine ${LONGEST:-?} ms"
same "no spool is left" 0 "$(find "$HOST/exec/spool" -type f | wc -l)"

# ---- a keeper was killed in a chunk, and the next one goes on with the file ----
berth run -d --name idle --net none busybox sh -c 'trap "echo after" USR1; echo before; while :; do sleep 0.05; done' >/dev/null
ID=$(berth inspect -f '{{.Id}}' idle) PID=$(berth inspect -f '{{.State.Pid}}' idle)
until [ "$(berth logs idle)" = before ]; do sleep 0.05; done
engine_kill
python3 - "$HOST/exec/spool/$ID" <<'PY'
import struct, sys, time
head = struct.pack("=IIQ", 0x6c6f6f70, 1, 4711)
chunk = lambda n, text: struct.pack("=IIqiI", 0x6c6f6f70, n, time.time_ns(), 1, 0) + text
open(sys.argv[1], "xb").write(head + chunk(6, b"whole\n") + chunk(0xffffffff, b"cut "))
PY
kill -USR1 "$PID"
until grep -qa after "$HOST/exec/spool/$ID"; do sleep 0.05; done
engine_start
same "what it took has its end where the next begins" "before whole cut after" "$(echo $(berth logs idle))"
berth rm -f idle >/dev/null
finish
