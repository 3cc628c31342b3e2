#!/bin/bash
# Drivers without a file: lines go to syslog (unix, udp, tcp) and journald. The engine is killed at
# random moments and away for up to two seconds: every line arrives, in order, with the time of its
# writing, at most one of them doubled a kill. Servers that are away, hang and come back, in both
# modes; forty containers with a hung server take nothing from the others.
#   ROUNDS=6 forward.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
SERVERS=
cleanup() {
    for pid in $SERVERS; do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
    [ -z "${JOURNAL:-}" ] || { rm -f /run/systemd/journal/socket; rmdir /run/systemd/journal 2>/dev/null; }
    host_down
}
trap cleanup EXIT
ROUNDS=${ROUNDS:-6}
seed
[ -x "$BERTH_BIN/spool_writer" ] || { not_ok "spool_writer is built"; finish; exit 1; }
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
berth() { in_host "$BERTH" "$@"; }
berth load -q -i "$IMAGES/busybox.tar" >/dev/null
IMAGE=$(berth images --format '{{.Repository}}:{{.Tag}}' | head -1)
OUT=$HOST/out
mkdir -p "$OUT" && cp "$BERTH_BIN/spool_writer" "$HOST/w"

serve() { # KIND WHERE NAME; sets SERVER
    rm -f "$HOST/$3.ready"
    [ "$1" != unixgram ] || rm -f "$2"
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 forward_kit.py serve "$1" "$2" "$HOST/$3" &
    SERVER=$! SERVERS="$SERVERS $!"
    poll 20 test -e "$HOST/$3.ready"
}
writer() { # NAME RATE KIND LINES|- OPTIONS…: syslog unless they name a driver
    local name=$1 rate=$2 kind=$3 lines=$4; shift 4
    [ "$lines" != - ] || lines=
    berth run -d --name "$name" --net none -v "$HOST/w:/w:ro" -v "$OUT:/out" --log-driver syslog \
        --log-opt syslog-format=rfc5424micro --log-opt tag="$name" "$@" "$IMAGE" /w /out "$name" "$rate" "$kind" $lines \
        >/dev/null 2>"$HOST/why" || { echo "# $name did not start"; sed 's/^/# /' "$HOST/why"; }
}
journal_writer() { # NAME RATE KIND [LINES]
    local name=$1
    berth run -d --name "$name" --net none -v "$HOST/w:/w:ro" -v "$OUT:/out" --log-driver journald --log-opt tag="$name" \
        "$IMAGE" /w /out "$@" >/dev/null 2>&1
}
to() { echo "--log-opt syslog-address=$1"; }
verdict() { # SERVER NAME: first line of the check, EXTRA LATE… from its second
    local n_out n_err
    read -r n_out n_err _ <"$OUT/$2"
    { read -r VERDICT; read -r EXTRA EARLIEST LATE LATEST; } <<<"$(python3 forward_kit.py check "$HOST/$1" "$2" "$n_out" "$n_err")"
    N=$((n_out + n_err))
}
# Looking closely takes long: not before the last line is there.
end_came() { grep -a "$2" "$HOST/$1" | grep -qE '( - |MESSAGE=)end'; } # SERVER NAME
all_came() { verdict "$1" "$2"; [[ $VERDICT == "missing 0 "*"end 1" ]]; }
arrives() { # SERVER NAME KILLS: exactly what was written
    poll 20 test -s "$OUT/$2"
    poll 20 end_came "$1" "$2"
    poll 5 all_came "$1" "$2"
    same "$2: $N lines, all of them, in order" "missing 0 out-of-order 0 torn 0 end 1" "$VERDICT"
    check "$2: $EXTRA doubled in $3 kills" test "$EXTRA" -le "$3"
}
mem() { awk '/VmRSS/ {print $2}' "/proc/$ENGINE_PID/status"; }

# ---- killed, again and again ----
serve unixgram "$HOST/log.sock" unix
serve udp 5514 udp
serve tcp 5515 tcp
names="unix udp tcp"
writer unix 3000 stamped - $(to "unix://$HOST/log.sock")
writer udp 2000 stamped - $(to udp://127.0.0.1:5514)
writer tcp 4000 stamped - $(to tcp://127.0.0.1:5515)
writer partial 1000 partial - $(to tcp://127.0.0.1:5515)
if [ ! -e /run/systemd/journal ]; then
    JOURNAL=1; mkdir -p /run/systemd/journal
    serve unixgram /run/systemd/journal/socket journal
    journal_writer journal 1000 stamped
    names="$names journal"
fi
kills=0 spooled=0
for round in $(seq "$ROUNDS"); do
    sleep "$(printf '0.%03d' $((RANDOM % 700 + 20)))"
    engine_kill; kills=$((kills + 1))
    down=$((RANDOM % 2000))
    [ "$round" != 2 ] || down=3000
    sleep "$(printf '%d.%03d' $((down / 1000)) $((down % 1000)))"
    spooled=$((spooled + $(cat "$HOST"/exec/spool/* 2>/dev/null | wc -c)))
    if [ $((round % 2)) = 0 ]; then # killed while it forwards what was spooled
        nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" \
            --exec-root "$HOST/exec" --pidfile "$HOST/engine.pid" >>"$HOST/engine.log" 2>&1 &
        ENGINE_PID=$!
        sleep "$(printf '0.%03d' $((RANDOM % 150 + 20)))"
        engine_kill; kills=$((kills + 1))
    fi
    engine_start || { not_ok "engine starts in round $round"; break; }
done
touch "$OUT/stop"
for name in $names partial; do
    same "$name: the true exit code" 7 "$(timeout 20 "$BERTH" wait "$name" 2>&1)"
done
for name in $names; do
    arrives "$name" "$name" "$kills"
    # a slot's time is taken before its bytes are: what is written in between is stamped early
    check "$name: stamps are of the writing ($EARLIEST ms at the earliest, 99 % within $LATE ms, worst $LATEST ms)" \
        test "$EARLIEST" -ge -200 -a "$LATE" -le 1500
done
arrives tcp partial "$kills"
echo "# $kills kills, $spooled bytes went through spools"
same "no spool is left" 0 "$(find "$HOST/exec/spool" -type f | wc -l)"
rm -f "$OUT/stop"

# ---- away, and back ----
spooling() { [ -n "$(find "$HOST/exec/spool" -type f -size +0)" ]; }
waits_in_write() { grep -q pipe "/proc/$(berth inspect -f '{{.State.Pid}}' "$1")/wchan"; }
writer early 20000 whole 5000 $(to tcp://127.0.0.1:5520)
poll 5 waits_in_write early
serve tcp 5520 back
arrives back early 0
kill -KILL "$SERVER"; wait "$SERVER" 2>/dev/null
writer again 20000 whole 5000 $(to tcp://127.0.0.1:5520)
[ -z "${JOURNAL:-}" ] || journal_writer journal2 20000 whole 30000
writer lone 100000 whole 20000 $(to "unix://$HOST/late.sock")
[ -z "${JOURNAL:-}" ] || poll 5 grep -aq journal2 "$HOST/journal"
engine_kill
poll 5 spooling
if [ -n "${JOURNAL:-}" ]; then # so is the journal, when the next engine comes
    rm -f /run/systemd/journal/socket
fi
engine_start
serve tcp 5520 back
[ -z "${JOURNAL:-}" ] || serve unixgram /run/systemd/journal/socket journal
arrives back again 1
[ -z "${JOURNAL:-}" ] || arrives journal journal2 1
serve unixgram "$HOST/late.sock" late
arrives late lone 1

# ---- a server that hangs ----
serve tcp 5530 hung; HUNG=$SERVER
kill -STOP "$HUNG"
for i in $(seq 40); do writer "h$i" 1000000 whole 10000 $(to tcp://127.0.0.1:5530); done
writer waits 1000000 whole 40000 $(to tcp://127.0.0.1:5530)
writer drops 1000000 whole 60000 $(to tcp://127.0.0.1:5530) --log-opt mode=non-blocking --log-opt max-buffer-size=100k
plain() { berth run -d --name "$1" --net none -v "$HOST/w:/w:ro" -v "$OUT:/out" "$IMAGE" /w /out "$1" 1000000 whole 30000 >/dev/null 2>&1; }
others() { # beside the hung ones; sets MS
    local begin=$(date +%s%N)
    plain "file$1"
    writer "well$1" 1000000 whole 5000 $(to "unix://$HOST/log.sock")
    poll 20 test -s "$OUT/file$1" -a -s "$OUT/well$1"
    MS=$((($(date +%s%N) - begin) / 1000000))
}
poll 20 test -s "$OUT/drops"
check "hung: a non-blocking container goes on" test -s "$OUT/drops"
others 1
check "hung: other logs land as ever ($MS ms)" test "$MS" -lt 6000
check "hung: a blocking container waits" test ! -e "$OUT/waits" -a ! -e "$OUT/h1"
RSS=$(mem)
engine_kill; engine_start
poll 20 test "$(berth ps -q | wc -l)" -ge 41
others 2
check "hung, and another engine: other logs land as ever ($MS ms)" test "$MS" -lt 6000
check "hung: memory is bounded ($RSS, then $(mem) KiB)" test "$(mem)" -lt $((RSS + 8192)) -o "$(mem)" -lt 60000
kill -CONT "$HUNG"
waiting="$(seq -s' ' -f 'h%g' 40) waits"
for name in $waiting; do poll 20 test -s "$OUT/$name"; done
all_ended() { [ "$(grep -a ' - end' "$HOST/hung" | awk '$5 != "drops" { print $5 }' | sort -u | wc -l)" -ge 41 ]; }
poll 30 all_ended
# shellcheck disable=SC2086
same "woken: every line of 41 waiting containers, in order" "" "$(python3 forward_kit.py check_all "$HOST/hung" "$OUT" $waiting)"
arrives unix well1 1
arrives unix well2 1
# non-blocking: what did not come is counted; what was in the killed engine's memory is not
writer drops2 1000000 whole 60000 $(to tcp://127.0.0.1:5530) --log-opt mode=non-blocking --log-opt max-buffer-size=100k
arrives hung drops2 0
kill -STOP "$HUNG"
writer drops3 1000000 whole 60000 $(to tcp://127.0.0.1:5530) --log-opt mode=non-blocking --log-opt max-buffer-size=100k
poll 20 test -s "$OUT/drops3"
kill -CONT "$HUNG"
wrote=$(python3 -c "
import spool_check as s
read = open('$OUT/drops3').read().split()
print(sum(len(x) + 1 for l, n in (('o', read[0]), ('e', read[1])) for x in s.expected(l, int(n))) + 4)")
adds_up() {
    read -r came told <<<"$(python3 forward_kit.py sum "$HOST/hung" drops3)"
    off=$((wrote - came - told))
    [ "$told" -gt 0 ] && [ "$off" -ge -64 ] && [ "$off" -le 64 ]
}
poll 5 grep -aq 'drops3.*bytes of log were dropped' "$HOST/hung"
poll 5 adds_up
check "woken: of $wrote bytes $came came and $told are told as dropped" test "$told" -gt 0 -a "$off" -ge -64 -a "$off" -le 64

# ---- removed while the server hangs ----
kill -STOP "$HUNG"
writer gone 1000000 whole - $(to tcp://127.0.0.1:5530)
poll 5 waits_in_write gone
engine_kill
poll 5 spooling
engine_start
begin=$(date +%s%N); berth rm -f gone >/dev/null
MS=$((($(date +%s%N) - begin) / 1000000))
check "hung: rm -f ($MS ms)" test "$MS" -lt 4000
kill -CONT "$HUNG"
containers_clear
same "no spool is left at the end" 0 "$(find "$HOST/exec/spool" -type f | wc -l)"
check "the engine is well" kill -0 "$ENGINE_PID"
finish
