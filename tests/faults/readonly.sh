#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The data root becomes read-only under an engine that runs, as ext4 does after an error: what needs to
# write is refused with a sentence, the rest is answered, containers run on, an exit is written down
# when writing works again. An engine does not start on it, and says why.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'read-only( file system)?"$' 'a read-only disk'
LOOP=
QA_CLIENT=$BERTH_BIN/berth
trap 'dir=$HOST; host_down 2>/dev/null; umount -l "$dir/data" 2>/dev/null; [ -z "$LOOP" ] || losetup -d "$LOOP"; rm -rf "$dir"' EXIT
host_up
mkdir "$HOST/data"
truncate -s 96M "$HOST/disk.img"
mkfs.ext4 -q -b 4096 -m 0 "$HOST/disk.img" && mount -o loop "$HOST/disk.img" "$HOST/data" ||
    { not_ok "a small disk"; finish; exit 1; }
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
TAR='Content-Type: application/x-tar'
curl -s --unix-socket "$SOCK" -H "$TAR" --data-binary "@$IMAGES/busybox.tar" http://x/images/load >/dev/null
for tag in busybox spare; do d tag "$(d images -q | head -1)" $tag; done

d run -d --name up --net none busybox sh -c 'echo said; sleep 1000' >/dev/null
d run -d --name ends --net none busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
d run -d --name again --restart always --net none busybox sleep 1000 >/dev/null
d create --name made busybox true >/dev/null
d volume create volume >/dev/null
d network create net >/dev/null
poll 5 eval 'd logs up | grep -q said'
up_pid=$(field up .State.Pid)
again_pid=$(field again .State.Pid)

writes() { touch "$HOST/data/x" 2>/dev/null && rm "$HOST/data/x"; }
mount -o remount,errors=remount-ro "$HOST/data"
echo 1 >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$HOST/data")")/trigger_fs_error"
check "nothing can be written" eval '! writes'

says() { { [[ $STATUS = [45]* ]] || [[ $BODY = *'"errorDetail"'* ]]; } && grep -Eiq 'read-only' <<<"$BODY"; } # a load's status is out by then
refused() { # NAME METHOD PATH [BODY [CURL…]]
    local name=$1
    shift
    api "$@"
    check "$name: refused, and it says why ($STATUS $(head -c 200 <<<"$BODY"))" says
}
refused create POST '/containers/create?name=new' '{"Image":"busybox","Cmd":["true"]}'
refused "start of another" POST /containers/made/start
refused rename POST '/containers/made/rename?name=other'
refused update POST /containers/up/update '{"RestartPolicy":{"Name":"always"}}'
refused rm DELETE /containers/made
refused "rm -f of what runs not" DELETE '/containers/made?force=1'
refused "volume create" POST /volumes/create '{"Name":"new"}'
refused "volume rm" DELETE /volumes/volume
refused "network create" POST /networks/create '{"Name":"new"}'
refused "network rm" DELETE /networks/net
refused tag POST '/images/busybox/tag?repo=other'
refused rmi DELETE /images/spare
refused load POST /images/load '' -H "$TAR" --data-binary "@$IMAGES/busybox.tar"
refused import POST '/images/create?fromSrc=-&repo=more' '' -H "$TAR" --data-binary "@$IMAGES/busybox.tar"

same "lists" "again ends made up" "$(d ps -a --format '{{.Names}}' | sort | paste -sd' ')"
same "inspect" running "$(field up .State.Status)"
same "logs" said "$(d logs up)"
same "volumes and networks are there" "volume net" "$(d volume ls -q | grep -x volume) $(d network ls --format '{{.Name}}' | grep -x net)"
same "images" 1 "$(d images -q busybox | wc -l)"
same "an exec" works "$(d exec up echo works)"
rc "kill of the restarting one's process" 0 kill -9 "$again_pid"
rc "stop" 0 d stop -t 5 ends
same "its code" 7 "$(field ends .State.ExitCode)"
check "what runs runs on" state_is up running
lines=$(wc -l <"$HOST/engine.log")
sleep 2
check "nothing loops hot" [ $(($(wc -l <"$HOST/engine.log") - lines)) -lt 40 ]

# ---- an engine that starts on it ----

engine_kill
engine_start 2>/dev/null && not_ok "an engine starts on a read-only data root"
like "an engine does not start on it, and says why" 'read-only' "$(tail -3 "$HOST/engine.log")"
check "the containers run on" is_alive "$up_pid"

# ---- it can be written again ----

umount -l "$HOST/data"
LOOP=$(losetup -f --show "$HOST/disk.img") # the first is held by the containers
e2fsck -fy "$LOOP" >/dev/null 2>&1
mount "$LOOP" "$HOST/data"
check "writing works again" writes
engine_start || not_ok "an engine starts"
same "the exit was kept" "exited 7" "$(field ends '.State.Status + " " + (.State.ExitCode | tostring)')"
check "the one that restarts does" poll 10 state_is again running
rc "what was refused works" 0 d rm made
rc "and this" 0 d volume rm volume
containers_clear
finish
