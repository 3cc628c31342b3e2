#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers with --pid host whose processes come and go are killed, while those of the host do the
# same and there are few numbers: nobody gets the signal of who had its number a moment ago.
. "$(dirname "$0")/kit.sh"
[ "$(readlink /proc/self/ns/pid)" != "pid:[4026531836]" ] &&
    [ "$(printf '6.14\n%s\n' "$(uname -r)" | sort -V | head -1)" = 6.14 ] || {
    echo "1..0 # SKIP kernel.pid_max is the whole machine's (before 6.14, or without world.sh)"
    exit 0
}
before=$(cat /proc/sys/kernel/pid_max)
echo 500 >/proc/sys/kernel/pid_max
restore() { echo "$before" >/proc/sys/kernel/pid_max; security_down; }
export LD_PRELOAD=$BERTH_BIN/slow_kill.so # the engine's; nobody else here kills
security_up probe
unset LD_PRELOAD
trap restore EXIT

coproc CHURN { "$BERTH_BIN/churn" 8 8>&-; }
CHURN_IN=${CHURN[1]}
exec {CHURN_OUT}<&"${CHURN[0]}" # of our own: the shell closes those of a coprocess at its end
bad=0
for _ in $(seq 4); do
    id=$(in_host $D run -d --pid host hostile:probe /churn - 2>/dev/null 8>&-)
    in_host timeout 20 $D exec -d "$id" /churn - 2>/dev/null # not a child of its first process
    in_host timeout 30 $D rm -f "$id" >/dev/null 2>&1 || bad=$((bad + 1))
done
same "all of the containers are removed" 0 "$bad"
eval "exec $CHURN_IN>&-"
read -r -t 20 killed <&"$CHURN_OUT"
same "processes of the host that a kill has hit" 0 "$killed"
check "none of the containers' is left" poll 5 eval '! pgrep churn'
check "the engine lives" alive
untouched "reuse"
finish
