#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker push to Debian's docker-registry (open, with passwords, with tokens): what was pulled keeps its digest, what is there is
# not sent, what another repository there has is mounted; images made here come back as they were; Docker's lines and sentences.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
P=()
trap 'kill "${P[@]}" 2>/dev/null; host_down' EXIT
b() { in_host "$BERTH" "$@"; }
R=127.0.0.1:5000
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
sum() { sha256sum | cut -d' ' -f1; }
digest() { in_host skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1" 2>&1; }
manifest() { in_host skopeo inspect --raw --tls-verify=false "docker://$1"; }
id() { d image inspect -f '{{.Id}}' "$1"; }
registry_at() { # PORT EXTRA-YAML: another registry, of its own files
    mkdir -p "$HOST/files-$1"
    printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: "127.0.0.1:%s"}\n%s\n' "$HOST/files-$1" "$1" "${2:-}" >"$HOST/r-$1.yml"
    in_host docker-registry serve "$HOST/r-$1.yml" >"$HOST/r-$1.log" 2>&1 &
    P+=($!)
    poll 10 eval 'in_host curl -s -o /dev/null http://127.0.0.1:'"$1"'/v2/'
}

# ---- an image that was pulled
FIRST=$(digest $R/busybox:latest)
d tag $R/busybox $R/a/same:v1
like "it is mounted from where it was pulled" 'Mounted from busybox$' "$(d push $R/a/same:v1 2>&1)"
same "with the digest that it had" "$FIRST" "$(digest $R/a/same:v1)"
same "and its very bytes" "$(manifest $R/busybox | sum)" "$(manifest $R/a/same:v1 | sum)"
OUT=$(b push $R/a/same:v1)
same "again: nothing is sent" "The push refers to repository [$R/a/same]
$(printf %.12s "$(d image inspect -f '{{index .RootFS.Layers 0}}' busybox | cut -d: -f2)"): Preparing
$(printf %.12s "$(d image inspect -f '{{index .RootFS.Layers 0}}' busybox | cut -d: -f2)"): Layer already exists
v1: digest: $FIRST size: $(manifest $R/busybox | wc -c)" "$OUT"
like "the digest is a name of the image" "a/same@$FIRST" "$(d image inspect -f '{{.RepoDigests}}' $R/a/same:v1)"

# ---- the wire
curl -s -X POST --unix-socket "$SOCK" "http://x/images/$R/a/same/push?tag=v1" >lines
same "each line is a JSON object" "$(wc -l <lines)" "$(jq -c . lines | wc -l)"
same "the last one is for programs" "v1 $FIRST" "$(tail -1 lines | jq -r '"\(.aux.Tag) \(.aux.Digest)"')"
same "of the manifest's size" "$(manifest $R/busybox | wc -c)" "$(tail -1 lines | jq .aux.Size)"
api_is "no reference" 400 'invalid reference format|must be lowercase' POST "/images/$R/UPPER/push?tag=x"
api_is "a digest" 400 'cannot push a digest reference' POST "/images/$R/a/same@$FIRST/push"
api_is "no such image: told in the stream, as Docker" 200 '"error":"An image does not exist locally with the tag: '$R'/none"' POST "/images/$R/none/push?tag=x"
api_is "no such tag" 200 '"error":"tag does not exist: '$R'/a/same:v9"' POST "/images/$R/a/same/push?tag=v9"
api_is "no tag of a repository that is not there" 200 'An image does not exist locally with the tag: '$R'/none"' POST "/images/$R/none/push"
api_is "of another platform" 200 'errorDetail.*platform' POST "/images/$R/a/same/push?tag=v1&platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22s390x%22%7D"
api_is "of this one" 200 '"aux"' POST "/images/$R/a/same/push?tag=v1&platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22$(d version -f '{{.Server.Arch}}')%22%7D"
api_is "a platform that is none" 400 'platform|invalid' POST "/images/$R/a/same/push?tag=v1&platform=nothing"
curl -s -m 5 -N --unix-socket "$SOCK" 'http://x/events?since=1&until='"$(($(date +%s) + 1))" >events
like "the event" "push $R/a/same:v1 $R/a/same" "$(jq -r 'select(.Action == "push") | "\(.Action) \(.Actor.ID) \(.Actor.Attributes.name)"' events)"

# ---- images made here: import, commit, build; one with two layers of the same content
printf 1 >one; head -c 12000000 /dev/urandom >noise; tar -cf made.tar one noise; tar -cf empty.tar -T /dev/null
d import made.tar $R/made:1 >/dev/null
b push $R/made:1 >out; like "it is sent" ': Pushed$' "$(cat out)"
IN=$(digest $R/made:1)
d create --name cc $R/made:1 x >/dev/null; d cp one cc:/two; d commit cc $R/made:2 >/dev/null; d rm cc >/dev/null
d push $R/made:2 >out 2>&1
same "the layer below is there, the one above is sent" "1 1" "$(grep -c 'Layer already exists$' out) $(grep -c ': Pushed$' out)"
MADE=$(id $R/made:2)
mkdir ctx && echo here >ctx/f && printf 'FROM %s/made:1\nCOPY f /f\nLABEL a=b\n' $R >ctx/Dockerfile
DOCKER_BUILDKIT=0 d build -q -t $R/built:x ctx >/dev/null 2>&1
like "what is built on it mounts it" 'Mounted from made$' "$(d push $R/built:x 2>&1)"
engine_stop; engine_start
same "a second time, by the next engine: the same digest, nothing sent" "$(digest $R/made:2) 2" "$(b push $R/made:2 >out; digest $R/made:2) $(grep -c 'Layer already exists' out)"
like "it remembers where to mount from" 'Mounted from (made|built)$' "$(d tag $R/made:1 $R/other/made:1; d push $R/other/made:1 2>&1)"
same "from there with the same digest" "$IN" "$(digest $R/other/made:1)"
d rmi -f $R/made:2 >/dev/null; d pull -q $R/made:2 >/dev/null
same "pulled back it is the same image" "$MADE" "$(id $R/made:2)"
same "and its files are" "$(sum <noise)" "$(in_host skopeo copy -q --insecure-policy --src-tls-verify=false docker://$R/made:1 docker-archive:back.tar:x:y && tar -xOf back.tar "$(tar -xOf back.tar manifest.json | jq -r '.[0].Layers[0]')" | tar -xO noise | sum)"
same "podman takes it" 0 "$(in_host podman --root "$HOST/podman" --runroot "$HOST/podman-run" --storage-driver vfs pull -q --tls-verify=false $R/made:2 >podman.out 2>&1; echo $?)"
same "Docker's kind of manifest" "application/vnd.docker.distribution.manifest.v2+json application/vnd.docker.image.rootfs.diff.tar.gzip" "$(manifest $R/made:1 | jq -r '"\(.mediaType) \(.layers[0].mediaType)"')"

# ---- all tags
d tag $R/made:1 $R/many:a; d tag $R/made:2 $R/many:b; d tag busybox $R/many:c
d push -q -a $R/many >out 2>&1; same "-q" "" "$(grep -v many out)"
same "-a" "a b c" "$(in_host curl -s http://$R/v2/many/tags/list | jq -r '.tags[]' | sort | xargs)"
like "a tag and -a" "tag can't be used with --all-tags/-a" "$(b push -a $R/many:a 2>&1)"
same "berth push -q says the name alone" "$R/many:a" "$(b push -q $R/many:a)"
like "content trust is refused" 'content trust is not supported' "$(b push --disable-content-trust=false $R/many:a 2>&1)"
like "without a tag" 'Using default tag: latest' "$(b push $R/many 2>&1)"

# ---- another registry has none of it; OCI stays OCI
registry_at 5002; registry_at 5006; registry_at 5007
O=127.0.0.1:5002 H=127.0.0.1:5006
in_host skopeo copy -q --insecure-policy --format oci --src-tls-verify=false --dest-tls-verify=false docker://$R/made:2 docker://$O/oci:1
d pull -q $O/oci:1 >/dev/null; d tag $O/oci:1 $R/oci:1; d push $R/oci:1 >out 2>&1
same "an OCI manifest comes as it was" "$(manifest $O/oci:1 | sum)" "$(manifest $R/oci:1 | sum)"
d tag $R/a/same:v1 $O/new:1; d push $O/new:1 >out 2>&1; like "elsewhere it is sent" ': Pushed$' "$(cat out)"
d rmi $O/new:1 >/dev/null
d pull -q $O/new:1 >/dev/null; same "and is the same image" "$(id busybox)" "$(id $O/new:1)"
put_blob() { # REPOSITORY FILE
    local at; at=$(in_host curl -s -i -X POST "http://$O/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //p')
    in_host curl -s -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$at&digest=sha256:$(sum <"$2")"
}
printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(sum <made.tar)" >config.json
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}],"annotations":{"of":"tests"}}' \
    "$(sum <config.json)" "$(stat -c %s config.json)" "$(sum <made.tar)" "$(stat -c %s made.tar)" >plain.json
put_blob plain config.json; put_blob plain made.tar
in_host curl -s -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @plain.json http://$O/v2/plain/manifests/1
d pull -q $O/plain:1 >/dev/null; d tag $O/plain:1 $H/plain:1
same "layers that came as plain tars go so, and the digest stays" "$(sum <plain.json)" "$(d push $H/plain:1 >out 2>&1; manifest $H/plain:1 | sum)"
like "they were sent" ': Pushed$' "$(cat out)"
H=127.0.0.1:5007; d tag $O/oci:1 $H/oci:1; d push $H/oci:1 >out 2>&1
same "an OCI manifest that has to be made anew stays OCI" "application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.layer.v1.tar+gzip application/vnd.oci.image.config.v1+json" \
    "$(manifest $H/oci:1 | jq -r '"\(.mediaType) \(.layers[0].mediaType) \(.config.mediaType)"')"

# ---- passwords
printf 'user:%s\n' "$(python3 -W ignore -c "import crypt; print(crypt.crypt('secret', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))")" >"$HOST/htpasswd"
registry_at 5003 "auth: {htpasswd: {realm: x, path: $HOST/htpasswd}}"
H=127.0.0.1:5003
export HOME=$HOST/home; mkdir "$HOME"
d tag $R/made:2 $H/made:2
like "nobody may not push" 'authentication required|no basic auth credentials' "$(d push $H/made:2 2>&1)"
echo secret | b login -u user --password-stdin $H >/dev/null 2>&1 || mkdir -p "$HOME/.docker" && printf '{"auths":{"%s":{"auth":"%s"},"127.0.0.1:5004":{"auth":"%s"}}}' $H "$(printf user:secret | base64)" "$(printf user:secret | base64)" >"$HOME/.docker/config.json"
like "with a password, by docker" '2: digest: sha256' "$(d push $H/made:2 2>&1)"
d tag $R/built:x $H/built:x
like "and by berth" 'x: digest: sha256' "$(b push $H/built:x 2>&1)"
same "both are there" "built made" "$(in_host curl -s -u user:secret http://$H/v2/_catalog | jq -r '.repositories[]' | xargs)"

# ---- tokens
mkdir "$HOST/tokens"; in_host python3 "$BERTH_SRC/tests/lib/token_server.py" 5005 "$HOST/tokens" >"$HOST/tokens/log" 2>&1 & P+=($!)
poll 10 test -e "$HOST/tokens/cert.pem" || { not_ok "a token service" "$(cat "$HOST/tokens/log")"; finish; exit 1; }
registry_at 5004 "auth: {token: {realm: 'http://127.0.0.1:5005/token', service: registry, issuer: tests, rootcertbundle: $HOST/tokens/cert.pem}}"
K=127.0.0.1:5004
d tag $R/made:2 $K/made:2; d tag $R/made:2 $K/second:2; d tag $R/made:2 $K/others/x:2
like "with a token" '2: digest: sha256' "$(d push $K/made:2 2>&1)"
like "that allows to mount" 'Mounted from made$' "$(b push $K/second:2 2>&1)"
like "the scopes" '^repository:second:pull,push repository:made:pull$' "$(tail -2 "$HOST/tokens/scopes" | xargs)"
like "what the token does not allow is refused in the registry's words" 'denied|unauthorized: authentication required|access to the requested resource is not authorized' "$(d push $K/others/x:2 2>&1)"
if python3 -c 'import docker' 2>/dev/null; then
    same "docker-py" "True True" "$(in_host env DOCKER_HOST="unix://$SOCK" python3 -c '
import docker, sys
c = docker.from_env()
lines = list(c.images.push(sys.argv[1], tag="2", stream=True, decode=True, auth_config={"username": "user", "password": "secret"}))
bad = list(c.images.push(sys.argv[1], tag="2", stream=True, decode=True, auth_config={"username": "user", "password": "wrong"}))
print(lines[-1].get("aux", {}).get("Tag") == "2", "error" in bad[-1])' $K/made 2>&1)"
fi

# ---- TLS
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1 -keyout "$HOST/key.pem" -out "$HOST/cert.pem" 2>/dev/null
mkdir -p "$HOST/files-5009"
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:5009", tls: {certificate: %s, key: %s}}\n' "$HOST/files-5009" "$HOST/cert.pem" "$HOST/key.pem" >"$HOST/r-5009.yml"
in_host docker-registry serve "$HOST/r-5009.yml" >"$HOST/r-5009.log" 2>&1 & P+=($!)
poll 10 eval 'in_host curl -ks -o /dev/null https://127.0.0.1:5009/v2/'
d tag $R/made:2 127.0.0.1:5009/tls:1
like "over TLS" '1: digest: sha256' "$(d push 127.0.0.1:5009/tls:1 2>&1)"

# ---- what is wrong is said
RECORD=$(dirname "$(dirname "$(find "$HOST/data/layers" -path '*/diff/noise' | head -1)")")/tar-record
mv "$RECORD" record; registry_at 5010; d tag $R/made:1 127.0.0.1:5010/old:1
like "a layer without a record" 'kept no record of its archive; pull or load its image again' "$(d push 127.0.0.1:5010/old:1 2>&1)"
mv record "$RECORD"
printf 1 >"$(find "$HOST/data/layers" -path '*/diff/one' | head -1)x"
FILE=$(find "$HOST/data/layers" -path '*/diff/noise' | head -1); cp -a "$FILE" keep; printf x | dd of="$FILE" bs=1 seek=5000000 conv=notrunc 2>/dev/null
registry_at 5008; O=127.0.0.1:5008
d tag $R/made:1 $O/changed:1
OUT=$(d push $O/changed:1 2>&1); like "a layer that somebody has changed is named, file and all" 'the file noise of layer .* other content' "$OUT"
same "and is not there" "" "$(in_host curl -s http://$O/v2/changed/tags/list | jq -r '.tags[]?')"
cp -a keep "$FILE"
like "given back, it goes" '1: digest' "$(d push $O/changed:1 2>&1)"
like "nobody answers" 'connection refused' "$(d tag busybox 127.0.0.1:5999/x:1; d push 127.0.0.1:5999/x:1 2>&1)"
poll 10 eval '[ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]'
same "nothing of a layer is open" "" "$(find "/proc/$ENGINE_PID/fd" -lname '*/layers/*/*')"
poll 2 eval '[ -z "$(find "$HOST"/registry "$HOST"/files-* -path "*/_uploads/*" -name data)" ]'
# docker-registry writes on what a broken PATCH has brought, perhaps after the DELETE has removed the rest: that one was asked counts.
kept() {
    local file id
    find "$HOST"/registry "$HOST"/files-* -path '*/_uploads/*' -name data | while read -r file; do
        id=${file%/data}; id=${id##*/}
        grep -qsE "DELETE /v2/[^ ]*/blobs/uploads/$id" "$HOST"/r-*.log || echo "$file"
    done
}
same "uploads that came to nothing are given up at the registry" "" "$(kept | head -3)"
engine_stop
like "of those that are here something is remembered" "^[3-9]|^[1-9][0-9]" "$(sqlite3 "$HOST/data/state.db" "select count(*) from documents where kind='blob'" 2>&1)"
engine_start
d rmi -f $(d images -q | sort -u) >/dev/null 2>&1; api POST '/build/prune?all=1'
engine_stop
same "of images that are gone nothing is remembered" "" "$(sqlite3 "$HOST/data/state.db" "select id from documents where kind='blob'" 2>&1)"
engine_start
engine_sound
finish
