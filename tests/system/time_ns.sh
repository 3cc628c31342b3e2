#!/bin/bash
# Time namespaces: a container's clocks are shifted, its execs see them so, nobody else does.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
[ -e /proc/self/ns/time ] || { echo "1..0 # SKIP no time namespaces in this kernel"; exit 0; }
qa_up
b() { in_host "$BERTH" "$@"; }
near() { awk -v a="$2" -v b="$3" -v n="$1" 'BEGIN { exit !(b - a > n - 60 && b - a < n + 60) }'; }
up() { cut -d' ' -f1 /proc/uptime; }
ns() { readlink "/proc/$1/ns/time"; }

b run -d --name late --time-offset boottime=864000 --time-offset monotonic=1000.5 busybox sleep 1000 >/dev/null
pid=$(field late .State.Pid)
check "the container's uptime is ten days later" near 864000 "$(up)" "$(b exec late cut -d' ' -f1 /proc/uptime)"
same "the kernel has both offsets" "monotonic 1000 500000000 boottime 864000 0" "$(echo $(cat "/proc/$pid/timens_offsets"))"
same "exec is in there" "$(ns "$pid")" "$(b exec late readlink /proc/self/ns/time)"
check "another container is not" [ "$(ns self)" = "$(b run --rm busybox readlink /proc/self/ns/time)" ]
check "a restart" b restart -t 0 late
check "it is so after a restart" near 864000 "$(up)" "$(b exec late cut -d' ' -f1 /proc/uptime)"
same "inspect shows them" '{"boottime":"864000","monotonic":"1000.5"}' "$(field late '.HostConfig.TimeOffsets|tojson')"
same "with a terminal, an init, and another one's processes" "ok" \
    "$(b run --rm --init --pid container:late --time-offset boottime=5 busybox sh -c '[ $(cut -d. -f1 /proc/uptime) -gt 0 ] && echo ok')"
api POST /containers/create '{"Image":"busybox","Cmd":["cat","/proc/self/timens_offsets"],"HostConfig":{"TimeOffsets":{"boottime":"-1.25"}}}'
id=$(printf '%s' "$BODY" | jq -r .Id)
same "a negative part of a second" "monotonic 0 0 boottime -2 750000000" "$(echo $(d start -a "$id"))"
for bad in nosuch=1 boottime=x boottime=1e3 boottime=-9999999 monotonic=5000000000 boottime=1.0000000001; do
    fails "refused: $bad" 'time offset' b create --time-offset "$bad" busybox true
done
engine_sound
finish
