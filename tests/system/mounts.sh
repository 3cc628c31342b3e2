#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a mount was asked to be is what the container sees, also when another container takes it over:
# tmpfs, binds, modes, --volumes-from, a shared /dev/shm, the files of /etc, propagation.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; } # the CLI of Debian knows no subpath
box() { d run --rm "$@" 2>&1 | grep -v ^WARNING; }
# create BODY-OF-HOSTCONFIG: sets STATUS and BODY
create() { api POST /containers/create "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":$1}"; }
no_create() { # NAME REGEX HOSTCONFIG
    create "$3"
    if [ "$STATUS" = 400 ] && grep -Eq -- "$2" <<<"$BODY"; then ok "$1"; else not_ok "$1" "$STATUS $BODY"; fi
}
# by_api NAME EXPECTED HOSTCONFIG CMD: what the command prints
by_api() {
    local id
    api POST /containers/create "{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"$4\"],\"HostConfig\":$3}"
    id=$(jq -r .Id <<<"$BODY")
    same "$1" "$2" "$(d start -a "$id" 2>&1)"
    d rm -fv "$id" >/dev/null
}

# ---- tmpfs ----
like "--mount tmpfs,readonly" 'Read-only file system' "$(box --mount type=tmpfs,dst=/t,readonly busybox sh -c 'echo >/t/x; :')"
like "--tmpfs :ro" 'Read-only file system' "$(box --tmpfs /t:ro busybox sh -c 'echo >/t/x; :')"
by_api "TmpfsOptions.Options" "ok 7 nodev" \
    '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":[["exec"],["uid","7"]]}}]}' \
    'cp /bin/busybox /t/echo; echo $(/t/echo ok) $(stat -c %u /t) $(grep -o nodev /proc/mounts | head -1)'
no_create "an option that is none" 'invalid mount option \\"nosuch\\"' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":[["nosuch"]]}}]}'
no_create "--tmpfs: the same" 'invalid mount option \\"nosuch\\"' '{"Tmpfs":{"/t":"size=1m,nosuch"}}'
no_create "an option of three words" 'invalid option array length' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":[["uid","1","2"]]}}]}'
no_create "an option with a comma" 'comma' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":[["uid","1,dev"]]}}]}'
no_create "options that are no list" 'TmpfsOptions.Options' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":"exec"}}]}'
no_create "a mode beyond 07777" 'mode' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Mode":32768}}]}'
no_create "a negative size" 'size' '{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":-1}}]}'
no_create "options of another type" 'VolumeOptions must not be specified' '{"Mounts":[{"Type":"tmpfs","Target":"/t","VolumeOptions":{}}]}'
same "Mode" 750 "$(box --mount type=tmpfs,dst=/t,tmpfs-mode=750 busybox stat -c %a /t)"
same "a new folder is 1777" "1777 0:0" "$(box --tmpfs /new/t busybox stat -c '%a %u:%g' /new/t)"
mkdir -p "$HOST/own" && chmod 2751 "$HOST/own" && chown 12:34 "$HOST/own"
same "over a folder: its mode and owner" "2751 12:34" "$(box -v "$HOST:/h" --tmpfs /h/own busybox stat -c '%a %u:%g' /h/own)"
same "and read-only" "2751 12:34" "$(box -v "$HOST:/h" --mount type=tmpfs,dst=/h/own,readonly busybox stat -c '%a %u:%g' /h/own)"
same "a mode that is given wins, the owner is the folder's" "700 12:34" "$(box -v "$HOST:/h" --tmpfs /h/own:mode=700 busybox stat -c '%a %u:%g' /h/own)"
same "an owner that is given wins" "2751 5:0" "$(box -v "$HOST:/h" --tmpfs /h/own:uid=5 busybox stat -c '%a %u:%g' /h/own)"
same "of the image" "$(box busybox stat -c '%a %u:%g' /etc)" "$(box --tmpfs /etc busybox stat -c '%a %u:%g' /etc)"
same "the folder below is as it was" "2751 12:34" "$(stat -c '%a %u:%g' "$HOST/own")"

# ---- the mode of -v ----
mkdir -p "$HOST/b/pub" && echo of the host >"$HOST/b/f" && echo p >"$HOST/b/pub/p"
for mode in cached delegated,ro consistent default ro,z,rprivate,cached; do
    same "-v :$mode" "of the host" "$(box -v "$HOST/b:/b:$mode" busybox cat /b/f)"
done
like "-v :delegated,ro is read-only" Read-only "$(box -v "$HOST/b:/b:delegated,ro" busybox sh -c 'echo >/b/x; :')"
no_create "-v: a word of each kind once" 'invalid mode: ro,rw' "{\"Binds\":[\"$HOST/b:/b:ro,rw\"]}"
no_create "-v: two propagations" 'invalid mode' "{\"Binds\":[\"$HOST/b:/b:slave,shared\"]}"
no_create "-v: a mode and no destination" 'invalid volume specification' '{"Binds":["/b:rw"]}'
no_create "-v: propagation of a volume" 'BindOptions must not be specified' '{"Binds":["vol:/b:rslave"]}'
no_create "Consistency that is none" 'consistency' "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$HOST/b\",\"Target\":\"/b\",\"Consistency\":\"nosuch\"}]}"
by_api "a bind without a source is an anonymous volume" "yes" '{"Binds":["/anon"]}' 'grep -q \" /anon \" /proc/mounts && echo yes'
no_create "an anonymous volume is not read-only" 'anonymous' '{"Mounts":[{"Type":"volume","Target":"/b","ReadOnly":true}]}'
no_create "TmpfsOptions of a bind" 'TmpfsOptions must not be specified' "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$HOST/b\",\"Target\":\"/b\",\"TmpfsOptions\":{}}]}"
no_create "ReadOnlyNonRecursive that is not read-only" 'ReadOnly' "{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$HOST/b\",\"Target\":\"/b\",\"BindOptions\":{\"ReadOnlyNonRecursive\":true}}]}"

# ---- propagation ----
mkdir -p "$HOST/private" "$HOST/shared" "$HOST/slave"
mount -t tmpfs p "$HOST/private"; mount --make-private "$HOST/private"
mount -t tmpfs s "$HOST/shared"; mount --make-shared "$HOST/shared"
mount --bind "$HOST/shared" "$HOST/slave"; mount --make-slave "$HOST/slave"
mkdir "$HOST/private/d" "$HOST/shared/d"
for p in shared rshared slave rslave; do
    like "$p on a private mount is refused" "path .*/private/d is mounted on .*/private but it is not a shared( or slave)? mount" "$(box -v "$HOST/private/d:/p:$p" busybox true)"
done
like "rshared on a slave is refused" "not a shared mount" "$(box -v "$HOST/slave/d:/p:rshared" busybox true)"
for p in slave rslave; do same "$p on a slave" ok "$(box -v "$HOST/slave/d:/p:$p" busybox echo ok)"; done
for p in shared rshared slave rslave; do same "$p on a shared mount" ok "$(box -v "$HOST/shared/d:/p:$p" busybox echo ok)"; done
id=$(d run -d -v "$HOST/shared:/p:rslave" busybox sleep 100)
mount -t tmpfs inner "$HOST/shared/d"; echo seen >"$HOST/shared/d/f"
same "what is mounted later is seen" seen "$(d exec "$id" cat /p/d/f)"
d rm -f "$id" >/dev/null; umount "$HOST/shared/d"
umount "$HOST/slave" "$HOST/shared" "$HOST/private"

# ---- one container's mounts in another ----
d run --rm -v subv:/v busybox sh -c 'mkdir /v/pub; echo s >/v/secret; echo p >/v/pub/p; echo o >/v/one'
mkdir -p "$HOST/top/below"; mount -t tmpfs b "$HOST/top/below"; echo hidden >"$HOST/top/below/f"
b create --name from -v "$HOST/b:/ro:ro" --mount type=volume,source=subv,target=/sub,volume-subpath=pub \
    --mount "type=bind,source=$HOST/top,target=/flat,bind-nonrecursive" --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=751,readonly \
    --tmpfs /flag:size=1m -v "$HOST/b:/rw" busybox >/dev/null
same "--volumes-from: subpath" p "$(box --volumes-from from busybox ls /sub)"
same "--volumes-from: bind-nonrecursive" "" "$(box --volumes-from from busybox ls /flat/below)"
like "--volumes-from: a tmpfs and its options" 'ro,.*size=1024k,mode=751' "$(box --volumes-from from busybox grep ' /t ' /proc/mounts)"
same "--volumes-from: --tmpfs is no volume" "" "$(box --volumes-from from busybox grep ' /flag ' /proc/mounts)"
for mode in '' :rw :z :cached; do
    like "--volumes-from from$mode: ro stays ro" Read-only "$(box --volumes-from "from$mode" busybox sh -c 'echo >/ro/x; :')"
    same "--volumes-from from$mode: rw stays rw" ok "$(box --volumes-from "from$mode" busybox sh -c 'echo >/rw/x && echo ok')"
done
like "--volumes-from :ro" Read-only "$(box --volumes-from from:ro busybox sh -c 'echo >/rw/x; :')"
no_create "--volumes-from :rshared" 'invalid mode: rshared' '{"VolumesFrom":["from:rshared"]}'
no_create "--volumes-from :nocopy" 'invalid mode: nocopy' '{"VolumesFrom":["from:nocopy"]}'
no_create "--volumes-from: empty" 'cannot be an empty string' '{"VolumesFrom":[""]}'
mkdir "$HOST/first" "$HOST/last"; echo first >"$HOST/first/f"; echo last >"$HOST/last/f"
d create --name first -v "$HOST/first:/x" busybox >/dev/null; d create --name last -v "$HOST/last:/x:ro" busybox >/dev/null
same "the last of two --volumes-from wins" last "$(box --volumes-from first --volumes-from last busybox cat /x/f)"
same "a mount of its own wins over both" first "$(box --volumes-from last -v "$HOST/first:/x" busybox cat /x/f)"
d create --name again --volumes-from from busybox >/dev/null
same "a copy of a copy" "p|" "$(box --volumes-from again busybox sh -c 'echo "$(ls /sub)|$(ls /flat/below)"')"
engine_stop; engine_start
same "and after a restart of the engine" "p|" "$(box --volumes-from again busybox sh -c 'echo "$(ls /sub)|$(ls /flat/below)"')"
d rm from first last again >/dev/null; umount "$HOST/top/below"; d volume rm subv >/dev/null

# ---- /dev/shm ----
d run -d --ipc shareable --name donor --shm-size 8m busybox sh -c 'echo of the donor >/dev/shm/f; sleep 100' >/dev/null
poll 5 d exec donor test -e /dev/shm/f
same "--ipc container: the donor's /dev/shm" "of the donor" "$(box --ipc container:donor busybox cat /dev/shm/f)"
d run --rm --ipc container:donor busybox sh -c 'echo of the other >/dev/shm/g'
same "and back" "of the other" "$(d exec donor cat /dev/shm/g)"
like "with its flags" ' /dev/shm tmpfs rw,nosuid,nodev,noexec.*size=8192k' "$(box --ipc container:donor busybox grep ' /dev/shm ' /proc/mounts)"
same "together with --pid container:" "of the donor" "$(box --ipc container:donor --pid container:donor busybox cat /dev/shm/f)"
same "a mount of one's own wins" "of the host" "$(box --ipc container:donor -v "$HOST/b:/dev/shm" busybox cat /dev/shm/f)"
d rm -f donor >/dev/null
d run -d --ipc shareable --name donor -v "$HOST/b:/dev/shm" busybox sleep 100 >/dev/null
like "a donor with a mount there: one's own" ' /dev/shm tmpfs ' "$(box --ipc container:donor busybox grep ' /dev/shm ' /proc/mounts)"
d rm -f donor >/dev/null

# ---- the files of /etc ----
like "--read-only: /etc/hosts" "Read-only" "$(box --read-only busybox sh -c 'echo x >>/etc/hosts; :')"
like "--read-only: /etc/resolv.conf" "Read-only" "$(box --read-only busybox sh -c 'echo x >>/etc/resolv.conf; :')"
like "--read-only: /etc/hostname" "Read-only" "$(box --read-only busybox sh -c 'echo x >>/etc/hostname; :')"
same "without it they are writable" ok "$(box busybox sh -c 'for f in hosts resolv.conf hostname; do echo x >>/etc/$f || exit; done; echo ok')"
same "--read-only: those of another container" "Read-only" "$(d run -d --name net busybox sleep 100 >/dev/null; box --read-only --net container:net busybox sh -c 'echo x >>/etc/hosts; :' | grep -o Read-only)"
d rm -f net >/dev/null
id=$(d run -d --read-only busybox sleep 100); d network create later >/dev/null
d network connect later "$id"
like "--read-only: the engine still writes them" 'nameserver 127.0.0.11' "$(d exec "$id" cat /etc/resolv.conf)"
d rm -f "$id" >/dev/null; d network rm later >/dev/null
same "--tmpfs /etc" "hostname hosts resolv.conf " "$(box --tmpfs /etc busybox sh -c 'ls /etc | tr "\n" " "')"
same "a volume at /etc" 1 "$(box -v etcv:/etc busybox grep -c nameserver /etc/resolv.conf)"
mkdir "$HOST/etc"
same "a bind at /etc" box "$(box -h box -v "$HOST/etc:/etc" busybox cat /etc/hostname)"
same "leaves empty files" "hostname hosts resolv.conf 0" "$(ls "$HOST/etc" | tr '\n' ' ')$(cat "$HOST"/etc/* | wc -c)"
echo mine >"$HOST/hosts"
same "a bind at /etc and at one of them" "mine box" "$(box -h box -v "$HOST/etc:/etc" -v "$HOST/hosts:/etc/hosts" busybox sh -c 'echo $(cat /etc/hosts /etc/hostname)')"
d volume rm etcv >/dev/null

# ---- the drivers and options of --mount ----
d create --mount type=volume,source=mvo,target=/x,volume-label=a=b,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m busybox >/dev/null
same "volume-opt and volume-label" '{"a":"b"} {"device":"tmpfs","o":"size=1m","type":"tmpfs"}' "$(d volume inspect mvo --format '{{json .Labels}} {{json .Options}}')"
create '{"Mounts":[{"Type":"volume","Source":"mvo","Target":"/x","VolumeOptions":{"Labels":{"c":"d"}}}]}'
like "those of a volume that is there already are not taken, and that is said" 'volume mvo exists already' "$BODY"
like "an unknown driver is refused, and no image is pulled" 'plugin "nosuch" not found' "$(box --mount type=volume,source=mvd,target=/x,volume-driver=nosuch busybox true)"
no_create "an unknown driver is the request's fault" 'plugin' '{"Mounts":[{"Type":"volume","Source":"mvd","Target":"/x","VolumeOptions":{"DriverConfig":{"Name":"nosuch"}}}]}'
no_create "VolumeDriver is for binds" 'plugin' '{"VolumeDriver":"nosuch","Binds":["mve:/x"]}'
no_create "and for Mounts, where nothing would read it" 'plugin' '{"VolumeDriver":"nosuch","Mounts":[{"Type":"volume","Source":"mvf","Target":"/x"}]}'
like "an unknown volume-opt" 'invalid option' "$(box --mount type=volume,source=mvd,target=/x,volume-opt=nosuch=1 busybox true)"
same "nothing of those that failed is left" "mvo" "$(d volume ls -q | sort | xargs)"
same "volume-nocopy" 0 "$(box --mount type=volume,target=/etc,volume-nocopy busybox sh -c 'ls /etc | grep -c passwd')"

engine_sound
finish
