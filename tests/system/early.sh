#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What can only fail at the start on this host is refused at create: the sentence names the limit and
# the remedy, the CLI ends with 125, nothing is left.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
ulimit -Hn 20000; ulimit -Hc 1000
engine_start || { not_ok "engine starts"; finish; exit 1; }
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox
has_right=$(($(printf '%d' "0x$(awk '/^CapPrm/ { print $2 }' "/proc/$ENGINE_PID/status")") >> 24 & 1))

early() { # NAME REGEX ARGS…
    local name=$1 regex=$2 out code
    shift 2
    out=$(d run --rm "$@" busybox true 2>&1)
    code=$?
    if [ $code = 125 ] && printf '%s\n' "$out" | grep -Eq -- "$regex"; then ok "$name"; else
        not_ok "$name" "expected 125 and: $regex
got code $code: $out"
    fi
}
works() { # NAME EXPECTED ARGS…: of the container's own words
    local name=$1 expected=$2
    shift 2
    same "$name" "$expected" "$(d run --rm "$@" 2>&1)"
}

early "a uid that is none" 'invalid user or group 2147483648: uids and gids must be in range 0-2147483647' --user 2147483648
early "a gid that is none" 'uids and gids must be in range' --user 0:4294967295
early "a supplementary group that is none" 'uids and gids must be in range' --group-add 2147483648
works "the largest uid" 2147483647 --user 2147483647 busybox id -u
before=$(cat /proc/sys/kernel/shmmni)
early "--cpus below a hundredth" 'range of CPUs is from 0.01 to' --cpus 0.001
works "--cpus of a hundredth" fine --cpus 0.01 busybox echo fine
early "nofile above fs.nr_open" 'ulimit nofile=.*(above fs.nr_open|above the hard limit)' --ulimit nofile=1000000000
if [ $has_right = 0 ]; then
    early "a ulimit above the engine's" 'nofile=30000:30000 is above the hard limit of the engine \(20000\).*ask for less' --ulimit nofile=30000
    early "an unlimited one" 'core=-1:-1 is above the hard limit' --ulimit core=-1
    early "an oom score below the engine's" 'oom score adj -999 is below that of the engine.*ask for more' --oom-score-adj -999
fi
works "a ulimit within" 20000 --ulimit nofile=20000:20000 busybox sh -c 'ulimit -n'
works "an oom score within" 100 --oom-score-adj 100 busybox cat /proc/self/oom_score_adj
early "a sysctl of the whole host" 'net.core.netdev_max_backlog.* is not in a separate kernel namespace' --sysctl net.core.netdev_max_backlog=100
early "a sysctl that is not" 'net.ipv4.nosuch.* is not in a separate kernel namespace' --sysctl net.ipv4.nosuch=1
early "a sysctl's value" 'net.ipv4.ip_forward.* cannot be "abc": Invalid argument' --sysctl net.ipv4.ip_forward=abc
early "an ipc sysctl's value" 'kernel.shmmni.* cannot be' --sysctl kernel.shmmni=-1
early "a sysctl of the host's network" 'not allowed in host network namespace' --net host --sysctl net.ipv4.ip_forward=1
early "a sysctl of the host's ipc" 'not allowed in host ipc namespace' --ipc host --sysctl kernel.shmmax=100000
works "sysctls of the container" "1 4097" --sysctl net.ipv4.conf.all.forwarding=1 --sysctl kernel.shmmni=4097 busybox \
    sh -c 'echo $(cat /proc/sys/net/ipv4/conf/all/forwarding /proc/sys/kernel/shmmni)'
works "one of its interface, which is not there yet" 1 --sysctl net.ipv4.conf.eth0.rp_filter=1 --sysctl net.ipv4.conf.lo.rp_filter=1 busybox \
    cat /proc/sys/net/ipv4/conf/lo/rp_filter
same "the host's own are as they were" "$before" "$(cat /proc/sys/kernel/shmmni)"
same "nothing is left of what was refused" "" "$(d ps -aq)$(ls "$HOST/data/containers")"
engine_sound
finish
