#!/bin/bash
# A spool that is full, and a disk that is: blocking logs make the container wait and lose nothing,
# non-blocking ones drop and say exactly how much. Then stdin: what an engine's death ends.
[ -n "${IN_OWN_MOUNTS:-}" ] || IN_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap 'dir=$HOST; host_down 2>/dev/null; umount -l "$dir/exec" 2>/dev/null; rm -rf "$dir"' EXIT
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
engine_start || { not_ok "engine starts"; finish; exit 1; }
berth() { in_host "$BERTH" "$@"; }
berth pull -q 127.0.0.1:5000/busybox >/dev/null && berth tag 127.0.0.1:5000/busybox busybox
BYTES=40000000

start() { # NAME MODE BYTES: writes them a second from now, then ends
    berth run -d --name "$1" --net none --log-opt mode="$2" --log-opt max-size=500m busybox \
        sh -c "sleep 1; yes 0123456789012345678901234567890123456789012345678 | head -c $3" >/dev/null
}
is_running() { [ "$(berth inspect -f '{{.State.Running}}' "$1")" = true ] && echo yes || echo no; }
count() { # NAME: payload bytes in its log, bytes that markers speak of
    berth logs "$1" 2>/dev/null | wc -c
}
dropped() { berth logs "$1" 2>&1 | sed -n 's/.*berth: \([0-9]*\) bytes of log were dropped here.*/\1/p' | awk '{n += $1} END {print n + 0}'; }

spool_bytes() { cat "$HOST"/exec/spool/* | wc -c; }
at_a_stop() { # so much was spooled that the rest waits or is dropped
    local n
    n=$(spool_bytes)
    [ "$n" -gt 1000000 ] && stays 0.7 eval "[ \"\$(spool_bytes)\" = $n ]"
}
start blocks blocking $BYTES
start drops non-blocking $BYTES
engine_kill
poll 10 at_a_stop
like "the spool is bounded" '^(1[0-6][0-9]{6})$' "$(stat -c %s "$HOST"/exec/spool/* | sort -n | tail -1)"
pids=$(pgrep -fc "head -c $BYTES")
engine_start
same "blocking: nothing is lost" 0 "$(timeout 30 "$BERTH" wait blocks)"
same "blocking: every byte" $BYTES "$(count blocks)"
same "non-blocking: it did not wait" 0 "$(timeout 30 "$BERTH" wait drops)"
lost=$(dropped drops)
same "non-blocking: dropped ($lost) and logged make all" $BYTES $(($(count drops) + lost))
like "non-blocking: a marker" '^[1-9]' "$lost"
same "both were at work when the engine came back or had ended" yes "$([ "$pids" -ge 1 ] && echo yes)"
engine_stop
containers=$(keeper_pid)
poll 5 eval '! is_alive "$containers"'

mount -t tmpfs -o size=6m small "$HOST/exec"
engine_start || not_ok "engine starts on a small disk"
start fblocks blocking 9000000
start fdrops non-blocking 9000000
engine_kill
poll 10 at_a_stop
engine_start
same "disk full, blocking: the code" 0 "$(timeout 30 "$BERTH" wait fblocks)"
same "disk full, blocking: every byte" 9000000 "$(count fblocks)"
same "disk full, non-blocking: the code" 0 "$(timeout 30 "$BERTH" wait fdrops)"
lost=$(dropped fdrops)
same "disk full, non-blocking: dropped ($lost) and logged make all" 9000000 $(($(count fdrops) + lost))

(sleep 60 | berth run -i --name once busybox cat >"$HOST/once.out" 2>&1) &
berth run -d -i --name open busybox cat >/dev/null
poll 10 eval '[ "$(is_running once)" = yes ]'
engine_kill
engine_start
same "StdinOnce: the dead client's input has ended" 0 "$(timeout 10 "$BERTH" wait once)"
same "stdin nobody was attached to stays open" yes "$(is_running open)"
containers_clear
finish
