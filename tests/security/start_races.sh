#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Neighbours that exchange what a start mounts and writes to, while it does: the null device that
# masks (CVE-2025-31133), /dev/pts and the console (CVE-2025-52565), /dev, /proc and /sys themselves
# where sysctls and the out-of-memory score are written (CVE-2025-52881, -2019-16884, -2019-19921);
# then a container that mounts over its own /proc and /dev/pts while execs come in.
#    RACE_S=60 start_races.sh    seconds for each race
. "$(dirname "$0")/kit.sh"
RACE_S=${RACE_S:-6}
security_up probe link-shared-dev link-shared-proc link-shared-sys
PATTERN=$(cat /proc/sys/kernel/core_pattern) TTL=$(in_host cat /proc/sys/net/ipv4/ip_default_ttl)
up=$(printf '../%.0s' $(seq 14))

swap_start() {
    mkdir -p "$HOST/vol"/{dev,proc,sys}/{pts,self,kernel,real} "$HOST/vol/dev/shm"
    ln -s /proc/sys/kernel/core_pattern "$HOST/vol/dev/null-link"
    mknod "$HOST/vol/dev/null" c 1 3
    ln -s "${up}tmp/berth-outside/file" "$HOST/vol/dev/console-link"
    : >"$HOST/vol/dev/console"
    ln -s "${up}tmp/berth-outside" "$HOST/vol/dev/pts-link"
    for i in dev proc sys; do ln -s "${up}tmp/berth-outside" "$HOST/vol/$i-link"; done
    SWAPPER=$(in_host $D run -d --cpus 0.8 -v "$HOST/vol:/v" hostile:probe sh -c 'cd /v/dev
        /swapper null null-link & /swapper console console-link & /swapper pts pts-link &
        cd /v; '"${1:+/swapper $1 $1-link &}"' wait' 8>&-)
}
swap_stop() { in_host $D rm -f "$SWAPPER" >/dev/null; rm -rf "$HOST/vol"; }

look='[ "$(stat -f -c %t /proc)" = 9fa0 ] || echo "bad: /proc is no procfs"
for f in kcore keys timer_list; do [ -z "$(head -c 1 /proc/$f 2>/dev/null | tr "\0" x)" ] || echo "bad: /proc/$f is read"; done
(echo x >/proc/sys/kernel/core_pattern) 2>/dev/null && echo "bad: core_pattern is written"
(echo x >/sys/kernel/mm/ksm/run) 2>/dev/null && echo "bad: /sys is written"
cat /dev/file /dev/pts/file /sys/file /proc/file 2>/dev/null | grep canary && echo "bad: the folder outside is seen"
(echo hello >/dev/console; echo x >/dev/null; echo x >/dev/pts/0) 2>/dev/null
echo "adj=$(cat /proc/self/oom_score_adj) ttl=$(cat /proc/sys/net/ipv4/ip_default_ttl) done"'

race() { # NAME SWAPPED RUN-ARGUMENTS… IMAGE
    local name=$1 end out bad=0 started=0 refused=0
    swap_start "$2"; shift 2
    end=$((SECONDS + RACE_S))
    while [ $SECONDS -lt $end ] || [ $((started + refused)) -lt 8 ]; do
        [ $started -gt 0 ] || [ $refused -lt 20 ] || break # there is nothing to race for
        out=$(in_host timeout -k 5 30 "$BERTH" run --rm --oom-score-adj 321 --sysctl net.ipv4.ip_default_ttl=77 "$@" sh -c "$look" 2>&1 8>&- </dev/null | tr -d '\r')
        case $out in
        *bad:* | *canary*) bad=$((bad + 1)) ;;
        *"adj=321 ttl=77 done"*) started=$((started + 1)); continue ;;
        *done*) bad=$((bad + 1)) ;;
        *berth:* | *Error*) refused=$((refused + 1)); LAST=$(printf '%s' "$out" | head -1); continue ;;
        *) bad=$((bad + 1)) ;;
        esac
        printf '%s\n' "$out" | head -4 | sed 's/^/# /'
    done
    echo "# $name: $started started, $refused refused: ${LAST:-}"
    LAST=
    same "$name: no start got out or was led astray" 0 "$bad"
    case ${!#} in
    hostile:probe) check "$name: some did start" test $started -gt 0 ;;
    *) same "$name: refused each time" 0 "$started" ;;
    esac
    swap_stop
    untouched "$name"
    same "$name: core_pattern and the host's sysctl are what they were" "$PATTERN $TTL" \
        "$(cat /proc/sys/kernel/core_pattern) $(in_host cat /proc/sys/net/ipv4/ip_default_ttl)"
}

race "the null device and console of a shared /dev" "" -t -v "$HOST/vol/dev:/dev" hostile:probe
mkdir "$HOST/own"
race "a mount at the /dev/pts of a shared /dev" "" -t -v "$HOST/vol/dev:/dev" -v "$HOST/own:/dev/pts" --tmpfs /dev/shm hostile:probe
race "an image whose /dev is in a shared volume" dev -t -v "$HOST/vol:/v" hostile:link-shared-dev
race "one whose /proc is" proc -t -v "$HOST/vol:/v" hostile:link-shared-proc
race "one whose /sys is" sys -v "$HOST/vol:/v" hostile:link-shared-sys

# ---- exec into a container that mounts over its own ----
id=$(in_host $D run -d --cpus 0.8 --cap-add SYS_ADMIN --security-opt systempaths=unconfined hostile:probe sh -c 'mkdir -p /m/self/attr /m/sys/net /m/self/fd /p
    echo canary >/m/self/oom_score_adj; ln -s /proc/sys/kernel/core_pattern /p/ptmx; ln -s /proc/sys/kernel/core_pattern /p/0
    while :; do mount --bind /m /proc; mount --bind /p /dev/pts; umount -l /proc; umount -l /dev/pts; mount --bind /p/ptmx /dev/null; umount -l /dev/null; done' 2>/dev/null 8>&-)
end=$((SECONDS + RACE_S)) n=0 bad=0 late=0
while [ $SECONDS -lt $end ] || [ $n -lt 8 ]; do
    for how in "" -t; do
        out=$(in_host timeout -k 5 20 "$BERTH" exec $how -u 1000 "$id" sh -c 'echo "uid=$(id -u) $(grep -E "CapEff|Seccomp:" /proc/self/status | cut -f2 | xargs)"' 2>&1 </dev/null)
        [ $? != 124 ] || late=$((late + 1))
        n=$((n + 1)) out=$(printf '%s\n' "$out" | tr -d '\r' | grep uid=)
        case $out in
        "uid=1000 0000000000000000 2" | "uid=1000 ") ;; # (its /proc was covered)
        uid=*) bad=$((bad + 1)); echo "# $out" ;;
        esac
    done
done
echo "# $n execs, the last: $out"
same "exec into a container that mounts over its /proc, /dev/pts and /dev/null: user, rights and filter hold" 0 "$bad"
same "and each is answered" 0 "$late"
in_host $D rm -f "$id" >/dev/null
same "core_pattern of the host is what it was" "$PATTERN" "$(cat /proc/sys/kernel/core_pattern)"
check "the engine answers" alive
finish
