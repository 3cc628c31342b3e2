#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a default container may do, item by item, as a real dockerd has it: every number of a system
# call in three ABIs, every path below /proc and /sys, every device. matrix.txt is dockerd's record,
# matrix_permitted.txt what differs on purpose, with the reason; anything else is a failure.
#
#   matrix.sh            compares berth with the record
#   matrix.sh record     makes the record anew, of the dockerd on this machine
. "$(dirname "$0")/kit.sh"
probe() { # CLIENT ARGS…: runs it for each kind, into $HOST/raw
    local kind
    mkdir -p "$HOST/raw"
    for kind in calls paths devices; do
        "$@" hostile:probe /matrix_probe $kind >"$HOST/raw/$kind" 2>"$HOST/raw/why" || { not_ok "the probe of $kind" "$(cat "$HOST/raw/why")"; return 1; }
    done
}

record() {
    trap 'kill $DOCKERD; poll 4 eval "! is_alive $DOCKERD" || kill -KILL $DOCKERD; umount -l "$HOST/docker/data"; security_down' EXIT
    mkdir "$HOST/docker"
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- dockerd --data-root "$HOST/docker/data" --exec-root "$HOST/docker/exec" --bridge none \
        --iptables=false --pidfile "$HOST/docker/pid" -H "unix://$HOST/docker/sock" >"$HOST/docker/log" 2>&1 8>&- &
    DOCKERD=$!
    poll 60 curl -fs -o /dev/null --unix-socket "$HOST/docker/sock" http://x/_ping || { tail -5 "$HOST/docker/log"; exit 1; }
    curl -fs --unix-socket "$HOST/docker/sock" -X POST -T "$HOST/hostile/probe.tar" 'http://x/images/load?quiet=1' >/dev/null
    DOCKER_HOST=unix://$HOST/docker/sock probe in_host $D run --rm --network none || exit 1
    python3 matrix.py record "$HOST/raw" "What dockerd lets a default container do; made by matrix.sh record, compared by matrix.sh." \
        "dockerd $(dockerd --version | sed 's/.*version \([^,]*\).*/\1/'), runc $(runc --version | sed -n 's/^runc version //p'), Linux $(uname -r | cut -d- -f1), cgroup v$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo 2 || echo 1)" \
        >matrix.txt
}

[ "$(uname -m)" = x86_64 ] || { echo "1..0 # SKIP the record is of x86-64"; exit 0; }
case ${1:-} in
record) security_up && record ;;
*)
    security_up probe
    probe in_host timeout 100 $D run --rm 8>&- || { finish; exit 1; }
    python3 matrix.py compare matrix.txt matrix_permitted.txt "$HOST/raw"
    ;;
esac
