#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# src/image against a registry that misbehaves (image_registry.py), in a network namespace of its
# own: what is pulled, what is said, and that nothing is left when it fails. Prints TAP.
# usage: image.sh [path of image_probe]. Needs root and python3.
probe=${1:-${BERTH_BIN:-$(dirname "$0")/../../build/bin}/image_probe}
case $probe in /*) ;; *) probe=$PWD/$probe ;; esac
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
[ -x "$probe" ] || { echo "1..0 # SKIP there is no $probe"; exit 0; }
if [ -z "$IMAGE_TEST_INSIDE" ]; then
    export IMAGE_TEST_INSIDE=1
    exec unshare -n "$0" "$probe"
fi

dir=$(mktemp -d)
root=$dir/root
out=$dir/out
reg=127.0.0.1:5000
n=0
ip link set lo up
python3 "$here/image_registry.py" 5000 >"$dir/ready" &
registry=$!
python3 "$here/image_registry.py" 5001 mirror >"$dir/mirror-ready" &
mirror=$!
trap 'kill $registry $mirror; rm -rf "$dir"' EXIT
for _ in $(seq 50); do [ -s "$dir/ready" ] && [ -s "$dir/mirror-ready" ] && break; sleep 0.1; done

run() { timeout 60 "$probe" "$root" "$@" >"$out" 2>&1; }
fresh() { rm -rf "$root"; }
report() { # CLAIM, and the status of the last command
    local ok=$?
    n=$((n + 1))
    [ $ok = 0 ] && { echo "ok $n - $1"; return; }
    echo "not ok $n - $1"
    tail -8 "$out" | sed 's/^/# /'
}
layers() { find "$root/layers" -mindepth 1 -maxdepth 1 ! -name tmp ! -name init | wc -l; }
is_clean() { # no layer, no draft, no spool
    [ "$(layers)" = 0 ] && [ -z "$(ls -A "$root/layers/tmp" "$root/tmp" | grep -v :)" ]
}
says() { grep -qF -- "$1" "$out"; }

pulls() { # REPO CLAIM: comes, with N layers
    fresh
    run pull "$reg/$1" "" "$3" && says "Downloaded newer image for $reg/$1:latest" && says "Digest: sha256:"
    report "$2"
}
fails() { # REPO TEXT CLAIM
    fresh
    ! run pull "$reg/$1" "" "$4" && says "$2" && is_clean
    report "$3"
}

login() { printf '{"username":"user","password":"%s"}' "$1" | base64 -w0; }
filtered='filesystem layer verification failed for digest sha256:'
refused='repository does not exist or may require '

pulls good "an image comes"
[ "$(layers)" = 2 ]; report "with its two layers"
run pull $reg/good && says "Image is up to date for $reg/good:latest"; report "a second pull has nothing to do"
run pull $reg/cut && says "Downloaded newer image" && ! says "Pull complete"; report "another name for the same image moves no bytes"
run rmi $reg/good && says '"Untagged":"'$reg'/good:latest"' && ! says Deleted; report "rmi of one name of two only untags"
run rmi $reg/cut && says '"Deleted":"sha256:' && is_clean; report "rmi of the last name removes the layers"
pulls cut "a broken transfer goes on where it stopped"
says "Retrying in 1 second"; report "and says that it tries again"
pulls norange "a registry without Range sends it all again"
pulls flaky "500 twice is waited out"
pulls busy "429 with Retry-After is waited out"
pulls index "an index: this machine's platform is chosen"
pulls moved "a redirect is followed"
pulls token "a token is fetched"
pulls tokenlogin "a token is fetched with the password" "$(login secret)"
pulls basic "basic auth" "$(login secret)"
pulls movedbasic "a redirect elsewhere does not get the password" "$(login secret)"
fails basic "$refused" "basic auth without a password is refused"
fails basic "$refused" "basic auth with a wrong password is refused" "$(login wrong)"
fails tokenlogin "incorrect username or password" "the token service's refusal is told" "$(login wrong)"
fails denied "pull access denied for $reg/denied, $refused" "a denied repository"
fails wrong "$filtered" "a changed blob"
fails short "unexpected EOF" "a blob that never comes whole"
fails hostile 'leaves the archive by ".."' "a path out of the layer"
fails diff "don't match image configuration" "a layer that is not the config's"
fails longer "verification failed" "a blob longer than promised"
fails large "larger than" "a manifest of 5 MiB"
fails garbage "invalid manifest" "a manifest that is HTML"
fails schema1 "are not supported" "a manifest of schema 1"
pulls deep "an image three indexes deep, behind others"
fails foreigndeep "no matching manifest for linux/" "indexes inside indexes without our platform"
fails toodeep "indexes inside each other" "nine indexes inside each other"
fails foreign "no matching manifest for linux/" "an index without our platform"
fails "good@sha256:$(printf %064d 7)" "manifest verification failed" "another manifest than asked for by digest"

# All tags of a repository.
all() { fresh; run pull-all "$@"; }
all $reg/good && says "Status: Downloaded newer image for $reg/good:a" && says "for $reg/good:b" && says "for $reg/good:c" &&
    [ "$(layers)" = 2 ]; report "a name alone is all tags, page by page"
! all $reg/gone && says "repository $reg/gone not found"; report "tags of a repository that is not there"
! all $reg/tagless && says "repository $reg/tagless has no tags" && is_clean; report "tags of a repository without any"
! all $reg/badtags && says "invalid list of tags" && is_clean; report "a tag that is none"
! all $reg/endless && says "pull them one by one" && is_clean; report "tags without an end"
! all $reg/oldtag && says "for $reg/oldtag:one" && says "are not supported"; report "the first that fails ends it, what came stays"
! all $reg/denied && says "pull access denied for $reg/denied, $refused"; report "tags of a denied repository"
all $reg/tokenlogin "" "$(login secret)" && says "for $reg/tokenlogin:c"; report "tags behind a token"

fresh
! timeout 20 "$probe" "$root" pull 127.0.0.1:1/x >"$out" 2>&1 &&
    says 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
report "nobody listens"
! run pull Not/Valid/X: && says "error 2: invalid reference format"; report "a bad reference"

# Docker Hub's name at two mirrors: the first has the tag, and not what it names.
digest_of() { curl -s "http://127.0.0.1:$1/v2/library/$2/manifests/latest" | sha256sum | cut -d' ' -f1; }
mirrored() { # REPO CLAIM: comes, and is known by the digest of the registry that had it
    fresh
    run pull "$1" && says "Digest: sha256:$(digest_of 5000 "$1")" && run inspect "$1" &&
        says "\"$1@sha256:$(digest_of 5000 "$1")\"" && [ "$(grep -o "$1@sha256:" "$out" | wc -l)" = 1 ]
    report "$2"
}
export MIRRORS=http://127.0.0.1:5001,http://127.0.0.1:5000
mirrored same "a mirror without the manifest: the next registry has it"
mirrored single "the tag names a single manifest there: its digest counts"
mirrored index "the tag names another index there: its digest counts"
mirrored nested "an index inside an index"
mirrored config "a mirror without the config"
mirrored layer "a mirror without a layer"
mirrored lies "a mirror whose blobs are others"
unset MIRRORS

for lines in 1 2 5; do
    fresh
    export CANCEL_AFTER=$lines
    ! run pull $reg/slow && says "was cancelled" && is_clean
    report "cancelled after $lines lines: nothing is left"
    unset CANCEL_AFTER
done

fresh
export CANCEL_AFTER=4 QUIT=1
run pull $reg/slow && ! says "was cancelled" && unset QUIT CANCEL_AFTER && run ls && is_clean
report "the engine ends in the middle of a pull: the next one finds nothing"
unset QUIT CANCEL_AFTER

fresh
export PULL_TWICE=1
run pull $reg/good && [ "$(grep -c 'Pull complete' "$out")" = 2 ] && [ "$(grep -c 'Already exists' "$out")" = 2 ]
report "two pulls at once share their layers"
unset PULL_TWICE

USED_BY=stopped run rmi $reg/good
says "conflict: unable to remove repository reference \"$reg/good\" (must force) - container c0ffee012345 is using its referenced image"
report "rmi under a stopped container wants force"
id=$(run ls; sed -n 's/.*"Id":"sha256:\([0-9a-f]*\)".*/\1/p' "$out")
USED_BY=running run rmi "$id" force
says "(cannot be forced) - image is being used by running container c0ffee012345"
report "rmi under a running container: not even by force"
run tag "$id" other v1 && run rmi "$id"
says "(must be forced) - image is referenced in multiple repositories"; report "rmi by id with two names"
USED_BY=stopped run rmi "$id" force && says "\"Deleted\":\"sha256:$id\"" && [ "$(layers)" = 2 ]
report "rmi -f under a stopped container keeps its layers"
run ls && ! says '"Id"' && is_clean; report "until the container is gone"

mkdir -p "$dir/tree/etc" && echo hello >"$dir/tree/etc/motd" && tar -C "$dir/tree" -cf "$dir/tree.tar" .
fresh
run import "$dir/tree.tar" mine:1 'CMD ["sh"]' 'ENV A=b' && run inspect mine:1 && says '"Cmd":["sh"]' && says '"Env":["A=b"]'
report "import with changes"
! run import "$dir/tree.tar" mine:2 'RUN x' && says "RUN is not a valid change command"; report "import with a change that needs a build"
run rmi mine:1 && is_clean; report "and rmi"

python3 - "$dir" <<'PY'
import hashlib, io, json, sys, tarfile
top = sys.argv[1]
layer = open(top + "/tree.tar", "rb").read()
sha = lambda b: hashlib.sha256(b).hexdigest()
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["x"]},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(layer)]}}).encode()
def write(path, files):
    with tarfile.open(path, "w") as t:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
docker = lambda tag, l: [("l/layer.tar", l), ("c.json", config), ("manifest.json", json.dumps(
    [{"Config": "c.json", "RepoTags": [tag], "Layers": ["l/layer.tar"]}]).encode())]
write(top + "/docker.tar", docker("loaded:1", layer))
write(top + "/bad.tar", docker("bad:1", layer[:512] + b"\1" + layer[513:]))
write(top + "/missing.tar", docker("bad:1", layer)[1:])
manifest = json.dumps({"schemaVersion": 2,
    "config": {"digest": "sha256:" + sha(config), "size": len(config)},
    "layers": [{"digest": "sha256:" + sha(layer), "size": len(layer)}]}).encode()
index = json.dumps({"schemaVersion": 2, "manifests": [{
    "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": len(manifest),
    "digest": "sha256:" + sha(manifest),
    "annotations": {"org.opencontainers.image.ref.name": "oci:1"}}]}).encode()
write(top + "/oci.tar", [("index.json", index), ("oci-layout", b"{}")] +
      [("blobs/sha256/" + sha(b), b) for b in (manifest, config, layer)])
# docker before 1.10: an image a layer. "base" has one layer, "child" two, and two tags.
base, child = "b" * 64, "c" * 64
def v1(id, parent, **more):
    return [(id + "/VERSION", b"1.0"), (id + "/json", json.dumps({"id": id, "created": "2015-06-01T00:00:00Z",
        "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) " + id[:1]]}, "config": {"Cmd": ["x"], "Env": ["A=" + id[:1]]},
        "architecture": "amd64", "os": "linux", "Size": 7} | ({"parent": parent} if parent else {}) | more).encode())]
tags = json.dumps({"old": {"base": base, "1": child, "2": child}}).encode()
legacy = v1(base, "") + [(base + "/layer.tar", layer)] + v1(child, base) + [(child + "/layer.tar", layer)]
write(top + "/legacy.tar", legacy + [("repositories", tags)])
write(top + "/loop.tar", v1(base, child) + [(base + "/layer.tar", layer)] + v1(child, base) + [(child + "/layer.tar", layer)] + [("repositories", tags)])
write(top + "/orphan.tar", v1(child, base) + [(child + "/layer.tar", layer)] + [("repositories", tags)])
write(top + "/nothing.tar", [("repositories", b'{"a":{"b":"../../etc/passwd"}}')])
def of(os): # an image of another system, whole otherwise
    other = json.dumps(json.loads(config) | {"os": os}).encode()
    return [("l/layer.tar", layer), ("c.json", other), ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["other:1"], "Layers": ["l/layer.tar"]}]).encode())]
write(top + "/windows.tar", of("windows"))
write(top + "/untagged.tar", docker("Not/Valid:1", layer))
data = open(top + "/docker.tar", "rb").read()
open(top + "/short.tar", "wb").write(data[: len(layer)])
PY
gzip -k "$dir/docker.tar"
for f in docker.tar docker.tar.gz; do
    fresh
    run load "$dir/$f" && says '"stream":"Loaded image: loaded:1\n"' && run inspect loaded:1; report "load $f"
done
run load "$dir/oci.tar" && says "Loaded image: oci:1"; report "load an OCI layout"
fresh
run load "$dir/legacy.tar" && says "Loaded image: old:base" && says "Loaded image: old:1" && says "Loaded image: old:2" &&
    run inspect old:2 && says '"old:1","old:2"' && says '"A=c"' && says '"Created":"2015-06-01T00:00:00Z"' && ! says '"Size":7'
report "load an archive of docker before 1.10"
run history old:2 && says '"CreatedBy":"/bin/sh -c #(nop) b"' && says '"CreatedBy":"/bin/sh -c #(nop) c"'; report "with its history"
for f in bad missing short tree loop orphan nothing untagged windows; do
    fresh
    ! run load "$dir/$f.tar" && says "error 2: " && is_clean; report "load $f.tar fails and leaves nothing"
done
echo "1..$n"
