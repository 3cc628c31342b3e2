#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers that exchange folders for symlinks in a shared volume while others start there
# (CVE-2021-30465, -2024-45310, -2025-31133, -2025-52565, -2025-52881): whatever wins, nothing
# outside is touched, and what started is confined.    ROUNDS=25 races.sh
. "$(dirname "$0")/kit.sh"
ROUNDS=${ROUNDS:-12}
security_up probe
expect_500 'error mounting in the container /v/' 'a mount that is led elsewhere is refused'

# Four links and folders of the volume take each other's place as fast as two swappers can.
swap_start() {
    mkdir -p "$HOST/vol/a" "$HOST/vol/b/c" "$HOST/vol/n" && ln -sfn "$1" "$HOST/vol/link" && ln -sfn "$2" "$HOST/vol/b/link"
    echo x >"$HOST/vol/b/file"
    SWAPPER=$(in_host $D run -d --cpus 0.6 -v "$HOST/vol:/v" hostile:probe sh -c \
        '/swapper /v/a /v/link & cd /v/b; /swapper c link & /swapper file link & wait' 8>&-)
}
swap_stop() { in_host $D rm -f "$SWAPPER" >/dev/null; rm -rf "$HOST/vol"; }

# A start is right when it fails with a sentence or the new container sees a kernel of its own.
rounds() { # NAME LINK1 LINK2 RUN-ARGUMENTS…
    local name=$1 i out bad=0 started=0 failed=0
    swap_start "$2" "$3"; shift 3
    for i in $(seq "$ROUNDS"); do
        out=$(run "$@" hostile:probe sh -c 'grep -cE " - proc proc " /proc/self/mountinfo; cat /mnt/*/file /v/a/file /v/b/link/file 2>/dev/null | grep canary; echo x >/proc/sys/kernel/core_pattern; echo x >/proc/sysrq-trigger; echo done' 2>&1)
        case $out in
        *canary*) bad=$((bad + 1)); echo "# $out" | head -3 ;;
        *done*) started=$((started + 1))
            case $out in *Read-only*) ;; *) bad=$((bad + 1)); echo "# $out" | head -3 ;; esac ;;
        *) failed=$((failed + 1)) ;;
        esac
    done
    echo "# $name: $started started, $failed refused"
    same "$name: $ROUNDS starts, none got out" 0 "$bad"
    swap_stop
    untouched "$name"
    same "core_pattern of the host is what it was" "$PATTERN" "$(cat /proc/sys/kernel/core_pattern)"
}

PATTERN=$(cat /proc/sys/kernel/core_pattern)
up=$(printf '../%.0s' $(seq 12))
rounds "a mount below a swapped folder" /tmp/berth-outside "$up/tmp/berth-outside" \
    -v "$HOST/vol:/v" --mount type=volume,source=v1,target=/v/a/deep/er -w /v/a
rounds "a file's mount at a swapped name" "$up/tmp/berth-outside/file" /proc/self/attr/exec \
    -v "$HOST/vol:/v" -v "$HOST/engine.log:/v/b/file:ro" --tmpfs /v/b/c/x
rounds "the volume over /dev's neighbours, into /proc" /proc /proc/sys \
    -v "$HOST/vol:/v" --tmpfs /v/a/sys --mount type=volume,source=v2,target=/v/b/c -w /v/b/c

# A volume with a subpath is resolved by the engine itself, on the host, as root.
bad=0
in_host $D volume create subs >/dev/null
SUBS=$(in_host $D run -d --cpus 0.6 -v subs:/v hostile:probe sh -c 'mkdir -p /v/a /v/d/e; ln -s /tmp/berth-outside /v/link; cd /v; /swapper a link & /swapper d link & wait' 8>&-)
for i in $(seq "$ROUNDS"); do
    for sub in a d d/e link ../../../../../tmp/berth-outside /tmp/berth-outside a/../../..; do
        out=$(api POST /containers/create "{\"Image\":\"hostile:probe\",\"Cmd\":[\"cat\",\"/x/file\"],\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"subs\",\"Target\":\"/x\",\"VolumeOptions\":{\"Subpath\":\"$sub\"}}]}}")
        id=$(printf '%s' "$out" | sed -n 's/.*"Id":"\([0-9a-f]*\)".*/\1/p')
        [ -n "$id" ] || continue
        api POST "/containers/$id/start" >/dev/null
        api POST "/containers/$id/wait" >/dev/null
        [ -z "$(api GET "/containers/$id/logs?stdout=1" | tr -d '\000-\010' | grep -a canary)" ] || bad=$((bad + 1))
        api DELETE "/containers/$id?force=1" >/dev/null
    done
    [ "$i" -lt 8 ] || break
done
in_host $D rm -f "$SUBS" >/dev/null
same "a volume's subpath never leaves the volume" 0 "$bad"
untouched "subpaths"

# /dev/null, /dev/pts and /proc's files seen by an exec while the container swaps them
id=$(in_host $D run -d --cpus 0.6 --tmpfs /t --cap-add SYS_ADMIN --security-opt seccomp=unconfined hostile:probe sh -c \
    'mkdir /p; cd /dev; ln -s /proc/sysrq-trigger n2; /swapper null n2 & mkdir /dev/pts2; /swapper /dev/pts2 /dev/n3 & sleep 100' 2>/dev/null 8>&-)
bad=0
for i in $(seq "$ROUNDS"); do
    out=$(in_host timeout 10 $D exec "$id" sh -c 'readlink /proc/self/fd/0' 2>&1)
    case $out in */null | */n2 | *null* | "") ;; *) bad=$((bad + 1)); echo "# $out" ;; esac
done
same "exec's stdin is the engine's /dev/null whatever the container's is" 0 "$bad"
in_host $D exec "$id" sh -c 'umount -l /dev/pts; rm -rf /dev/pts; ln -s /tmp /dev/pts; ln -s /proc/sysrq-trigger /tmp/ptmx' >/dev/null 2>&1
like "exec -t in a container without its devpts says so" "no usable /dev/pts|terminal" "$(in_host timeout 10 $D exec -t "$id" true 2>&1 </dev/null)"
in_host $D exec "$id" sh -c 'mount -t tmpfs none /proc; mkdir -p /proc/self/attr /proc/sys/net; echo 0 >/proc/self/oom_score_adj' >/dev/null 2>&1
in_host timeout 10 $D exec "$id" echo ok >/dev/null 2>&1
check "exec in a container that covered its /proc is answered" test $? != 124
in_host $D rm -f "$id" >/dev/null
check "the engine answers" alive
finish
