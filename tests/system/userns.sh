#!/bin/bash
# User namespaces: --userns-remap of the engine, --userns auto|remap|host of a container. What lies
# on the disk never changes its owners; the container's files are its own root's.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
QA_CLIENT=$BERTH_BIN/berth
trap host_down EXIT
host_up
images_make
B=200000          # where the ids of --userns-remap begin
ids_are() { printf '%s\n' "$@" >"$HOST/subuid"; printf '%s\n' "$@" >"$HOST/subgid"; } # in place: they are bound
ids_are; for f in subuid subgid; do [ -e /etc/$f ] || : >/etc/$f; mount --bind "$HOST/$f" /etc/$f; done
load() { curl -s --max-time 30 --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary "@$IMAGES/busybox.tar" http://x/images/load >/dev/null; }
start_or_end() { engine_start "$@" || { not_ok "engine starts"; finish; exit 1; }; }
pid_of() { d inspect -f '{{.State.Pid}}' "$1"; }
host_map() { awk '{ print $1, $2, $3 }' "/proc/$(pid_of "$1")/uid_map"; }
on_disk() { stat -c %u:%g:%a "$1"; }

# ---- the ranges ----
no_start() { # NAME REGEX ARGS…: the engine says why, and ends
    local name=$1 regex=$2; shift 2
    like "$name" "$regex" "$(in_host timeout 20 "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/none" --exec-root "$HOST/none-exec" "$@" 2>&1)"
}
no_start "remap: nobody has ids" 'no ranges found for .?"dockremap.?" in /etc/subuid: add a line' --userns-remap default
no_start "remap: no such user" 'error during uid lookup for .?"nosuch' --userns-remap nosuch
no_start "remap: no such number" 'uid 4242 has no entry in /etc/passwd' --userns-remap 4242
no_start "remap: no such group" 'error during gid lookup for .?"nosuch' --userns-remap root:nosuch
no_start "remap: three parts" 'invalid user/group specification in --userns-remap' --userns-remap a:b:c
ids_are "dockremap:0:65536"
no_start "remap: the host's root" '/etc/subuid, line 1 .dockremap.: .*the host.s root' --userns-remap default
ids_are "dockremap:4294900000:99999"
no_start "remap: behind the last id" 'behind the last id' --userns-remap default

ids_are "daemon:$B:1000" "1:300000:64536" "dockremap:7:7" "berth:1000000:196608"
echo '{"userns-remap": "daemon:1"}' >"$HOST/daemon.json"
start_or_end --config-file "$HOST/daemon.json"
load
like "info says it" 'name=userns' "$(curl -s --unix-socket "$SOCK" http://x/info | jq -c .SecurityOptions)"
same "daemon.json, a user and the number of its group, two ranges" "0 $B 1000 1000 300000 64536" \
    "$(d run --rm busybox sh -c "cat /proc/self/uid_map /proc/self/gid_map" | awk '{ print $1, $2, $3 }' | sort -un | paste -sd' ')"
engine_stop
ids_are "dockremap:$B:65536" "berth:1000000:196608"
start_or_end --userns-remap default

# ---- inside and outside ----
mkdir -m 755 "$HOST/bind"; echo host >"$HOST/bind/of-root"; echo user >"$HOST/bind/of-1000"
chown 1000:1000 "$HOST/bind/of-1000"; chmod 600 "$HOST/bind/of-root"
d run -d --name c1 -v vol:/vol -v "$HOST/bind:/bind" --tmpfs /mine:mode=700 --tmpfs /theirs:uid=5,gid=6 \
    --device /dev/full:/dev/brim --sysctl net.ipv4.ip_default_ttl=77 --sysctl kernel.msgmax=12345 --hostname inner --group-add 7 \
    --oom-score-adj=50 --ulimit nofile=5000:5000 busybox sleep 1000 >/dev/null
P=$(pid_of c1)
same "the map" "0 $B 65536" "$(host_map c1)"
same "who it is on the host" "$B $B" "$(awk '/^[UG]id/ { print $2 }' "/proc/$P/status" | paste -sd' ')"
for ns in user net ipc uts pid mnt; do
    [ "$(readlink "/proc/$P/ns/$ns")" != "$(readlink "/proc/$ENGINE_PID/ns/$ns")" ] || not_ok "$ns namespace of its own"
done
in_c() { d exec c1 sh -c "$1" 2>&1; }
same "exec: root in the same namespaces" "0 $(readlink "/proc/$P/ns/user")" "$(in_c 'echo $(id -u) $(readlink /proc/self/ns/user)')"
same "exec: a user and its groups" "1000 1001 1001 7" "$(d exec -u 1000:1001 c1 sh -c 'echo $(id -u) $(id -g) $(id -G)')"
same "supplementary groups of the container" "$B $((B + 7))" "$(awk '/^Groups/ { print $2, $3 }' "/proc/$P/status")"
same "the root file system is root's" "0:0 0:0 0:0" "$(in_c 'echo $(stat -c %u:%g / /bin/busybox /etc/passwd)')"
in_c 'echo a >/made; chown 1000:1001 /made; chmod 4755 /made; rm /etc/shells 2>/dev/null; mkdir /dir' >/dev/null
same "what it makes lies on the disk without a shift" "1000:1001:4755 0:0:755" \
    "$(on_disk "$HOST/data/containers/"*"/upper/made") $(on_disk "$HOST/data/containers/"*"/upper/dir")"
in_c 'echo a >/vol/f; chown 33:33 /vol/f; echo b >/vol/g' >/dev/null
V=$HOST/data/volumes/vol/_data
same "files of a volume" "33:33:644 0:0:644" "$(on_disk "$V/f") $(on_disk "$V/g")"
same "files of a bind, from inside" "host 0:0 1000:1000" "$(in_c 'echo $(cat /bind/of-root) $(stat -c %u:%g /bind/of-root /bind/of-1000)')"
in_c 'echo c >/bind/new' >/dev/null
same "files of a bind, from outside" "0:0:644" "$(on_disk "$HOST/bind/new")"
same "the engine's files" "0:0 0:0 0:0" "$(in_c 'echo $(stat -c %u:%g /etc/hosts /etc/resolv.conf /etc/hostname)')"
same "the engine's files can be written" inner "$(in_c 'echo 1.2.3.4 x >>/etc/hosts && grep -q 1.2.3.4 /etc/hosts && cat /etc/hostname')"
same "tmpfs: root's, or whom it names" "0:0:700 5:6" "$(in_c 'echo $(stat -c %u:%g:%a /mine) $(stat -c %u:%g /theirs)')"
same "/dev and what is in it" "0:0 0:0 0:0 0:0 0:0 0:0" "$(in_c 'echo $(stat -c %u:%g /dev /dev/null /dev/pts /dev/pts/ptmx /dev/shm /dev/brim)')"
like "a device works" 'No space left' "$(in_c 'echo x >/dev/brim')"
like "no device can be made" 'not permitted' "$(in_c 'mknod /tmp/null c 1 3')"
same "streams can be opened again" "out err" "$(d exec -u 1000 c1 sh -c 'echo out >/dev/stdout; echo err >/proc/self/fd/2' 2>&1 | paste -sd' ')"
same "a terminal is the user's, of the group tty" "1000:5" "$(d run --rm -t -u 1000 busybox sh -c 'stat -c %u:%g $(tty)' | tr -d '\r')"
same "exec -t as well" "1000:5" "$(typist() { script -qec "nsenter --net=/proc/$HOST_NS_PID/ns/net $BERTH exec -t -u 1000 c1 sh -c 'stat -c %u:%g \$(tty)'" /dev/null; }; typist | tr -d '\r')"
same "sysctls" "77 12345" "$(in_c 'echo $(cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax)')"
same "names" inner "$(in_c hostname)"
same "a low port" 80 "$(in_c '(timeout 1 nc -l -p 80 &); sleep 0.2; netstat -ltn | grep -o ":80 " | tr -d ": "')"
like "ping" '0% packet loss' "$(in_c 'ping -c1 -W2 172.17.0.1')"
check "ping by a user: its group may have the socket" nsenter --net="/proc/$P/ns/net" setpriv --reuid $((B + 1000)) --regid $((B + 1000)) --clear-groups \
    /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)'
same "limits" "50 5000" "$(echo $(cat "/proc/$P/oom_score_adj") $(awk '/open files/ { print $4 }' "/proc/$P/limits"))"
same "capabilities and filter as ever" "00000000a80425fb 2" "$(awk '/^CapEff|^Seccomp:/ { print $2 }' "/proc/$P/status" | paste -sd' ')"
same "what is masked is masked" "0" "$(in_c 'wc -c </proc/keys; :' | tr -d ' ')"
like "/proc/sys is not the container's" 'Read-only|Permission' "$(in_c 'echo x >/proc/sys/kernel/domainname')"
same "a volume is filled with the image's owners" "0:0" "$(d run --rm -v fill:/etc busybox stat -c %u:%g /etc/passwd)"
like "an id that the map does not have" 'uid 70000 is not in the container.s user namespace' "$(d run --rm -u 70000 busybox true 2>&1)"
same "a read-only root" "Read-only file system" "$(d run --rm --read-only busybox sh -c 'touch /x' 2>&1 | grep -o 'Read-only file system')"
same "--init" "berth-init" "$(d run --rm --init busybox sh -c 'until grep -q init /proc/1/comm; do sleep 0.05; done; cat /proc/1/comm')"
same "a code" 7 "$(d run --rm busybox sh -c 'exit 7'; echo $?)"
fails "a command that is not there" 'executable file not found' d run --rm busybox nosuch

# ---- host, and what cannot be had ----
same "--userns host" "0 0 4294967295" "$(d run --rm --userns host busybox cat /proc/self/uid_map | awk '{ print $1, $2, $3 }')"
d run --rm --userns host --privileged --net host --pid host busybox true
same "--userns host: anything" 0 $?
refused() { local name=$1 regex=$2; shift 2; fails "refused: $name" "$regex" d create "$@" busybox true; }
refused "privileged" 'privileged mode is incompatible with user namespaces' --privileged
refused "--net host" "cannot share the host's network namespace when user namespaces are enabled" --net host
refused "--pid host" 'cannot share the host PID namespace when user namespaces are enabled' --pid host
refused "writable cgroups" 'writable-cgroups cannot be had in a user namespace' --security-opt writable-cgroups=true
refused "auto and another's network" 'so it cannot have the network namespace of another container' --userns auto --net container:c1
refused "a label, without SELinux" 'does not set SELinux labels' --security-opt label=type:svirt_t
refused "a label that is none" 'bad label option "x:y"' --security-opt label=x:y
refused "a profile, without AppArmor" "AppArmor is not supported on this host, but the profile 'mine'" --security-opt apparmor=mine
api_is "refused: another word" 400 'invalid user namespace mode: x' POST /containers/create '{"Image":"busybox","HostConfig":{"UsernsMode":"x"}}'
fails "a file system that has no owners to map" '/sys/kernel cannot be given the owners .* its file system, sysfs, .* has no idmapped mounts in this kernel' d run --rm -v /sys/kernel:/k busybox true
like "a bind that can be written to is warned of" 'in /tmp is the host.s root.s.*read-only' "$(d create -v /tmp:/t busybox true 2>&1)"
same "one that cannot is not" "" "$(d create -v "$HOST/bind:/t:ro" busybox true 2>&1 >/dev/null)"
same "--ipc host" "0" "$(d run --rm --ipc host busybox ls /dev/mqueue >/dev/null; echo $?)"

# ---- what fails leaves nothing ----
settled; census_stable >"$HOST/before"
for i in 1 2 3; do d run --rm --userns auto busybox true; d run --rm busybox nosuch; d run --rm -v /sys/kernel:/k busybox true; d run --rm -u 70000 busybox true; done >/dev/null 2>&1
settled
census_back "nothing is left of starts that failed" "$HOST/before"

# ---- shared namespaces ----
d run -d --name giver --ipc shareable busybox sleep 1000 >/dev/null
for how in "--net container:giver" "--ipc container:giver" "--pid container:giver" "--net container:giver --pid container:giver"; do
    same "$how: the same owner" "$(readlink "/proc/$(pid_of giver)/ns/user") 0" "$(d run --rm $how busybox sh -c 'echo $(readlink /proc/self/ns/user) $(id -u)')"
done
fails "namespaces of a container with other ids" 'it has other ids' d run --rm --userns remap --net "container:$(d run -d --userns host busybox sleep 1000)" busybox true
fails "namespaces of two owners" 'user namespaces are not the same' d run --rm --net container:giver --ipc "container:$(d run -d --ipc shareable busybox sleep 1000)" busybox true

# ---- auto: a range for each ----
for i in 1 2 3; do d run -d --name "auto$i" --userns auto -v vol:/vol busybox sleep 1000 >/dev/null; done
same "ranges do not overlap" "1000000 1065536 1131072" "$(for i in 1 2 3; do host_map auto$i; done | awk '$3 == 65536 { print $2 }' | sort -n | paste -sd' ')"
fails "all ranges are taken" 'all 3 ranges of ids for --userns auto are in use' d create --userns auto busybox true
d rm -f auto2 >/dev/null
check "a removed container gives its range back" d run -d --name auto4 --userns auto busybox sleep 1000

# ---- a bind that follows its file: what takes its place has the container's owners, too ----
mkdir -p "$HOST/followed"; echo one >"$HOST/followed/f"; chmod 600 "$HOST/followed/f"
d rm -f auto4 >/dev/null
d run -d --name auto4 --userns auto -v "$HOST/followed/f:/f:follow" busybox sleep 1000 >/dev/null
same "a followed bind" "0:0 one" "$(d exec auto4 sh -c 'echo $(stat -c %u:%g /f) $(cat /f)')"
echo two >"$HOST/followed/new"; chmod 600 "$HOST/followed/new"; mv "$HOST/followed/new" "$HOST/followed/f"
check "its file is replaced" poll 10 eval '[ "$(d exec auto4 cat /f)" = two ]'
same "and is its root's" "0:0" "$(d exec auto4 stat -c %u:%g /f)"

# ---- the next engine ----
before=$(for c in c1 auto1 auto3 auto4; do host_map $c; done)
engine_kill
start_or_end --userns-remap default
same "takeover: they run as they were" "$before" "$(for c in c1 auto1 auto3 auto4; do host_map $c; done)"
same "takeover: exec" "0 $B" "$(d exec c1 sh -c 'echo $(id -u) $(cat /proc/self/uid_map)' | awk '{ print $1, $3 }')"
fails "takeover: ranges are still taken" 'all 3 ranges' d create --userns auto busybox true
d network create n1 >/dev/null; d network connect n1 c1
like "a network is connected to it" 'eth1' "$(d exec c1 ip -o link)"
d restart -t 0 c1 auto1 >/dev/null
same "restart: the same ids, the same files" "0 $B 65536 1000:1001 $(echo "$before" | sed -n 2p)" "$(host_map c1) $(d exec c1 stat -c %u:%g /made) $(host_map auto1)"
# ---- cp, export, diff: the owners that the container sees ----
archive() { curl -sf --max-time 20 --unix-socket "$SOCK" "$@"; } # CURL ARGUMENTS…
owners() { python3 "$BERTH_SRC/tests/system/copy_owners.py" "$@"; }
owners make "$HOST/own.tar"
WANT=$(owners list <"$HOST/own.tar")
like "the archive has attributes" 'security.capability=.*posix_acl' "$(echo $WANT)"
export_is_right() { # NAME CONTAINER
    same "$1: export: what was copied there" "$WANT" "$(archive "http://x/containers/$2/export" | owners list own/)"
    same "$1: export: all else is root's" "0:0" "$(archive "http://x/containers/$2/export" | owners list | grep -v -e '^own' -e '^made' | awk '{ print $2 }' | sort -u)"
    like "$1: diff" '^A /own/in/capable A /own/in/fifo ' "$(d diff "$2" | grep /own/in/ | sort | paste -sd' ')"
}
copies_are_right() { # NAME CONTAINER FOLDER…
    local name=$1 c=$2 dir; shift 2
    for dir in "$@"; do
        archive -T "$HOST/own.tar" "http://x/containers/$c/archive?path=$dir" || not_ok "$name: put into $dir"
        archive -T "$HOST/own.tar" "http://x/containers/$c/archive?path=$dir" || not_ok "$name: put over $dir"
        same "$name: out of $dir comes what went in" "$WANT" "$(archive "http://x/containers/$c/archive?path=$dir/in" | owners list)"
    done
}
d exec c1 mkdir /own; d exec auto1 mkdir /own
copies_are_right "cp, remap" c1 /own /vol /bind /mine
copies_are_right "cp, auto" auto1 /own /vol
for at in /own /vol /bind /mine; do
    same "inside $at" "0:0 1000:1001 1002:0 12:13 7:8 9:10" "$(d exec c1 sh -c "cd $at/in && stat -c %u:%g . * new/deep" | sort -u | paste -sd' ')"
done
same "on the disk nothing is shifted" "0:0 1000:1001 1002:0 12:13 7:8 9:10" "$(cd "$HOST/bind/in" && stat -c %u:%g . * new/deep | sort -u | paste -sd' ')"
same "a capability on the disk is the root's" "0100000200040000000000000000000000000000" \
    "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.capability").hex())' "$HOST/bind/in/capable")"
export_is_right "remap" c1
export_is_right "auto" auto1
echo x >"$HOST/one"
d exec c1 sh -c 'echo "u:x:1000:1001::/:/bin/sh" >>/etc/passwd'
d cp c1:/made "$HOST/made" && same "docker cp out" a "$(cat "$HOST/made")"
d cp "$HOST/one" c1:/own/one && same "docker cp in" "x 0:0" "$(d exec c1 sh -c 'echo $(cat /own/one) $(stat -c %u:%g /own/one)')"
d exec c1 rm /own/one
d run -d --name user -u 1000:1001 busybox sleep 1000 >/dev/null
archive -T "$HOST/own.tar" "http://x/containers/user/archive?path=/tmp&copyUIDGID=true"
same "all to the container's user" "1000:1001" "$(d exec user sh -c 'cd /tmp/in && stat -c %u:%g . * new/deep' | sort -u)"
d rm -f user >/dev/null
tar -c -C "$HOST" --owner=70000 --group=0 one >"$HOST/foreign.tar"
api_is "an owner that the map does not have" 400 'owner 70000:0, whom the container.s user namespace does not have' PUT "/containers/c1/archive?path=/own" @"$HOST/foreign.tar"
d pause c1 >/dev/null
same "paused" "$WANT" "$(archive "http://x/containers/c1/archive?path=/own/in" | owners list)"
d unpause c1 >/dev/null

# A slow client holds no start: it gets the root that is open, with the owners it has.
d exec auto1 sh -c 'dd if=/dev/zero of=/own/big bs=1M count=24 2>/dev/null'
mkfifo "$HOST/slow"
(curl -sf --max-time 60 --unix-socket "$SOCK" "http://x/containers/auto1/archive?path=/own" >"$HOST/slow") & SLOW=$!
exec 9<"$HOST/slow"; head -c 512 <&9 >/dev/null
d restart -t 0 auto1 >/dev/null
same "restart while a slow client copies" "true 1000:1001" "$(d inspect -f '{{.State.Running}}' auto1) $(d exec auto1 stat -c %u:%g /own/in/file)"
same "what is written then is seen" "5:6" "$(d exec auto1 sh -c 'echo a >/own/then; chown 5:6 /own/then; stat -c %u:%g /own/then')"
same "copied while both are there" "then 5:6" "$(archive "http://x/containers/auto1/archive?path=/own/then" | owners list)"
cat <&9 >/dev/null; exec 9<&-; wait $SLOW
same "the slow client got all" 0 $?

d stop -t 0 c1 auto1 >/dev/null
copies_are_right "stopped, remap" c1 /own /vol /bind
copies_are_right "stopped, auto" auto1 /own /vol
export_is_right "stopped" c1
d rm -f auto1 auto3 auto4 giver >/dev/null
engine_stop
start_or_end
d start c1 >/dev/null
same "an engine without it: the host's ids, the same owners" "0 0 4294967295 1000:1001 33:33" "$(host_map c1) $(d exec c1 stat -c %u:%g /made /vol/f | paste -sd' ')"
fails "remap without the engine's" 'started without --userns-remap' d run --rm --userns remap busybox true
same "auto does not need it" "0 1000000 65536" "$(d run --rm --userns auto busybox cat /proc/self/uid_map | awk '{ print $1, $2, $3 }')"
engine_sound
finish
