#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's section 6, "Precautions": what it warns of does not happen, or is said.
. "$(dirname "$0")/kit.sh"
guide_up
guide_image busybox
mkdir "$HOST/dir"

streams() { # -a stdin
    same "6.1 $N: -a stdin alone ends with the container" 0 "$(c run --rm -i -a stdin busybox sh -c 'exit 0' </dev/null >/dev/null; echo $?)"
    # (Docker 20's client goes on waiting for a key, whatever the engine does)
    [ "$N" = docker-20 ] || like "6.1 $N: also at a terminal" "^code 0$" "$(typed -- run --rm -it -a stdin busybox true)"
    same "6.1 $N: with -a stdout" out "$(echo out | c run --rm -i -a stdin -a stdout busybox cat)"
    same "6.1 $N: with -a stderr" err "$(echo err | c run --rm -i -a stdin -a stderr busybox sh -c 'cat >&2')"
}
attached() { # a client that asked for stdin alone: the engine ends the connection
    c create -i --name in busybox true >/dev/null
    python3 - "$SOCK" <<'PY'
import socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(b"POST /containers/in/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
s.recv(4096)
subprocess.run(["curl", "-s", "--unix-socket", sys.argv[1], "-X", "POST", "http://x/containers/in/start"])
print("ended" if s.recv(4096) == b"" else "more")
PY
    c rm -f in >/dev/null
}
names() {
    local id other name
    id=$(c create --name first busybox true)
    for name in "$id" "${id:0:12}" "${id:0:20}"; do
        like "6.2 $N: an id of ${#name} digits is no name" "is the ID of container" "$(c create --name "$name" busybox true)"
    done
    c create --name second busybox true >/dev/null
    like "6.2 $N: nor a new one" "is the ID of container" "$(c rename second "${id:0:12}")"
    other=$(c create --name "${id:0:5}" busybox true)
    same "6.3 $N: a whole id is looked up first" "$id" "$(c inspect -f '{{.Id}}' "$id")"
    same "6.3 $N: then a whole name" "$other" "$(c inspect -f '{{.Id}}' "${id:0:5}")"
    same "6.3 $N: then the beginning of an id" "$id" "$(c inspect -f '{{.Id}}' "${id:0:8}")"
    c rm first second "${id:0:5}" >/dev/null
}
shells() {
    same "6.4 $N: sh without -i exits at once" 0 "$(c run --rm busybox sh >/dev/null; echo $?)"
    same "6.4 $N: bash without -i, too" 0 "$(c run --rm busybox bash >/dev/null; echo $?)"
    same "6.5 $N: its stdin is no pipe that someone must close" /dev/null "$(c run --rm busybox readlink /proc/self/fd/0)"
}

ended() { [ -z "$(c ps -q --filter name=sh-)" ] && [ "$(c ps -aq --filter name=sh- --filter status=exited | wc -l)" = "$(c ps -aq --filter name=sh- | wc -l)" ]; }
killed() { # the engine, while shells are started
    local i k starts
    for k in 0 0.005 0.01 0.02 0.04 0.5; do
        for i in 1 2 3; do c create --name "sh-$k-$i" busybox sh >/dev/null; done
        starts=
        for i in 1 2 3; do
            curl -s --unix-socket "$SOCK" -X POST "http://x/containers/sh-$k-$i/start" >/dev/null &
            starts="$starts $!"
        done
        sleep "$k"
        engine_kill
        wait $starts
        engine_start
        c rm $(c ps -aq --filter name=sh- --filter status=created) >/dev/null # these were not started yet
    done
    check "6.6 engine killed while sh is started: each has ended" poll 5 ended
    check "6.6 some were started" test "$(c ps -aq --filter name=sh- | wc -l)" -ge 3; echo "# $(c ps -aq --filter name=sh- | wc -l) of 18"
    c rm -f $(c ps -aq) >/dev/null

    c run -di --name with busybox sh -c 'while read x; do echo "got $x"; done' >/dev/null
    c run -d --name without busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done' >/dev/null
    engine_kill
    sleep 0.3
    engine_start
    { echo hello; sleep 1; } | in_host timeout -s KILL 2 "$CLIENT" attach with >"$HOST/attached" 2>/dev/null
    same "6.7 the next engine has the stdin of what was there" "got hello" "$(cat "$HOST/attached")"
    sleep 0.3
    c stop -t 0 without >/dev/null
    same "6.8 without -i: no line of the output is lost" "" "$(c logs without | awk '$1 != NR' | head -3)"
    c rm -f with without >/dev/null
}

volumes() {
    local f=$HOST/dir/f
    echo old >"$f"
    c run -d --name dir -v "$HOST/dir:/d" busybox sleep 1000 >/dev/null
    c run -d --name file -v "$f:/f" busybox sleep 1000 >/dev/null
    echo written >"$f"
    same "6.9 $N: a file that is written in place is one on both sides" "written" "$(c exec file cat /f)"
    like "6.9 $N: sed -i inside cannot replace it" "busy|[Rr]esource" "$(c exec file sed -i s/written/inside/ /f)"
    same "6.9 $N: and leaves it" "written written" "$(c exec file cat /f) $(cat "$f")"
    sed -i s/written/host/ "$f"
    same "6.10 $N: mounted by its folder: sed on the host is seen inside" host "$(c exec dir cat /d/f)"
    c exec dir sed -i s/host/inside/ /d/f
    same "6.10 $N: and sed inside on the host" inside "$(cat "$f")"
    c rm -f dir file >/dev/null

    same "6.11 $N: an anonymous volume has the image's files" yes "$(c run --rm -v /etc busybox sh -c 'grep -q root /etc/passwd && echo yes')"
    same "6.11 $N: not with nocopy" "" "$(c run --rm --mount type=volume,destination=/etc,volume-nocopy busybox sh -c 'ls /etc | grep passwd')"
    same "6.11 $N: nor a new volume of a name" "" "$(c run --rm -v "n-$N:/etc:nocopy" busybox sh -c 'ls /etc | grep passwd')"
    like "6.12 $N: nocopy on a bind is refused" "nocopy|invalid mode" "$(c run --rm -v "$HOST/dir:/x:nocopy" busybox true)"
}

host_options() {
    local out what
    out=$(c run --rm --privileged busybox sh -c 'mkdir /m; mount -t tmpfs x /m && echo mounts; [ -w /proc/sys/kernel ] && echo writes; ls /dev | wc -l')
    like "6.13 $N: --privileged mounts" "^mounts$" "$out"
    like "6.13 $N: and is warned of" "WARNING: --privileged: .*take over the host" "$out"
    out=$(c run --rm busybox sh -c 'mount -t tmpfs x /tmp; echo x >/proc/sys/kernel/core_pattern; echo x >/sys/kernel/mm/ksm/run')
    like "6.13 $N: without it nobody mounts" "mount: permission denied" "$out"
    like "6.13 $N: nor changes /proc" "/proc/sys/kernel/core_pattern: Read-only" "$out"
    like "6.13 $N: nor /sys" "/sys/kernel/mm/ksm/run: Read-only|nonexistent" "$out"
    for what in pid ipc net; do
        out=$(c run --rm --$what host busybox readlink /proc/self/ns/$what)
        like "6.14 $N: --$what host is the host's" "^$(in_host readlink /proc/self/ns/$what | sed 's/[][]/./g')$" "$out"
        like "6.14 $N: and is warned of" "WARNING: --$what host: " "$out"
        out=$(c run --rm busybox readlink /proc/self/ns/$what)
        check "6.14 $N: without it its own" test "$out" != "$(in_host readlink /proc/self/ns/$what)"
    done
}

limits() {
    local out g disk
    "$CLIENT" run --help | grep -q -e --kernel-memory || set -- none
    if [ "${1:-}" != none ]; then
        out=$(c run -d --name kmem --kernel-memory 50m busybox sleep 1000)
        like "6.15 $N: --kernel-memory is warned of, whatever the kernel" "WARNING: .*[Kk]ernel memory limit.*(unstable|deprecated)" "$out"
        out=$(cat $(own_cgroup_trees | sed 's,$,/*/memory.kmem.limit_in_bytes,') 2>/dev/null | sort -u)
        check "6.15 $N: and never applied" test "$out" != 52428800
        c rm -f kmem >/dev/null
    fi
    out=$(c run -d --name weight --blkio-weight 300 busybox sleep 1000)
    g=$(cat $(find $(own_cgroup_trees) -name blkio.weight -o -name blkio.bfq.weight -o -name io.weight -o -name io.bfq.weight) 2>/dev/null)
    if grep -qsE '\[(bfq|cfq)\]' /sys/block/*/queue/scheduler; then
        like "6.16 $N: --blkio-weight is applied" "300" "$g"
    else
        like "6.16 $N: --blkio-weight where no scheduler has weights: it is said, and what to do" \
            "no effect.*scheduler|use weight_device|not supported" "$out"
    fi
    c rm -f weight >/dev/null
    for disk in /sys/block/vd? /sys/block/sd? /sys/block/nvme?n?; do
        [ -e "$disk/queue/scheduler" ] || continue
        out=$(c run --rm --blkio-weight-device "/dev/${disk##*/}:300" busybox true)
        case $(cat "$disk/queue/scheduler") in
        *'[bfq]'* | *'[cfq]'*) same "6.17 $N: --blkio-weight-device on ${disk##*/}" "" "$out" ;;
        *) like "6.17 $N: --blkio-weight-device where the scheduler has none is refused, and it is said why" "weight.*scheduler|not supported" "$out" ;;
        esac
        break
    done
    like "6.17 $N: of no disk it is refused" "/etc/passwd" "$(c run --rm --blkio-weight-device /etc/passwd:300 busybox true)"
}

systemd() { # the host's own, in an ordinary container
    local out
    [ -x /lib/systemd/systemd ] || return 0
    out=$(c run --name sd -v /lib:/lib:ro -v /lib64:/lib64:ro -v /usr:/usr:ro busybox timeout -s KILL 15 /usr/bin/env /lib/systemd/systemd)
    check "6.18 $N: systemd does not come up in an ordinary container, and does not hang" test "$(c inspect -f '{{.State.ExitCode}}' sd)" != 0
    c rm -f sd >/dev/null
}

each streams
each names
each shells
with /usr/bin/docker
same "6.1 the engine ends a connection of stdin alone" ended "$(attached 2>&1)"
killed; volumes; host_options; limits; systemd
with "$BERTH"
volumes; host_options; limits
finish
