#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A data root without a byte left, then without an inode: everything that frees space works, also in
# an engine that starts on it; what needs space is refused with a sentence and leaves nothing; an
# exit is written down. A container fills the disk all the while, so nothing that is freed lasts.
# An image whose volume is large, sparse or not, does not fill the disk when a container is made.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'free some space|no space left on device' 'a full disk'
QA_CLIENT=$BERTH_BIN/berth
trap 'dir=$HOST; host_down 2>/dev/null; umount -l "$dir/data" 2>/dev/null; rm -rf "$dir"' EXIT
host_up
mkdir "$HOST/data"
truncate -s 96M "$HOST/disk.img"
mkfs.ext4 -q -b 4096 -m 0 -N 4000 "$HOST/disk.img" && mount -o loop "$HOST/disk.img" "$HOST/data" ||
    { not_ok "a small disk"; finish; exit 1; }
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
load() { curl -s --max-time 60 --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary "@$1" http://x/images/load; }
load "$IMAGES/busybox.tar" >/dev/null
d tag "$(d images -q | head -1)" busybox

bytes_free() { stat -f -c %a "$HOST/data"; }
inodes_free() { stat -f -c %d "$HOST/data"; }
exit_code() { field "$1" .State.ExitCode; }
say() { [[ $STATUS = 5* ]] && grep -Eiq "$1" <<<"$BODY"; }

# NAME: what there is to remove
things() {
    d run -d --name "$1-up" --net none busybox sleep 1000
    d run -d --name "$1-exits" --net none busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
    d run -d --name "$1-anon" --net none -v /anon busybox sleep 1000
    d create --name "$1-made" busybox true
    d create --name "$1-pruned" --label "of=$1" busybox true
    d volume create "$1-volume"
    d volume create --label "of=$1" "$1-pruned"
    d network create "$1-net"
    d network create --label "of=$1" "$1-pruned"
    d tag busybox "$1:latest"
} >/dev/null
left() {
    d ps -a --format '{{.Names}}' | grep "^$1-"
    d volume ls -q | grep "^$1-"
    d network ls --format '{{.Name}}' | grep "^$1-"
    d images -q "$1"
}

# NAME: all of it goes
frees() {
    local anon
    anon=$(field "$1-anon" '.Mounts[0].Name')
    rc "$1: stop" 0 d stop -t 5 "$1-exits"
    same "$1: its exit code" 7 "$(exit_code "$1-exits")"
    rc "$1: kill" 0 d kill "$1-anon"
    poll 5 state_is "$1-anon" exited
    rc "$1: rm -f of what runs" 0 d rm -f "$1-up"
    rc "$1: rm -v" 0 d rm -v "$1-anon"
    check "$1: takes its volume with it" eval "! d volume ls -q | grep -q '$anon'"
    rc "$1: rm" 0 d rm "$1-made" "$1-exits"
    rc "$1: volume rm" 0 d volume rm "$1-volume"
    rc "$1: network rm" 0 d network rm "$1-net"
    rc "$1: rmi" 0 d rmi "$1:latest"
    prune "$1" containers
    prune "$1" volumes
    prune "$1" networks
    same "$1: nothing is left of it" "" "$(left "$1")"
}
prune() { # NAME KIND
    local all=
    [ "$2" != volumes ] || all=%2C%22all%22%3A%5B%22true%22%5D
    api POST "/$2/prune?filters=%7B%22label%22%3A%5B%22of%3D$1%22%5D$all%7D"
    same "$1: prune of $2" 200 "$STATUS"
}
refuses() { # NAME: what takes space says why, and leaves nothing
    api POST "/containers/create?name=$1-new" '{"Image":"busybox","Cmd":["true"]}'
    check "$1: create says that the disk is full ($STATUS $BODY)" say 'full|no space'
    api GET "/containers/$1-new/json"
    same "$1: and nothing was made" 404 "$STATUS"
    api POST /volumes/create "{\"Name\":\"$1-new\"}"
    check "$1: volume create says so ($STATUS $BODY)" say 'full|no space'
}

# ---- bytes ----

things a; things b; things c; things e
d run -d --name talks --net none busybox sh -c 'while :; do echo a line of it; done' >/dev/null
d run -d --name hog --net none busybox sh -c 'while :; do cat /dev/zero >>/fill; usleep 1000; done 2>/dev/null' >/dev/null
full() { [ "$(bytes_free)" -lt 16 ]; }
check "the disk is full" poll 20 full
refuses full
api POST /networks/create '{"Name":"new"}'
check "full: network create says so ($STATUS $BODY)" say 'full'
frees a
check "the disk is full again" poll 5 full
engine_stop
engine_start; check "an engine starts on a full disk" d ps -q
frees b
check "the disk is still full" poll 5 full
engine_kill
engine_start; check "an engine starts after a kill" d ps -q
frees c
d kill hog talks >/dev/null
check "both exits are known" poll 10 eval 'state_is hog exited && state_is talks exited'
engine_kill
engine_start
same "and kept: hog" 137 "$(exit_code hog)"
same "and kept: talks" 137 "$(exit_code talks)"
rc "rm of what has filled it" 0 d rm -f hog talks
room() { [ "$(bytes_free)" -gt 5000 ]; }
check "there is room" poll 10 room
rc "and all works again" 0 d run --rm --net none busybox true
check "the ballast is back" poll 15 eval '[ "$(stat -c %b "$HOST/data/ballast")" -gt 0 ]'
frees e

# ---- inodes ----

things g; things h
inodes_gone() { [ "$(inodes_free)" -lt 2 ]; }
mkdir "$HOST/data/many"
(cd "$HOST/data/many" && seq 5000 | xargs touch 2>/dev/null)
check "no inode is left" inodes_gone
refuses inodes
frees g
engine_stop
(cd "$HOST/data/many" && seq 5001 6000 | xargs touch 2>/dev/null)
engine_start; check "an engine starts without inodes" d ps -q
(cd "$HOST/data/many" && seq 6001 7000 | xargs touch 2>/dev/null)
frees h
rm -rf "$HOST/data/many"
settled
rc "and all works again" 0 d run --rm --net none busybox true

# ---- an image that would fill the disk ----

fat_image() { # NAME SPARSE: 10 GiB, or 20 MB
    local dir=$HOST/fat
    rm -rf "$dir"; mkdir -p "$dir/root/data/sub"
    if [ "$2" = sparse ]; then truncate -s 10G "$dir/root/data/sub/file" && printf end | dd of="$dir/root/data/sub/file" bs=1 seek=5000000000 conv=notrunc status=none
    else head -c 20000000 /dev/urandom >"$dir/root/data/sub/file"; fi
    tar -C "$dir/root" --sparse -cf "$dir/layer.tar" data
    printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["x"],"Volumes":{"/data":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)" >"$dir/config.json"
    echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$1:latest\"],\"Layers\":[\"layer.tar\"]}]" >"$dir/manifest.json"
    tar -C "$dir" -cf "$HOST/$1.tar" manifest.json config.json layer.tar
    load "$HOST/$1.tar" >"$HOST/load.out"
    rm -rf "$dir" "${HOST:?}/$1.tar"
}
fat_image sparse sparse
before=$(bytes_free)
rc "a container of 10 GiB of holes" 0 d create --name holes sparse
check "takes next to nothing" [ $((before - $(bytes_free))) -lt 500 ]
file=$(field holes '.Mounts[0].Source')/sub/file
same "its file is as large" 10737418240 "$(stat -c %s "$file")"
same "and holds what it held" end "$(dd if="$file" bs=1 skip=5000000000 count=3 status=none)"
rc "it goes" 0 d rm -v holes
rc "its image, too" 0 d rmi sparse
settled
fat_image fat full
settled
fallocate -l $(($(bytes_free) * 4096 - 18000000)) "$HOST/data/fill"
before=$(bytes_free)
same "20 MB were loaded" 1 "$(d images -q fat | wc -l)"
api POST "/containers/create?name=fat" '{"Image":"fat"}'
check "they do not fit twice: refused with a sentence ($STATUS $BODY)" say 'needs 20[0-9]* bytes on the disk, and [0-9]* are free'
settled
same "no volume is left of it" "" "$(d volume ls -q)"
check "no byte of it" [ $((before - $(bytes_free))) -lt 100 ]
d volume create kept >/dev/null
api POST "/containers/create?name=fat" '{"Image":"fat","HostConfig":{"Binds":["kept:/data"]}}'
check "nor into a volume with a name ($STATUS)" say 'bytes on the disk, and'
same "which stays empty" "" "$(ls -A "$HOST/data/volumes/kept/_data"; ls "$HOST/data/volumes/kept/.copying" 2>/dev/null)"
head -c 20000000 /dev/urandom >"$HOST/more" && tar -C "$HOST" -cf "$HOST/more.tar" more
TAR='Content-Type: application/x-tar'
api POST '/images/create?fromSrc=-&repo=more' '' -H "$TAR" --data-binary "@$HOST/more.tar"
check "an import that does not fit says so" eval 'grep -q "the layer needs at least .* free" <<<"$BODY"'
api POST /images/load '' -H "$TAR" --data-binary "@$HOST/more.tar"
check "and a load ($BODY)" eval 'grep -q "the archive needs at least .* free" <<<"$BODY"'
settled
check "they leave nothing" [ $((before - $(bytes_free))) -lt 100 ]
rm "$HOST/data/fill"
rc "with room it is filled" 0 d create --name fat -v kept:/data fat
same "with all that is there" 20000000 "$(stat -c %s "$HOST/data/volumes/kept/_data/sub/file")"

# ---- an exit that cannot be written ----

engine_stop
BERTH_FAULT='container/exited:save*4' engine_start
d run -d --name late --net none busybox sh -c 'exit 5' >/dev/null
check "it is known" poll 5 eval '[ "$(exit_code late)" = 5 ]'
check "and written down later" poll 8 grep -q 'written down at last' "$HOST/engine.log"
engine_kill
engine_start
same "the next engine knows it" "exited 5" "$(field late '.State.Status + " " + (.State.ExitCode | tostring)')"
containers_clear
finish
