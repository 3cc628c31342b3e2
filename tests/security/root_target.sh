#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A mount whose target leads to the root: by its text, by links of the image, by a link in a volume
# that is mounted before it. Each kind of mount is refused with a sentence, nothing of it starts, no
# image is copied into a volume, and what does start has its own root, for execs, too.
. "$(dirname "$0")/kit.sh"
expect_500 'leads to the root of the container' 'as Docker: an image whose links lead there'
security_up

python3 - "$HOST" "$IMAGES/busybox.tar" <<'PY'
import hashlib, io, json, sys, tarfile
out, busybox = sys.argv[1:3]
with tarfile.open(busybox) as tar:
    base = tar.extractfile(json.load(tar.extractfile("manifest.json"))[0]["Layers"][0]).read()
b = io.BytesIO()
with tarfile.open(fileobj=b, mode="w") as t:
    def link(name, to):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, to
        t.addfile(info)
    for name, to in (("abs", "/"), ("dot", "."), ("up", "../../.."), ("one", "two"), ("two", "/three"),
                     ("three", "bin/four"), ("bin/four", ".."), ("vol/..", "x"), ("inside", "vol/to-root")):
        if "/.." not in name:
            link(name, to)
    info = tarfile.TarInfo("vol")
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    t.addfile(info)
    link("vol/to-root", "/")
top = b.getvalue()
digest = lambda d: "sha256:" + hashlib.sha256(d).hexdigest()


def write(name, volumes):
    config = {"architecture": "amd64", "os": "linux", "config": {
        "Cmd": ["sleep", "1000"], "Env": ["PATH=/bin"], "Volumes": {v: {} for v in volumes}},
        "rootfs": {"type": "layers", "diff_ids": [digest(base), digest(top)]}}
    manifest = [{"Config": "c", "RepoTags": [name + ":latest"], "Layers": ["a", "b"]}]
    with tarfile.open(out + "/" + name + ".tar", "w") as t:
        for name, data in ("a", base), ("b", top), ("c", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


write("links", [])
for name in "abs", "dot", "up", "one", "inside":
    write("v" + name, ["/" + name])
write("vtext", ["/", "/.", "/bin/..", "//", "/abs/.."])
PY
for image in links vabs vdot vup vone vinside vtext; do load "$HOST/$image.tar" >/dev/null; done
mkdir -p "$HOST/dir"; echo of the host >"$HOST/dir/mark"; echo x >"$HOST/file"

left() { in_host $D volume ls -q | grep -c .; in_host $D ps -aq | grep -c .; }
said='(root of the container|destination can.t be ./.|[Ii]s a directory)'
refused() { # NAME DOCKER-ARGS…
    local name=$1 out
    shift
    out=$(run "$@")
    like "$name: refused with a sentence" "$said" "$out"
    same "$name: it did not run" 0 "$(grep -c RAN <<<"$out")"
}
before=$(left)
for target in /abs /dot /up /one /inside /abs/ /abs/. /abs/../dot /abs/up/one / /. /.. /bin/.. //; do
    refused "bind at $target" -v "$HOST/dir:$target" links echo RAN
    refused "volume at $target" -v "fresh:$target" links echo RAN
    refused "--mount of a volume at $target" --mount "type=volume,source=fresh,target=$target,volume-nocopy" links echo RAN
    refused "tmpfs at $target" --tmpfs "$target" links echo RAN
    in_host $D volume rm fresh >/dev/null 2>&1
done
refused "a file at a link to the root" -v "$HOST/file:/abs" links echo RAN
for image in vabs vdot vup vone vinside; do refused "VOLUME of image $image" "$image" echo RAN; done
# a volume that holds a link, mounted before what goes through it
mkdir "$HOST/linked" && ln -s / "$HOST/linked/root" && ln -s ../abs "$HOST/linked/abs"
refused "through a link in a bind" -v "$HOST/linked:/mnt" -v "$HOST/dir:/mnt/root" links echo RAN
refused "through a link of the image from a bind" -v "$HOST/linked:/mnt" -v "$HOST/dir:/mnt/abs" links echo RAN
same "nothing is left of all that" "$before" "$(left)"

# what remains allowed, and its execs
id=$(in_host $D run -d --name ok -v "$HOST/dir:/mnt" -w /abs vtext)
same "a volume by the text / is no mount at all" 1 "$(in_host $D inspect -f '{{len .Mounts}}' ok)"
same "an exec has the image's root" "bin dev etc" "$(in_host $D exec ok sh -c 'cd /; echo bin dev etc | tr " " "\n" | while read d; do [ -d $d ] && echo $d; done' | tr '\n' ' ' | sed 's/ $//')"
same "and its mount" "of the host" "$(in_host $D exec ok cat /mnt/mark)"
in_host $D rm -fv ok >/dev/null
same "a mount below the root by a link is one" "of the host" "$(run -v "$HOST/dir:/abs/mnt" links cat /mnt/mark)"
untouched "all of it"
check "the engine is well" alive
finish
