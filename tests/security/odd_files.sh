#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the engine reads or copies in an image or a container is a device, a FIFO, a socket, a
# directory, a link or far too long: nothing of it is opened but regular files, nothing waits, and the
# answer is a sentence. Device 240:7 has no driver: whoever opens it gets ENXIO, and says so.
. "$(dirname "$0")/kit.sh"
security_up

put() { # KIND PATH
    rm -rf "$2"
    mkdir -p "$(dirname "$2")"
    case $1 in
    chr) mknod "$2" c 240 7 ;;
    blk) mknod "$2" b 240 7 ;;
    fifo) mkfifo "$2" ;;
    socket) python3 -c 'import socket, os, sys; d, n = os.path.split(sys.argv[1]); os.chdir(d); socket.socket(socket.AF_UNIX).bind(n)' "$2" ;;
    dir) mkdir "$2" ;;
    sparse) truncate -s 1G "$2" ;;
    long) yes 'x:x:1:1:::' | head -c 6000000 >"$2" ;;
    esac
}
KINDS="chr blk fifo socket dir sparse long"
quick() { # NAME COMMAND…: soon, and OUT is what it said
    local name=$1 begun=${EPOCHREALTIME/./}
    shift
    OUT=$("$@" 2>&1 | tr -d "\0")
    check "$name: soon" [ $((${EPOCHREALTIME/./} - begun)) -lt 8000000 ]
}
said='(not a regular file|larger than [0-9]+ bytes|no matching entries|unable to find)'
refused() { # NAME
    like "$1: refused with a sentence" "$said" "$OUT"
    same "$1: no device was opened" 0 "$(grep -ci 'no such device' <<<"$OUT")"
}

for file in passwd group; do
    for kind in $KINDS; do
        id=$(api POST '/containers/create' '{"Image":"busybox","Cmd":["sleep","1000"],"User":"somebody:some","HostConfig":{"NetworkMode":"none"}}' | jq -r .Id)
        upper=$HOST/data/containers/$id/upper
        put $kind "$upper/etc/$file"
        [ $file = passwd ] || echo 'somebody:x:7:7:::' >"$upper/etc/passwd"
        quick "start, $file is a $kind" api POST "/containers/$id/start"
        refused "start, $file is a $kind"
        api DELETE "/containers/$id?force=1" >/dev/null
    done
done

id=$(api POST '/containers/create' '{"Image":"busybox","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"none"}}' | jq -r .Id)
api POST "/containers/$id/start"
pid=$(api GET "/containers/$id/json" | jq .State.Pid)
for kind in $KINDS; do
    put $kind "/proc/$pid/root/etc/passwd"
    exec=$(api POST "/containers/$id/exec" '{"Cmd":["id"],"User":"somebody","AttachStdout":true}' | jq -r .Id)
    quick "exec, passwd is a $kind" api POST "/exec/$exec/start" '{"Detach":false}'
    refused "exec, passwd is a $kind"
done
mkdir -p "/proc/$pid/root/tmp" && mknod "/proc/$pid/root/tmp/odd" c 240 7
rm -rf "/proc/$pid/root/etc/passwd"; ln -s ../tmp/odd "/proc/$pid/root/etc/passwd"
exec=$(api POST "/containers/$id/exec" '{"Cmd":["id"],"User":"somebody","AttachStdout":true}' | jq -r .Id)
quick "exec, passwd is a link to a device" api POST "/exec/$exec/start" '{"Detach":false}'
refused "exec, passwd is a link to a device"
exec=$(api POST "/containers/$id/exec" '{"Cmd":["sleep","1000"],"User":"7:7"}' | jq -r .Id)
rm "/proc/$pid/root/etc/passwd" && mkfifo "/proc/$pid/root/etc/passwd"
quick "exec as a number, passwd is a FIFO" api POST "/exec/$exec/start" '{"Detach":true}'
check "the engine is well" alive

# ---- copied into a volume, and mounted ----

python3 - "$HOST" "$IMAGES/busybox.tar" <<'PY'
import hashlib, io, json, sys, tarfile
out, busybox = sys.argv[1:3]
with tarfile.open(busybox) as tar:
    base = tar.extractfile(json.load(tar.extractfile("manifest.json"))[0]["Layers"][0]).read()
b = io.BytesIO()
with tarfile.open(fileobj=b, mode="w") as t:
    def add(name, kind, dev=(0, 0), data=b""):
        info = tarfile.TarInfo(name)
        info.type, info.devmajor, info.devminor, info.mode, info.size = kind, *dev, 0o755, len(data)
        t.addfile(info, io.BytesIO(data))
    add("data", tarfile.DIRTYPE)
    add("data/chr", tarfile.CHRTYPE, (240, 7))
    add("data/blk", tarfile.BLKTYPE, (240, 7))
    add("data/fifo", tarfile.FIFOTYPE)
    add("data/file", tarfile.REGTYPE, data=b"kept")
    add("node", tarfile.CHRTYPE, (240, 7))
    add("pipe", tarfile.FIFOTYPE)
    for name in "hosts", "hostname", "resolv.conf":
        add("etc/" + name, tarfile.CHRTYPE, (240, 7))
top = b.getvalue()
digest = lambda d: "sha256:" + hashlib.sha256(d).hexdigest()
config = {"architecture": "amd64", "os": "linux", "config": {
    "Cmd": ["cat", "/data/file"], "Env": ["PATH=/bin"], "Volumes": {"/data": {}, "/node": {}, "/pipe": {}}},
    "rootfs": {"type": "layers", "diff_ids": [digest(base), digest(top)]}}
manifest = [{"Config": "c", "RepoTags": ["odd:latest"], "Layers": ["a", "b"]}]
with tarfile.open(out + "/odd.tar", "w") as t:
    for name, data in ("a", base), ("b", top), ("c", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode()):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
PY
load "$HOST/odd.tar" >/dev/null
quick "volumes at a device and a FIFO" run odd
like "they are no directories, and it says so" '(/node|/pipe).*[Nn]ot a directory|[Nn]ot a directory.*(/node|/pipe)' "$OUT"
quick "copied with devices and FIFOs beside, /etc/hosts a device" run -v "$HOST/plain:/node" -v "$HOST/plain:/pipe" odd
like "a node where a folder is mounted is refused" '[Nn]ot a directory' "$OUT"
echo x >"$HOST/plainfile"
quick "files over both" run -v "$HOST/plainfile:/node" -v "$HOST/plainfile:/pipe" odd
same "the volume has what the image has" kept "$(tail -1 <<<"$OUT")"
quick "a working directory that is a device" run -v "$HOST/plainfile:/node" -v "$HOST/plainfile:/pipe" -w /data/chr odd
like "is refused" '[Nn]ot a directory' "$OUT"
check "the engine is well" alive
untouched "all of it"
finish
