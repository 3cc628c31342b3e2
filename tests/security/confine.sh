#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a container of the default configuration can see and do: system calls, devices, kernel
# files, descriptors, mounts, groups, capabilities; and what others on the host can see of it.
. "$(dirname "$0")/kit.sh"
security_up probe

# CVE-2022-0185, -2022-0492 and their kind; CVE-2022-24769, -27650, -29162
syscalls() {
    local id out how line
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    for how in run exec "exec -t" "run -t" "run --init" "run --security-opt no-new-privileges" "exec --privileged"; do
        case $how in
        "exec --privileged") continue ;;
        exec*) out=$(in_host timeout 30 $D $how "$id" /syscall_probe 2>&1 </dev/null) ;;
        *) out=$(in_host timeout 30 $D $how --rm hostile:probe /syscall_probe 2>&1 8>&-) ;;
        esac
        out=$(printf '%s' "$out" | tr -d '\r')
        same "$how: every attempt of syscall_probe fails as it should" "" "$(printf '%s\n' "$out" | grep -v '^ok ')"
        [ "$(printf '%s\n' "$out" | grep -c '^ok ')" -gt 70 ] || not_ok "$how: syscall_probe ran to its end" "$out"
    done
    same "no-new-privileges is set" "NoNewPrivs:	1" "$(run --security-opt no-new-privileges hostile:probe grep NoNewPrivs /proc/self/status)"
    out=$(in_host $D exec -u 1000 "$id" grep -E 'Cap(Eff|Prm|Inh|Amb)' /proc/self/status)
    same "exec -u 1000 has no capabilities" "0000000000000000" "$(printf '%s\n' "$out" | awk '{print $2}' | sort -u)"
    out=$(in_host $D exec --privileged -u 1000 "$id" grep CapInh /proc/self/status)
    like "exec --privileged has nothing inheritable" "0000000000000000" "$out"
    same "--cap-drop all leaves nothing" "CapBnd:	0000000000000000" "$(run --cap-drop all hostile:probe grep CapBnd /proc/self/status)"
    like "--privileged leaves nothing inheritable" "CapInh:	0000000000000000" "$(run --privileged hostile:probe grep CapInh /proc/self/status)"
    in_host $D rm -f "$id" >/dev/null
}

# CVE-2024-21626, -2016-9962: descriptors
descriptors() {
    local id out how list='for f in /proc/self/fd/*; do echo ${f##*/}=$(readlink $f); done'
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    # The shell's own glob opens nothing that stays, so what is listed is what was inherited.
    for how in "run --rm hostile:probe" "run --rm -t hostile:probe" "run --rm -i hostile:probe" "run --rm --init hostile:probe" \
        "run --rm --privileged hostile:probe" "run --rm -u 1000 hostile:probe" "run --rm --pid host hostile:probe" \
        "exec $id" "exec -t $id" "exec -i $id" "exec -u 1000 $id" "exec --privileged $id"; do
        out=$(in_host timeout 20 $D $how sh -c "$list" 2>&1 </dev/null 8>&- | tr -d '\r' | grep -v -e "=$" -e WARNING | sort)
        same "$(echo "$how" | sed "s/$id/ID/"): only 0, 1 and 2 are open" "0 1 2" "$(printf '%s\n' "$out" | cut -d= -f1 | xargs)"
        same "$(echo "$how" | sed "s/$id/ID/"): and they are pipes, terminals, /dev/null" "" \
            "$(printf '%s\n' "$out" | grep -vE '=(pipe:.*|/dev/null|/dev/pts/[0-9]+|/dev/console)$')"
    done
    for how in "run --rm --init hostile:probe"; do
        out=$(in_host timeout 20 $D $how sh -c 'for f in /proc/1/fd/*; do readlink $f; done; readlink /proc/1/cwd; readlink /proc/1/root; tr "\0" " " </proc/1/cmdline' 2>&1)
        like "the init of --init holds nothing" "^(/? ?)*berth-init" "$(echo $out)"
    done
    in_host $D rm -f "$id" >/dev/null
}

# The last instant before execve, from outside: not only what survives close-on-exec
last_instant() {
    local id out
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    "$BERTH_BIN/payload_fds" "$(keeper_pid)" 120 >"$HOST/fds" 8>&- &
    local tracer=$!
    for _ in $(seq 100); do grep -qs tracing "$HOST/fds" && break; sleep 0.02; done
    in_host timeout 30 $D exec -t "$id" true </dev/null
    in_host timeout 30 $D exec "$id" true
    in_host timeout 30 $D exec -t -u 1000 -w /tmp "$id" true </dev/null
    in_host timeout 30 $D run --rm hostile:probe true 8>&-
    in_host timeout 30 $D run --rm -t hostile:probe true 8>&-
    in_host timeout 30 $D run --rm --init -t hostile:probe true 8>&-
    kill -ALRM $tracer; wait $tracer
    out=$(grep ' fds ' "$HOST/fds")
    same "six processes were seen before execve" 6 "$(printf '%s\n' "$out" | grep -c fds)"
    same "all they had was 0, 1, 2 and the status pipe" "4" "$(printf '%s\n' "$out" | sed 's/cwd=.*//' | awk '{print NF-2}' | sort -u)"
    same "and nothing but pipes, terminals, /dev/null" "" \
        "$(printf '%s\n' "$out" | sed 's/cwd=.*//' | tr ' ' '\n' | grep = | grep -vE '=(pipe:.*|/dev/null|/dev/pts/[0-9]+|/[0-9]+)$')"
    same "all stood in the container" "" "$(printf '%s\n' "$out" | sed 's/.*cwd=//' | grep -vxE '/|/tmp')"
    in_host $D rm -f "$id" >/dev/null
}

mounts() {
    local out
    out=$(run hostile:probe cat /proc/self/mountinfo)
    same "the mount table shows no folder of the host but the container's three files" "" \
        "$(printf '%s\n' "$out" | awk '{print $4, $5}' | grep -vE '^/ |^/(null|bus|fs|irq|sys|asound|acpi|scsi|sysrq-trigger) /proc/|^/[^ ]* /sys/(fs/cgroup|firmware)|^/.*/containers/[0-9a-f]{64}/(hostname|hosts|resolv.conf) /etc/(hostname|hosts|resolv.conf)$')"
    same "every file system of ours is nosuid" "" "$(printf '%s\n' "$out" | awk '$5 ~ "^/(dev|proc|sys)" && $6 !~ /nosuid/')"
    same "propagation is private" "" "$(printf '%s\n' "$out" | grep -E 'shared:|master:')"
    same "a bind shows its own files and no more" "canary" "$(run -v "$CANARY:/x" hostile:probe cat /x/file)"
    like "ro is ro" "Read-only" "$(run -v "$CANARY:/x:ro" hostile:probe sh -c 'echo x >/x/file')"
    like "ro holds for what is mounted below (from API 1.44 on)" "Read-only" "$(mkdir -p "$HOST/up/sub" && mount -t tmpfs none "$HOST/up/sub" && in_host timeout 30 "$BERTH" run --rm -v "$HOST/up:/x:ro" hostile:probe sh -c 'echo x >/x/sub/f' 2>&1 8>&-; umount "$HOST/up/sub")"
    out=$(run --read-only hostile:probe sh -c 'echo x >/x; echo $?' 2>&1)
    like "--read-only" "Read-only" "$out"
    like "pids of the host are not seen" "^[0-9]$" "$(run hostile:probe sh -c 'ls -d /proc/[0-9]* | wc -l')"
    untouched "mounts"
}

# CVE-2020-15257, -2021-41091, -2024-25621
outside() {
    local id out p bad=
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    in_host $D exec "$id" sh -c 'cp /bin/busybox /bin/suid; chmod 4755 /bin/suid; mkdir -m 777 /open; echo secret >/open/f; chmod 666 /open/f'
    same "no abstract socket belongs to the engine" "" "$(in_host ss -xaH | awk '$5 ~ "^@" || $5 ~ "@"' | grep -i berth)"
    for p in "$ENGINE_PID" "$(keeper_pid)"; do
        same "no abstract socket of process $(cat /proc/$p/comm)" "" "$(for i in $(find /proc/$p/fd -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n'); do awk -v i="$i" '$7 == i && $8 ~ /^@/' /proc/$p/net/unix; done)"
    done
    same "the socket is 0660" "660 root" "$(stat -c '%a %U' "$SOCK")"
    for p in "$HOST/data" "$HOST/data/containers" "$HOST/data/layers" "$HOST/data/volumes"; do
        chmod 755 "$HOST" # as /var/lib is
        # shellcheck disable=SC2012
        out=$(setpriv --reuid 65534 --regid 65534 --clear-groups ls "$p" 2>&1 | grep -v 'Permission denied')
        same "$(basename "$p"): nobody cannot list it" "" "$out"
    done
    out=$(setpriv --reuid 65534 --regid 65534 --clear-groups find "$HOST/data" "$HOST/exec" -type f 2>/dev/null | head -3)
    same "nobody finds no file below the data root" "" "$out"
    p=$(find "$HOST/data" -name suid -perm -4000 | head -1)
    same "nobody cannot run a suid file of a layer" "1" "$(setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$p"; echo $?)"
    same "state, keeper's socket and logs are root's alone" "" \
        "$(find "$HOST/data" "$HOST/exec" \( -name '*.db*' -o -name '*.log' -o -name 'keeper*' \) -perm /007 ! -type l ! -name '*.pid' 2>/dev/null)"
    out=$(run --net host hostile:probe sh -c 'ls /run /var/run 2>/dev/null; cat /proc/net/unix')
    same "--net host shows no abstract socket of ours" "" "$(printf '%s\n' "$out" | grep -i '@.*\(berth\|keeper\)')"
    like "another pid namespace: pid 1 is the payload" "sleep" "$(in_host $D exec "$id" cat /proc/1/comm)"
    same "the host's mount table does not grow" "" "$(grep "$HOST" /proc/self/mountinfo)"
    in_host $D rm -f "$id" >/dev/null
}

devices() {
    local out
    like "--device gives it, and no other" "^1 " "$(run --device /dev/full hostile:probe sh -c 'echo x 2>/dev/null >/dev/full; echo $? $(ls /dev | tr "\n" " ")')"
    like "--device :r refuses writing" "not permitted|denied" "$(run --device /dev/kmsg:/dev/f:r hostile:probe sh -c 'dd if=/dev/f bs=1 count=0 2>&1; echo x >/dev/f')"
    like "--device of a folder's link" "Error|not a device|no such" "$(run --device /etc/passwd hostile:probe true)"
    same "the nodes of /dev" "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" \
        "$(run -t hostile:probe ls /dev | tr -s ' \r\n\t' '\n' | sed 's/\x1b\[[0-9;]*m//g' | grep . | sort | xargs)"
    like "/dev/core is a link to a masked file" "kcore" "$(run hostile:probe readlink /dev/core)"
}

case ${1:-all} in
all) syscalls; descriptors; last_instant; mounts; outside; devices ;;
*) "$@" ;;
esac
finish
