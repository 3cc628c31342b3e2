#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# POST /build: its stream and its errors, parameters that are honoured, refused and warned of; cancel; the cache in df and prune;
# one step for two builds; a policy; docker-py, docker-compose and `berth build`.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
T=$HOST/t; mkdir -p "$T/ctx"; cd "$T/ctx" || exit 1
echo one >one
TAR='Content-Type: application/x-tar'
# post QUERY <Dockerfile: BODY is the stream
post() {
    cat >"$T/ctx/Dockerfile"
    tar -C "$T/ctx" -cf "$T/ctx.tar" .
    api POST "/build?$1" '' -H "$TAR" --data-binary "@$T/${2:-ctx.tar}"
}
streams() { printf %s "$BODY" | jq -rj 'select(.stream).stream'; }
post 't=a:1&t=b&rm=1' <<<'FROM busybox
RUN echo said; echo loud >&2
LABEL a=b'
same "each line is an object" 0 "$(printf %s "$BODY" | jq -e . >/dev/null; echo $?)"
like "steps" '^Step 2/3 : RUN echo said; echo loud >&2$' "$(streams)"
like "stderr in red, as Docker's" "^.\[91mloud" "$(streams)"
same "the end" "Successfully tagged b:latest" "$(streams | tail -1)"
id=$(printf %s "$BODY" | jq -r 'select(.aux).aux.ID' | tail -1)
same "aux is the image; both names are its" "$id $id" "$(d image inspect -f '{{.Id}}' a:1 b | xargs)"
same "the intermediate container is told of" 1 "$(streams | grep -c 'Removing intermediate container [0-9a-f]\{12\}$')"
post 'rm=1' <<<'FROM busybox
RUN exit 7'
same "a failed command: code and message" '{"code":7,"message":"The command '"'/bin/sh -c exit 7'"' returned a non-zero code: 7"}' "$(printf %s "$BODY" | jq -c 'select(.errorDetail).errorDetail')"
same "its container is there" "Exited (7)" "$(d ps -a --format '{{.Status}}' | cut -c1-10)"
engine_stop; engine_start
same "and stays there" 1 "$(d ps -aq | wc -l)"; containers_clear
post 'forcerm=1' <<<'FROM busybox
RUN exit 7'
same "forcerm takes it away" "" "$(poll 5 eval '[ -z "$(d ps -aq)" ]'; d ps -aq)"
post 'rm=0&nocache=1' <<<'FROM busybox
RUN true'
same "rm=0 leaves it" 1 "$(d ps -aq | wc -l)"; containers_clear
post 'q=1' <<<'FROM busybox
LABEL q=1'
like "q: nothing but the id" '^\{"stream":"sha256:[0-9a-f]{64}\\n"\}.?$' "$BODY"
post 'q=1' <<<'FROM busybox
RUN echo why; exit 1'
like "q: what failed is shown whole" 'why' "$BODY"

refused() { local name=$1 query=$2 want=$3 text=${4:-FROM busybox}; post "$query" <<<"$text"
    if [[ $STATUS = [45]* ]] && grep -Eq "$want" <<<"$BODY"; then ok "$name"; else not_ok "$name" "$STATUS $BODY"; fi; }
refused "a file that is not there" 'dockerfile=nosuch' 'Cannot locate specified Dockerfile: nosuch'
refused "a file out of the context" 'dockerfile=../../../etc/passwd' 'Cannot locate specified Dockerfile'
refused "a syntax error is an HTTP error" '' 'dockerfile parse error on line 1: unknown instruction: FORM' 'FORM x'
refused "a bad name" 't=UPPER' 'repository name must be lowercase'
refused "a bad platform" 'platform=x/y/z/w' 'platform|invalid'
refused "bad build args" 'buildargs=nojson' 'error reading build args'
refused "a bad number" 'memory=x' 'memory'
refused "squash" 'squash=1' 'squash is only supported with experimental mode'
refused "outputs" 'outputs=x' 'outputs need BuildKit'
refused "a session" 'session=x' 'DOCKER_BUILDKIT=0'
refused "BuildKit" 'version=2' 'DOCKER_BUILDKIT=0'
refused "security options" 'securityopt=%5B%22seccomp%3Dunconfined%22%5D' 'does not support setting security options on build'
refused "remote" 'remote=git@x.example/x' 'not supported by this version of berth: clone it'
api POST /build 'no tar at all, whatever it is, and long enough to be looked at' -H "$TAR"
like "a body that is no tar" 'no valid tar archive' "$BODY"
for how in gzip bzip2 xz zstd; do
    echo 'FROM busybox
LABEL by='$how >Dockerfile; tar -cf - . | $how -c >"$T/ctx.$how"
    api POST "/build?t=$how" '' -H "$TAR" --data-binary "@$T/ctx.$how"
    same "$how" "$how" "$(d image inspect -f '{{.Config.Labels.by}}' $how)"
done
post 'cachefrom=%5B%22x%22%5D&buildargs=%7B%22NOBODY%22%3A%221%22%7D' <<<'FROM busybox'
like "cachefrom is warned of" 'Warning.*--cache-from has no effect' "$(streams)"
like "build args that nobody wants, too" '\[Warning\] One or more build-args \[NOBODY\] were not consumed' "$(streams)"
post 'networkmode=nosuch&nocache=1' <<<'FROM busybox
RUN true'
like "a network that is not there" 'network nosuch not found' "$BODY"

# ---- what goes in the middle
containers_clear
running() { api GET '/containers/json'; [ "$(printf %s "$BODY" | jq length)" = "$1" ]; }
begin() { # QUERY: a build that takes long, in the background
    printf 'FROM busybox\nRUN echo begun; sleep 100\n' >Dockerfile; tar -cf "$T/long.tar" .
    rm -f "$T/long"; curl -s -N -X POST -H "$TAR" --data-binary "@$T/long.tar" --unix-socket "$SOCK" "http://x/build?nocache=1&$1" >"$T/long" & LONG=$!
    poll 10 grep -q begun "$T/long"
}
begin ''; kill $LONG; wait $LONG 2>/dev/null
check "a client that goes: its container goes" poll 10 eval '[ -z "$(d ps -aq)" ]'
begin buildid=mine; api POST '/build/cancel?id=mine'
same "cancel" 204 "$STATUS"; wait $LONG
like "is told" 'the build was cancelled' "$(cat "$T/long")"
check "and its container goes" poll 10 eval '[ -z "$(d ps -aq)" ]'
api_is "cancel of nothing" 404 'no build has the id' POST '/build/cancel?id=nosuch'
begin ''; d rm -f "$(d ps -q)" >/dev/null; wait $LONG
like "a container that somebody removes" 'was removed while the build ran in it|non-zero code' "$(cat "$T/long")"

# ---- one step for two builds
printf 'FROM busybox\nRUN sleep 1; cat /proc/sys/kernel/random/uuid >/once\n' >Dockerfile; tar -cf "$T/once.tar" .
for n in 1 2 3; do curl -s -X POST -H "$TAR" --data-binary "@$T/once.tar" --unix-socket "$SOCK" "http://x/build?t=once:$n" >/dev/null & W[n]=$!; done
wait "${W[@]}"
same "three builds at once make a step once" 1 "$(d images -q once | sort -u | wc -l)"

# ---- the cache
api GET /system/df
check "df shows it" eval "printf %s '$BODY' | jq -e '.BuildCache | length > 3 and all(.ID and .Size >= 0 and .Type)' >/dev/null"
api_is "a filter that is none" 400 'filtered by' POST '/build/prune?filters=%7B%22type%22%3A%5B%22x%22%5D%7D'
api POST '/build/prune'
same "prune: what no image is made of" "200 true" "$STATUS $(printf %s "$BODY" | jq '.CachesDeleted | length > 0')"
d rmi -f $(d images -q | sort -u | grep -v "$(d images -q busybox | head -1)") >/dev/null 2>&1
api POST '/build/prune?all=1'; api GET /system/df
same "all of it" 0 "$(printf %s "$BODY" | jq '.BuildCache | length')"
settled
same "the layers go with it" 1 "$(find "$HOST/data/layers" -mindepth 1 -maxdepth 1 -type d -regex '.*/[0-9a-f]*' | wc -l)"

# ---- clients
cat >"$T/py.py" <<'PY'
import io, sys, docker
c = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto")
image, log = c.images.build(path=".", tag="py:1", buildargs={"W": "x"}, labels={"l": "m"}, rm=True)
print(image.tags, image.labels, any("said x" in l.get("stream", "") for l in log))
try:
    c.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN false\n"))
except docker.errors.BuildError as e:
    print(e.msg)
PY
printf 'FROM busybox\nARG W\nRUN echo said $W\n' >Dockerfile
python=; for p in /usr/bin/python3 python3; do $p -c 'import docker' 2>/dev/null && python=$p && break; done
same "docker-py" "['py:1'] {'l': 'm'} True
The command '/bin/sh -c false' returned a non-zero code: 1" "$(in_host "$python" "$T/py.py" "$SOCK" 2>&1)"
mkdir "$T/compose"; cd "$T/compose" || exit 1
printf 'FROM busybox\nARG V\nRUN echo $V >/v\nCMD ["cat", "/v"]\n' >Dockerfile
printf 'version: "3.4"\nservices:\n  s:\n    image: composed\n    network_mode: none\n    build:\n      context: .\n      args: {V: composed-value}\n' >docker-compose.yml
same "docker-compose" "composed-value" "$(COMPOSE_DOCKER_CLI_BUILD=0 in_host docker-compose -p p run --rm s 2>"$T/compose.log" | tr -d '\r' | tail -1)"
containers_clear; d rm -f $(d ps -aq) >/dev/null 2>&1

# ---- berth build
mkdir -p "$T/cli/sub/deep" "$T/cli/out"; cd "$T/cli" || exit 1
echo keep >keep; echo drop >drop; echo in >sub/in; echo deep >sub/deep/x; echo back >out/back; echo gone >out/gone
printf 'drop\nsub/deep\nout\n!out/back\n' >.dockerignore
printf 'FROM busybox\nARG A=none\nCOPY . /all\nRUN echo $A $(cd /all; find . -type f | sort | xargs)\n' >Dockerfile
out=$(A=mine b build -t cli:1 --build-arg A --label x=y --iidfile "$T/iid" . 2>&1)
like "berth build: .dockerignore, a build arg of the caller's" '^mine ./.dockerignore ./Dockerfile ./keep ./out/back ./sub/in$' "$out"
same "its label, the id in a file" "y $(cat "$T/iid")" "$(d image inspect -f '{{.Config.Labels.x}} {{.Id}}' cli:1)"
same "-q" "$(cat "$T/iid")" "$(A=mine b build -q --build-arg A --label x=y .)"
printf 'FROM busybox\nLABEL from=outside\n' >"$T/outside"
b build -q -t cli:2 -f "$T/outside" . >/dev/null; same "-f outside" outside "$(d image inspect -f '{{.Config.Labels.from}}' cli:2)"
b build -q -t cli:3 -f - . <"$T/outside" >/dev/null; same "-f -" outside "$(d image inspect -f '{{.Config.Labels.from}}' cli:3)"
b build -q -t cli:4 - <"$T/outside" >/dev/null; same "a Dockerfile on stdin" outside "$(d image inspect -f '{{.Config.Labels.from}}' cli:4)"
tar -czf - . | b build -q -t cli:5 - >/dev/null; same "a tar on stdin" 1 "$(d images -q cli:5 | wc -l)"
printf 'FROM busybox\nRUN exit 9\n' >bad
out=$(b build --force-rm -f bad . 2>&1); rc=$?
same "it fails" 1 $rc; like "with the sentence" "returned a non-zero code: 9" "$out"
like "a folder that is not there" 'unable to prepare context: path "nosuch" not found' "$(b build nosuch 2>&1)"
like "builder prune" 'Total reclaimed space' "$(b builder prune -af)"

settled
same "nothing runs" "" "$(d ps -aq)"
same "no context is left" "" "$(ls "$HOST/data/tmp")"
engine_sound
finish
