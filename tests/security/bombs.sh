#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Archives of some KB that become more than the disk: by compression, in two layers of it, by a sparse
# map. Loaded and imported they are refused with a sentence, soon, and never take the disk.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
QA_CLIENT=$BERTH_BIN/berth
trap 'dir=$HOST; host_down 2>/dev/null; umount -l "$dir/data" 2>/dev/null; rm -rf "$dir"' EXIT
host_up
mkdir "$HOST/data"
mount -t tmpfs -o size=150m small "$HOST/data"
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
TAR='Content-Type: application/x-tar'

python3 - "$HOST" <<'PY'
import bz2, gzip, hashlib, io, json, os, sys, tarfile
out = sys.argv[1]
MB = 1 << 20


def tar_of(members, fmt=tarfile.PAX_FORMAT):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=fmt) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return b.getvalue()


def image(name, layer, plain):
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]}}
    manifest = [{"Config": "c.json", "RepoTags": [name + ":latest"], "Layers": ["l"]}]
    return tar_of([("l", layer), ("c.json", json.dumps(config).encode()),
                   ("manifest.json", json.dumps(manifest).encode())])


def write(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)


zeros = tar_of([("zeros", bytes(250 * MB))])
write("outer.tar", bz2.compress(image("outer", zeros, zeros)))
write("import.tar", bz2.compress(zeros))
# in steps that are each below 1000
soft = tar_of([("zeros", bytes(250 * MB)), ("noise", os.urandom(60000))])
inner = gzip.compress(soft, 9)
write("twice.tar", gzip.compress(image("twice", inner, soft), 9))
print("# twice: %d -> %d -> %d" % (os.path.getsize(out + "/twice.tar"), len(inner), len(soft)))
# 100 GiB of holes and one byte: GNU.sparse 1.0
block = b"1\n%d\n1\n" % (100 << 30)
body = block + bytes(512 - len(block)) + b"x"
b = io.BytesIO()
with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
    info = tarfile.TarInfo("GNUSparseFile.0/l")
    info.size = len(body)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "l",
                        "GNU.sparse.realsize": str((100 << 30) + 1)}
    t.addfile(info, io.BytesIO(body))
write("sparse.tar", b.getvalue())
small = tar_of([("zeros", bytes(20 * MB))])
write("good.tar", gzip.compress(image("good", gzip.compress(small), small)))
PY

used() { df --output=used -B1 "$HOST/data" | tail -1; }
try() { # NAME PATH REGEX
    local size begun=$SECONDS
    size=$(stat -c %s "$HOST/$1.tar")
    api POST "$2" '' -H "$TAR" --data-binary "@$HOST/$1.tar"
    like "$1 ($size bytes): refused with a sentence" "$3" "$BODY"
    check "$1: soon" [ $((SECONDS - begun)) -lt 15 ]
    settled
    check "$1: nothing is left of it" [ $(($(used) - before)) -lt 1000000 ]
}
before=$(used)
(while sleep 0.02; do used; done >"$HOST/used") & watcher=$!
try outer /images/load 'the archive grows more than 1000-fold'
try twice /images/load 'the layer grows more than 1000-fold'
try sparse /images/load 'the archive (grows more than 1000-fold|has more than)'
try import '/images/create?fromSrc=-&repo=bomb' 'the layer grows more than 1000-fold'
kill $watcher; wait $watcher 2>/dev/null
check "never more than the 64 MB that no ratio is asked for, and what they were put aside in" \
    [ $(($(sort -n "$HOST/used" | tail -1) - before)) -lt 100000000 ]
api POST /images/load '' -H "$TAR" --data-binary "@$HOST/good.tar"
like "what grows as usual is loaded" 'Loaded image: good:latest' "$BODY"
finish
