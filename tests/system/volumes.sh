#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Volumes: a place in one (subpath), what fills an empty one, and those that have a file system of
# their own, which is mounted once, whoever uses it, and outlives an engine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'failed to mount local volume vn: .*/dev/nosuch' 'a volume of a device that is not there'
qa_up
b() { in_host "$BERTH" "$@"; } # the CLI of Debian knows no subpath
box() { d run --rm "$@" 2>&1 | grep -v ^WARNING; }
at() { local place=$1; shift; b run --rm --mount "type=volume,source=vs,target=/m,volume-subpath=$place" "$@" 2>&1 | grep -v ^WARNING; }
create() { api POST /containers/create "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"vs\",\"Target\":\"/m\",\"VolumeOptions\":{\"Subpath\":\"$1\"}}]}}"; }

# ---- subpath ----
box -v vs:/v busybox sh -c 'mkdir -p /v/pub /v/empty; echo s >/v/secret; echo p >/v/pub/p; ln -s pub /v/in; ln -s /etc /v/abs; ln -s ../.. /v/up; ln -s pub/../../../etc /v/far; ln -s loop /v/loop'
same "a folder" p "$(at pub busybox ls /m)"
same "a file" s "$(at secret busybox cat /m)"
same "a file is written to" n "$(at pub/p busybox sh -c 'echo n >/m'; cat "$HOST/data/volumes/vs/_data/pub/p")"
same "by a link inside" p "$(at in busybox ls /m)"
same "." "$(box -v vs:/m busybox ls /m | xargs)" "$(at . busybox ls /m | xargs)"
for place in abs up far abs/passwd; do like "a link that leads out: $place" 'it leads out of the volume' "$(at $place busybox true)"; done
like "a link to itself" 'cannot access path loop' "$(at loop busybox true)"
like "one that is missing" 'cannot access path nosuch of the volume: No such file' "$(at nosuch busybox true)"
for place in /etc .. ../x a/../.. pub/../../x; do
    create "$place"
    if [ "$STATUS" = 400 ] && [[ $BODY = *"must be a relative path within the volume"* ]]; then ok "refused at create: $place"; else not_ok "refused at create: $place" "$STATUS $BODY"; fi
done
same "an empty one is filled from the image" yes "$(b run --rm --mount type=volume,source=vs,target=/etc,volume-subpath=empty busybox sh -c '[ -s /etc/passwd ] && echo yes')"
same "and nothing beside it" "abs empty far in loop pub secret up" "$(ls "$HOST/data/volumes/vs/_data" | xargs)"
same "one with something in it is not" "p" "$(b run --rm --mount type=volume,source=vs,target=/etc,volume-subpath=pub busybox sh -c 'ls /etc | grep -vE "^(hosts|hostname|resolv.conf)$"')"
same "nor is a file" s "$(b run --rm --mount type=volume,source=vs,target=/etc/group,volume-subpath=secret busybox cat /etc/group)"
same "with nocopy neither" 0 "$(at empty busybox rm -rf /m/passwd; d run --rm -v vs:/v busybox sh -c 'rm -rf /v/empty/*' ; b run --rm --mount type=volume,source=vs,target=/etc,volume-subpath=empty,volume-nocopy busybox sh -c 'ls /etc | grep -c passwd')"
d volume rm vs >/dev/null

# ---- what fills a volume ----
same "an empty volume is filled" yes "$(box -v vs:/etc busybox sh -c '[ -s /etc/passwd ] && echo yes')"
box -v vs:/v busybox sh -c 'rm -rf /v/*'
same "and again when it is empty again" yes "$(box -v vs:/etc busybox sh -c '[ -s /etc/passwd ] && echo yes')"
box -v vs:/v busybox sh -c 'rm -rf /v/*; echo x >/v/x'
same "not while it has anything" no "$(box -v vs:/etc busybox sh -c '[ -e /etc/passwd ] || echo no')"
rm -rf "$HOST"/data/volumes/vs/_data/*; mkdir -p "$HOST/data/volumes/vs/_data/half"; printf half >"$HOST/data/volumes/vs/.copying"; echo part >"$HOST/data/volumes/vs/_data/half/passwd"; echo kept >"$HOST/data/volumes/vs/_data/kept"
box -v vs:/etc busybox true
same "a copy that was cut off: its place is emptied, and no other" "half kept" "$(cd "$HOST/data/volumes/vs/_data"; echo $(ls -d kept half half/passwd 2>/dev/null))"
d volume rm vs >/dev/null
mkdir "$HOST/device"
d volume create -o type=none -o o=bind -o device="$HOST/device" vb >/dev/null
same "a volume that is a bind is filled where it is" yes "$(box -v vb:/etc busybox true; [ -s "$HOST/device/passwd" ] && echo yes)"
d volume rm vb >/dev/null
same "and its folder stays" yes "$([ -s "$HOST/device/passwd" ] && echo yes)"

# ---- a file system of its own ----
own_mounts() { grep -c " $HOST/data/volumes/" /proc/self/mountinfo; }
d volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=7 vt >/dev/null
one=$(d run -d -v vt:/x busybox sh -c 'echo shared >/x/f; sleep 1000')
poll 5 d exec "$one" test -s /x/f
same "one mount for two containers" shared "$(box -v vt:/y busybox cat /y/f)"
same "its options" "7 1024" "$(box -v vt:/y busybox sh -c 'echo $(stat -c %u /y) $(df -k /y | tail -1 | tr -s " " | cut -d" " -f2)')"
same "read-only for one of them" Read-only "$(box -v vt:/y:ro busybox sh -c 'echo >/y/g; :' | grep -o Read-only)"
same "and by subpath" shared "$(b run --rm --mount type=volume,source=vt,target=/y,volume-subpath=f busybox cat /y)"
same "the host sees it at its place" shared "$(cat "$HOST/data/volumes/vt/_data/f")"
same "twice in one container" "shared shared" "$(box -v vt:/x -v vt:/y busybox sh -c 'echo $(cat /x/f /y/f)')"
same "it is still there" shared "$(d exec "$one" cat /x/f)"
engine_kill; engine_start
same "after the death of an engine" shared "$(box -v vt:/y busybox cat /y/f)"
engine_stop; engine_start
same "and after its end" shared "$(box -v vt:/y busybox cat /y/f)"
same "one mount" 1 "$(own_mounts)"
d kill "$one" >/dev/null
check "unmounted with the last" poll 5 eval '[ "$(own_mounts)" = 0 ]'
d start "$one" >/dev/null; poll 5 d exec "$one" test -s /x/f
engine_kill; kill -KILL $(in_host cat "$HOST/exec/keeper.pid"); engine_start
check "unmounted when nobody is left after a restart" poll 5 eval '[ "$(own_mounts)" = 0 ]'
d rm -f "$one" >/dev/null; d volume rm vt >/dev/null
truncate -s 4M "$HOST/disk"; mkfs.ext4 -qFO ^has_journal "$HOST/disk"
loop=$(losetup -f --show "$HOST/disk" 2>/dev/null)
if [ -n "$loop" ]; then
    mkdir "$HOST/mnt"; mount "$loop" "$HOST/mnt" && rmdir "$HOST/mnt/lost+found"; umount "$HOST/mnt"
    d volume create -o type=ext4 -o device="$loop" ve >/dev/null
    same "ext4: filled from the image" yes "$(box -v ve:/etc busybox sh -c '[ -s /etc/passwd ] && echo yes')"
    same "and kept" yes "$(box -v ve:/etc busybox sh -c '[ -s /etc/passwd ] && echo yes')"
    check "nothing stays mounted" poll 5 eval '[ "$(own_mounts)" = 0 ]'
    d volume rm ve >/dev/null
    check "and not removed with the volume" eval 'mount "$loop" "$HOST/mnt" && [ -s "$HOST/mnt/passwd" ]; umount "$HOST/mnt"'
    losetup -d "$loop"
else
    ok "ext4: skipped, there is no loop device"
fi
d volume create -o type=ext4 -o device=/dev/nosuch vn >/dev/null
like "a device that is not there" 'failed to mount local volume vn' "$(box -v vn:/x busybox true)"
d volume create -o type=nosuchfs -o device=x vm >/dev/null
like "of two volumes the second cannot be made: the first is not left" 'plugin' "$(d create --mount type=volume,source=one,target=/1 --mount type=volume,source=two,target=/2,volume-driver=nosuch busybox 2>&1)"
like "a file system that is none" 'no file system "nosuchfs"' "$(box -v vm:/x busybox true)"
same "no container is left of those" "" "$(d ps -aq)"
d volume rm vn vm >/dev/null
same "no volume is left" "" "$(d volume ls -q)"
engine_sound
finish
