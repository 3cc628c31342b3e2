#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker save and load: layers are given back as they came, the archive is a docker-archive and an OCI layout at once and the
# same each time, others read it and theirs are read; clients that go or are slow, layers that somebody has changed.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
DOCKERD=
docker_stop() { [ -z "$DOCKERD" ] || { kill "$DOCKERD"; wait "$DOCKERD"; } 2>/dev/null; DOCKERD=; }
qa_up
trap 'docker_stop; host_down' EXIT
b() { in_host "$BERTH" "$@"; }
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
id() { d image inspect -f '{{.Id}}' "$1"; }
get() { curl -s -m 60 --unix-socket "$SOCK" "http://x/images/$1"; }
sum() { sha256sum | cut -d' ' -f1; }
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }

# ---- images: one whose tar has all that a tar can have, two that share layers
python3 - <<'PY'
import io, os, tarfile
def add(t, name, data=b"", **k):
    i = tarfile.TarInfo(name); i.size = len(data); i.mtime = 1600000000.125
    for key, value in k.items(): setattr(i, key, value)
    t.addfile(i, io.BytesIO(data))
for fmt, n in (tarfile.USTAR_FORMAT, "ustar"), (tarfile.GNU_FORMAT, "gnu"), (tarfile.PAX_FORMAT, "pax"):
    with tarfile.open(n + ".tar", "w", format=fmt) as t:
        for k, v in ("./", tarfile.DIRTYPE), ("d/", tarfile.DIRTYPE), ("l", tarfile.SYMTYPE), ("p", tarfile.FIFOTYPE), ("n", tarfile.CHRTYPE):
            add(t, k, type=v, mode=0o755, linkname="d" if k == "l" else "", devmajor=1, devminor=3)
        add(t, "d/file", b"content of " + n.encode(), mode=0o4755, uid=1000)
        add(t, "hard", type=tarfile.LNKTYPE, linkname="d/file")
        add(t, "l/through", b"a link")
        if n != "ustar":
            add(t, "long/" + "x" * 150 + "/" + "y" * 120, b"a long name")
            add(t, "owner", b"o", uid=3000000, gid=3000000)
        for k in range(300): add(t, "many/%03d" % k, os.urandom(200 + k))
    if n == "gnu": # what others refuse: a name twice
        with tarfile.open("twice.tar", "w") as t:
            add(t, "twice", b"the first"); add(t, "other", b"o"); add(t, "twice", b"and the second one")
    with open(n + ".tar", "ab") as f: f.write(b"what follows the end\n" * 300)
PY
mkdir sparse && truncate -s 3M sparse/hole && printf x | dd of=sparse/hole bs=1 seek=2000000 conv=notrunc 2>/dev/null
tar -C sparse -S --format=gnu -cf sparse.tar . && tar -C sparse -S --format=pax -cf sparse2.tar .
for t in ustar gnu pax sparse sparse2 twice; do d import -q $t.tar from-$t >/dev/null 2>&1 || d import $t.tar from-$t >/dev/null; done
d create --name one from-pax x >/dev/null; echo 1 >1; d cp 1 one:/; d commit one two:a >/dev/null; d rm one >/dev/null
d create --name one from-pax x >/dev/null; echo 2 >2; d cp 2 one:/; d commit one two:b >/dev/null; d rm one >/dev/null
d tag two:b other/name:x

# ---- what comes back
for t in ustar gnu pax sparse sparse2 twice; do
    get "from-$t/get" >saved.tar
    same "the layer of $t, byte by byte" "$(sum <$t.tar)" "$(tar -xOf saved.tar "blobs/sha256/$(sum <$t.tar)" | sum)"
done
same "no other layer" 1 "$(tar tf saved.tar | grep -c '^blobs/sha256/.' | awk '{ print $1 - 2 }')"
check "a record is below 1 % of a layer" test "$(find "$HOST/data/layers" -name tar-record -size -4k | wc -l)" -ge 1
all() { b save -o "$1" "${@:2}"; }
check "several images" all all.tar two:a two:b other/name:x from-ustar
all all2.tar from-ustar other/name:x two:b two:a
check "the same bytes whatever the order" cmp all.tar all2.tar
d save other/name:x two:a two:b from-ustar >all3.tar
check "and by the docker CLI" cmp all.tar all3.tar
sleep 1.1; b save two:b two:a from-ustar other/name:x | cat >all4.tar
check "and later, by a pipe" cmp all.tar all4.tar
same "layers that are shared are there once" "" "$(tar tf all.tar | sort | uniq -d)"
same "tags of the images" '["from-ustar:latest"] ["two:a"] ["two:b","other/name:x"]' "$(tar xOf all.tar manifest.json | jq -c '.[].RepoTags' | sort | xargs -d '\n')"
bad=0; mkdir x && tar -C x -xf all.tar && for f in x/blobs/sha256/*; do [ "$(sum <"$f")" = "${f##*/}" ] || bad=$((bad + 1)); done
same "each blob has its digest for a name" 0 $bad
same "of every size that the index and the manifests say" "" "$(for f in x/index.json x/blobs/sha256/*; do jq -r '.. | objects | select(.digest and .size) | "\(.digest[7:]) \(.size)"' "$f" 2>/dev/null; done |
    sort -u | while read -r digest size; do [ "$(stat -c %s "x/blobs/sha256/$digest")" = "$size" ] || echo "$digest"; done)"
b save two >repo.tar
same "a name alone is all its tags" '["two:a"] ["two:b"]' "$(tar xOf repo.tar manifest.json | jq -c '.[].RepoTags' | sort | xargs -d '\n')"
b save "$(id two:a)" >by-id.tar
same "by id, without a name" null "$(tar xOf by-id.tar manifest.json | jq -c '.[].RepoTags')"
get "get?names=two:a&names=two:a&names=$(id two:a)" >thrice.tar
same "asked for three times, there once" '["two:a"]' "$(tar xOf thrice.tar manifest.json | jq -c '.[].RepoTags')"
NOW=$(date +%s.%N); b save two:a >/dev/null
same "the event" "save" "$(d events --since "$NOW" --until "$(date +%s.%N)" --filter type=image --format '{{.Action}}')"

# ---- refusals
api_is "no name" 400 'names: one image' GET /images/get
api_is "no such image" 404 'No such image: nix:latest' GET '/images/get?names=two:a&names=nix'
api_is "no such image by its path" 404 'No such image: nix:latest' GET /images/nix/get
api_is "another platform" 404 'linux/arm64' GET '/images/two:a/get?platform=%7B%22os%22:%22linux%22,%22architecture%22:%22arm64%22%7D'
api_is "a platform that is none" 400 . GET '/images/two:a/get?platform=x'
check "this platform" b save --platform "linux/$(d version -f '{{.Server.Arch}}')" -o p.tar two:a
like "another one, by berth" "linux/arm64" "$(b save --platform linux/arm64 -o p2.tar two:a 2>&1)"
like "a terminal is refused" "cowardly refusing" "$(script -qec "nsenter --net=/proc/$HOST_NS_PID/ns/net $BERTH save two:a" /dev/null 2>&1)"
check "where there is no folder" eval '! b save -o nowhere/x.tar two:a'
mkdir small && mount -t tmpfs -o size=64k none small
like "a disk that is full" "no space left" "$(b save -o small/x.tar two:a 2>&1 | tr '[:upper:]' '[:lower:]')"
same "nothing half-made" "" "$(ls -A small; ls | grep -E 'part|p2.tar|nowhere')"
umount small

# ---- others read it, and theirs are read
again() { # NAME FILE IMAGE [AS]: it comes back with the same id
    local was; was=$(id "$3")
    d rmi -f "$was" >/dev/null
    if d load -q -i "$2" >load.out 2>&1 && [ "$(id "${4:-$3}")" = "$was" ]; then ok "$1"; else not_ok "$1" "$(cat load.out) $was"; fi
    d tag "$was" "$3"
}
again "load of one's own" all.tar two:a
all all5.tar from-ustar other/name:x two:b two:a; check "and saved again it is the same" cmp all.tar all5.tar
check "skopeo: docker-archive" skopeo inspect docker-archive:repo.tar:two:a
check "skopeo: oci" skopeo inspect oci-archive:by-id.tar
check "skopeo: by its name in the index" skopeo inspect oci-archive:repo.tar:a
same "skopeo: the same id" "$(id two:a)" "$(skopeo inspect --raw oci-archive:by-id.tar | jq -r .config.digest)"
copy() { skopeo copy -q --insecure-policy "$@"; }
check "skopeo: copied to a docker-archive" copy docker-archive:repo.tar:two:a docker-archive:sk.tar:two:a
again "and loaded" sk.tar two:a
for f in gzip zstd; do
    check "skopeo: to OCI, $f" copy --dest-compress --dest-compress-format $f oci-archive:by-id.tar oci-archive:sk-$f.tar:two:a
    again "and loaded" sk-$f.tar two:a
done
layered() { # COMMAND: a docker-archive whose layers went through it
    rm -rf y && mkdir y && tar -C y -xf by-id.tar && for f in $(jq -r '.[].Layers[]' y/manifest.json); do $1 <"y/$f" >z && mv z "y/$f"; done
    jq -c '.[].RepoTags=["two:a"]' y/manifest.json >z && mv z y/manifest.json; rm y/index.json
    tar -C y -cf layered.tar .
}
for c in xz bzip2 "gzip -n" zstd; do layered "$c"; again "layers in ${c%% *}" layered.tar two:a; done
for c in xz bzip2 "gzip -n" zstd; do $c <repo.tar >packed.tar; again "an archive in ${c%% *}" packed.tar two:a; done
if command -v umoci >/dev/null; then
    check "umoci unpacks it" umoci raw unpack --image x:x bundle # the tag of other/name:x
    same "umoci: the same file" 2 "$(cat bundle/2)"
fi

if command -v podman >/dev/null; then
    pod() { podman --root "$HOST/pod" --runroot "$HOST/pod-run" --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"; }
    check "podman loads it" pod load -q -i repo.tar
    for t in a b; do same "with its id: $t" "$(id two:$t)" "sha256:$(pod image inspect -f '{{.Id}}' localhost/two:$t)"; done
    check "podman saves, docker-archive" pod save -q --format docker-archive -o pod.tar localhost/two:a
    again "and it is loaded" pod.tar two:a localhost/two:a
    check "podman saves, oci-archive" pod save -q --format oci-archive -o pod-oci.tar localhost/two:a
    d load -q -i pod-oci.tar >/dev/null # podman writes the configuration anew
    same "and it is loaded" "$(skopeo inspect --raw oci-archive:pod-oci.tar | jq -r .config.digest)" "$(id localhost/two:a)"
    umount "$HOST/pod/vfs" 2>/dev/null; umount "$HOST/pod" 2>/dev/null
else
    echo "# no podman"
fi
k() { in_host /usr/bin/docker -H "unix://$HOST/docker.sock" "$@"; }
if command -v dockerd >/dev/null; then
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- unshare -m dockerd --data-root "$HOST/docker" --exec-root "$HOST/docker-exec" --bridge none --iptables=false \
        --pidfile "$HOST/docker.pid" -H "unix://$HOST/docker.sock" --shutdown-timeout 1 --storage-driver vfs >"$HOST/docker.log" 2>&1 &
    DOCKERD=$!
    if poll 30 k info; then
        check "dockerd loads it" k load -q -i all.tar
        for t in two:a two:b other/name:x from-ustar; do same "with its id: $t" "$(id $t)" "$(k image inspect -f '{{.Id}}' $t)"; done
        k save -o docker.tar two:a other/name:x
        again "what dockerd saves is loaded" docker.tar two:a
        again "all of it" docker.tar two:b other/name:x
    else
        not_ok "dockerd starts" "$(tail -5 "$HOST/docker.log")"
    fi
    docker_stop
else
    echo "# no dockerd"
fi

# ---- clients that go, or take their time
head -c 50000000 /dev/urandom >large; tar -cf large.tar large; d import large.tar large >/dev/null
poll 10 idle
fds() { find "/proc/$ENGINE_PID/fd" -lname '*/layers/*/*' | wc -l; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$ENGINE_PID/status"; }
was=$(rss)
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do curl -s --limit-rate 100k --unix-socket "$SOCK" http://x/images/large/get -o /dev/null & SLOW="$SLOW $!"; done
check "twelve slow clients are served" poll 10 eval '[ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -o image/save | wc -l)" = 12 ]'
check "each costs little memory" test "$(($(rss) - was))" -lt 40000
check "they hold no worker: others are served meanwhile" eval 'get large/get | cmp - <(b save large)'
check "and images are loaded" d load -q -i repo.tar
b rmi -f large >/dev/null
check "an image may be removed meanwhile" eval '! b image inspect large'
kill $SLOW; wait $SLOW 2>/dev/null
check "who goes leaves nothing" poll 10 eval 'idle && [ "$(fds)" = 0 ]'
check "then the layer goes" poll 10 eval '[ -z "$(find "$HOST/data/layers" -name large)" ]'

# ---- a file that somebody has changed, a record that is not there
victim=$(find "$HOST/data/layers" -path '*/diff/many/123' | head -1)
chain=${victim%/diff/*}; layer=${chain##*/}
of=$(for t in ustar gnu pax; do [ "$(sum <$t.tar)" != "$layer" ] || echo $t; done)
printf X | dd of="$victim" bs=1 seek=7 conv=notrunc 2>/dev/null
check "a layer that was changed is not given back" eval '! b save -o changed.tar from-$of 2>/dev/null'
same "nothing half-made" "" "$(ls -A | grep changed)"
like "the file is named" "many/123 of layer sha256:.* has got other content" "$(grep 'answer breaks off' "$HOST/engine.log" | tail -1)"
mv "$chain/tar-record" away
api_is "without a record: what to do is said" 409 'older engine.*pull or load its image again' GET /images/from-$of/get
echo garbage >"$chain/tar-record"
api_is "a damaged record" 409 'record of its archive is damaged.*pull or load it again' GET /images/from-$of/get
gzip -9 <away >"$chain/tar-record"
api_is "another file in its place" 409 'record of its archive is damaged' GET /images/from-$of/get
rm -f "$chain/tar-record"; mkfifo "$chain/tar-record"
api_is "not even a file" '409|500' . GET /images/from-$of/get
rm -f "$chain/tar-record"


# ---- what an older engine has unpacked: pulled or loaded again, it is whole
for by in "pull -q 127.0.0.1:5000/busybox" "load -q -i busybox.tar"; do
    b save -o busybox.tar 127.0.0.1:5000/busybox
    engine_stop; rm -f "$HOST"/data/layers/*/tar-record; engine_start
    api_is "an older engine's" 409 'older engine' GET '/images/get?names=127.0.0.1:5000/busybox'
    check "comes again: ${by%% *}" d $by
    b save -o busybox2.tar 127.0.0.1:5000/busybox
    check "and is what it was" cmp busybox.tar busybox2.tar
done
same "nothing half-made" "" "$(ls "$HOST/data/layers/tmp")"

# ---- removal takes all of it
d rmi -f $(d images -qa | sort -u) >/dev/null 2>&1
check "nothing is left of layers" poll 10 eval '[ "$(ls "$HOST/data/layers" | xargs)" = "init tmp" ] && [ -z "$(ls "$HOST/data/layers/tmp" "$HOST/data/tmp" 2>/dev/null | grep -v :)" ]'
check "idle" poll 10 idle
finish
