#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --mount type=image: what an image holds, read-only, in a container of another image.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@" 2>&1 | grep -v ^WARNING; }
# layered: three layers, with a whiteout, links, a set-id program and a device
python3 - "$HOST" <<'PY'
import hashlib, io, json, sys, tarfile
out = sys.argv[1]
def layer(*entries):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        for name, kind, value in entries:
            i = tarfile.TarInfo(name)
            data = b""
            if kind == "dir": i.type, i.mode = tarfile.DIRTYPE, 0o755
            elif kind == "link": i.type, i.linkname = tarfile.SYMTYPE, value
            elif kind == "dev": i.type, i.devmajor, i.devminor, i.mode = tarfile.CHRTYPE, 1, 3, 0o666
            else: data, i.size, i.mode = value.encode(), len(value), 0o4755 if name.endswith("suid") else 0o644
            t.addfile(i, io.BytesIO(data))
    return b.getvalue()
def image(name, layers):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers",
        "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}}).encode()
    with tarfile.open(f"{out}/{name}.tar", "w") as t:
        def put(n, data):
            i = tarfile.TarInfo(n); i.size = len(data); t.addfile(i, io.BytesIO(data))
        put("config.json", config)
        for n, l in enumerate(layers): put(f"{n}.tar", l)
        put("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [name + ":latest"],
            "Layers": [f"{n}.tar" for n in range(len(layers))]}]).encode())
image("layered", [layer(("data", "dir", 0), ("data/old", "file", "old"), ("data/gone", "file", "gone"), ("suid", "file", "x"), ("null", "dev", 0)),
    layer(("data/.wh.gone", "file", ""), ("data/old", "file", "new"), ("in", "link", "data"), ("abs", "link", "/etc"), ("up", "link", "../../etc")),
    layer(("data/top", "file", "top"))])
image("single", [layer(("one", "file", "one"))])
PY
for i in layered single; do d load -qi "$HOST/$i.tar" >/dev/null; done
with() { local m=$1; shift; b run --rm --mount "type=image,source=$m" busybox "$@"; }

same "its content" "new top" "$(with layered,target=/m sh -c 'cd /m/data; echo $(cat old) $(cat top) $(ls gone 2>/dev/null)')"
same "nothing but its content" "abs data in null suid up" "$(with layered,target=/m ls /m | xargs)"
same "an image of one layer" "one" "$(with single,target=/m sh -c 'ls /m')"
for m in layered single; do
    like "$m: read-only" 'Read-only' "$(with $m,target=/m sh -c 'echo >/m/x; :')"
    like "$m: with its flags" ' /m ro,nosuid,nodev' "$(with $m,target=/m grep ' /m ' /proc/self/mountinfo)"
done
same "the image's own, too" yes "$(with busybox,target=/m sh -c '[ -x /m/bin/busybox ] && echo yes')"
same "a folder of it" "old top" "$(with layered,target=/m,image-subpath=data ls /m | xargs)"
same "a file of it" new "$(with layered,target=/m,image-subpath=data/old cat /m)"
same "by a link inside" "old top" "$(with layered,target=/m,image-subpath=in ls /m | xargs)"
for p in abs up; do like "a link that leads out: $p" 'leads out of the image' "$(with layered,target=/m,image-subpath=$p true)"; done
for p in /data .. data/../..; do like "a subpath that leads out: $p" 'relative path within the image' "$(with layered,target=/m,image-subpath=$p true)"; done
like "a subpath that is not there" 'cannot access path nosuch of the image' "$(with layered,target=/m,image-subpath=nosuch true)"
like "an image that is not there" 'No such image: nosuch' "$(with nosuch,target=/m true)"
like "no image at all" 'Source must not be empty' "$(b run --rm --mount type=image,target=/m busybox true)"
api POST /containers/create '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"image","Source":"layered","Target":"/m","VolumeOptions":{}}]}}'
like "options of a volume" '400.*VolumeOptions must not be specified' "$STATUS $BODY"

b run -d --name user --mount type=image,source=layered,target=/m,image-subpath=data busybox sleep 1000 >/dev/null
same "inspect" '{"Type":"image","Source":"layered","Destination":"/m","Mode":"","RW":false,"Propagation":""}' "$(field user '.Mounts[0]|tostring')"
same "--volumes-from takes it over" "old top" "$(b run --rm --volumes-from user busybox ls /m | xargs)"
api GET /images/layered/json; id=$(jq -r .Id <<<"$BODY")
like "a running container holds it against rmi -f" 'cannot be forced.*being used by running container' "$(b rmi -f "$id")"
like "and its name against rmi" 'container .* is using its referenced image' "$(b rmi layered)"
d tag single layered
same "by its id, whatever the name is later" "old top" "$(b restart -t 0 user >/dev/null; b exec user ls /m | xargs)"
engine_kill; engine_start
same "and after a restart of the engine" "old top" "$(b restart -t 0 user >/dev/null; b exec user ls /m | xargs)"
d stop -t 0 user >/dev/null
like "a stopped container holds it against rmi" 'must be forced.*being used by stopped container' "$(b rmi "$id")"
d rm user >/dev/null
same "and no longer when it is gone" "Deleted: $id" "$(b rmi "$id" | head -1)"
same "nothing is in the host's mount table" 0 "$(grep -c "$HOST/data" /proc/self/mountinfo)"
engine_sound
finish
