#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN --mount of each type: what the command sees, what no layer has afterwards, what is kept for the next build, what the cache
# depends on, and the sentences of errors.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
export DOCKER_BUILDKIT=0
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
build() { # TAG [FLAGS…] <Dockerfile: OUT is what is said
    local tag=$1 text; shift
    text=$(cat)
    printf '%s\n' "$text" >"$T/Dockerfile"
    OUT=$("${CLIENT[@]}" build -t "$tag" "$@" -f "$T/Dockerfile" "$T/ctx" 2>&1)
}
CLIENT=(d)
inside() { d run --rm --entrypoint sh "$1" -c "$2" 2>&1; }
says() { like "$1" "$2" "$OUT"; }
cached() { grep -c 'Using cache' <<<"$OUT"; }
files() { d create --name files "$1" >/dev/null; d export files | tar -t | grep -v '/$' | sort; d rm files >/dev/null; } # of an image
changed() { d history -q --no-trunc "$1" >/dev/null; d image save "$1" | python3 -c '
import io, json, sys, tarfile
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
last = json.load(t.extractfile("manifest.json"))[0]["Layers"][-1]
print(*sorted(m.name.rstrip("/") for m in tarfile.open(fileobj=t.extractfile(last))))'; } # names in the last layer
mkdir -p ctx/dir/sub; echo one >ctx/one; echo deep >ctx/dir/sub/deep; ln -s /etc/shadow ctx/out; ln -s ../../../../../../../../one ctx/dir/up

# ---- bind: the context
build bind:1 <<'X'
FROM busybox
RUN --mount=type=bind,target=/src cat /src/one /src/dir/sub/deep >/got
RUN --mount=target=/d,source=dir/sub cp /d/deep /deep
RUN --mount=target=/one.file,source=/one cat /one.file >/file
WORKDIR /w
RUN --mount=target=here ls here >/names
X
same "the context, a folder of it, a file, a target below WORKDIR" "one deep|deep|one|dir one out" "$(inside bind:1 'echo "$(xargs </got)|$(cat /deep)|$(cat /file)|$(xargs </names)"')"
same "nothing of it is in the image, nor what it was mounted on" "0" "$(files bind:1 | grep -cE '^(src|d/|one.file|w/here)')"
build bind:1 <"$T/Dockerfile"
same "all of it is cached" 5 "$(cached)"
echo other >ctx/dir/sub/deep
build bind:1 <"$T/Dockerfile"
same "a file has changed: what sees it runs again" "one other|other" "$(inside bind:1 'echo "$(xargs </got)|$(cat /deep)"')"
build bind:2 <<'X'
FROM busybox
RUN --mount=target=/d,source=dir/sub cp /d/deep /deep
X
build bind:2 <<'X'
FROM busybox
RUN --mount=target=/d,source=dir/sub cp /d/deep /deep
RUN --mount=target=/one,source=one cat /one >/1
X
echo unseen >ctx/dir/unseen
build bind:2 <"$T/Dockerfile"
same "a file that no mount shows: all is cached" 2 "$(cached)"
build bind:3 <<'X'
FROM busybox
RUN --mount=target=/src touch /src/x
X
says "it is read-only" 'Read-only file system'
build bind:3 <<'X'
FROM busybox
RUN --mount=target=/src,rw echo changed >/src/one && echo new >/src/dir/new && rm /src/dir/sub/deep && ls -a /src/dir/sub >/saw && cat /src/one >/one
RUN --mount=target=/src cat /src/one /src/dir/sub/deep >/again; ls /src/dir >>/again
X
same "rw: it sees what it writes" "changed" "$(inside bind:3 'cat /one')"
same "and the next one does not" "one other sub unseen up" "$(inside bind:3 'xargs </again')"
build bind:4 <<'X'
FROM busybox
RUN --mount=target=/x,source=out cat /x >/stolen
X
says "a link leads nowhere out of the context" 'not in the build context|file not found|does not exist'
build bind:4 <<'X'
FROM busybox
RUN --mount=target=/x,source=dir/up cat /x >/got
X
same "and up only as far as its root" one "$(inside bind:4 'cat /got')"
build bind:5 <<'X'
FROM busybox
RUN --mount=target=/x,source=nosuch true
X
says "a source that is not there" 'file not found in build context or excluded by .dockerignore: stat nosuch'

# ---- bind: stages and images
build from:1 <<'X'
FROM busybox AS made
RUN mkdir /out && echo made >/out/file && ln -s file /out/link
FROM busybox AS unused
RUN false
FROM busybox
RUN --mount=from=made,source=/out,target=/in cat /in/link >/got
RUN --mount=from=0,target=/all cat /all/out/file >/got2
RUN --mount=from=127.0.0.1:5000/busybox,target=/img ls /img/bin/busybox >/got3
RUN --mount=from=made,source=/out,target=/in,rw echo more >>/in/file && cat /in/file >/got4
RUN --mount=from=made,source=/out/file,target=/f cat /f >/got5
X
same "stages by name and number, an image, writable, a file" "made|made|/img/bin/busybox|made more|made" "$(inside from:1 'echo "$(cat /got)|$(cat /got2)|$(cat /got3)|$(xargs </got4)|$(cat /got5)"')"
build from:1 <"$T/Dockerfile"
same "cached" 6 "$(cached)"
build from:2 <<'X'
FROM scratch AS nothing
FROM busybox
RUN --mount=from=nothing,target=/in true
X
says "an empty stage" 'without any files'
build from:2 <<'X'
FROM busybox
RUN --mount=from=127.0.0.1:5000/nosuch,target=/in true
X
says "an image that is not there" 'nosuch'
build from:2 <<'X'
FROM busybox AS a
FROM busybox
RUN --mount=from=a,source=/nosuch,target=/in true
X
says "a path that the image has not" 'nosuch'

# ---- cache
build cache:1 <<'X'
FROM busybox
ARG N
RUN --mount=type=cache,target=/root/.cache echo "$N" >>/root/.cache/log; cp /root/.cache/log /seen
X
build cache:1 --build-arg N=1 <"$T/Dockerfile"
build cache:1 --build-arg N=2 <"$T/Dockerfile"
same "what one build has kept the next one finds" "1 2" "$(inside cache:1 'grep . /seen | xargs')"
same "no layer has it" 0 "$(files cache:1 | grep -c '\.cache')"
same "it is removed from where it was mounted" ". root seen" "$(changed cache:1)"
build cache:2 <<'X'
FROM busybox
ARG N
RUN --mount=type=cache,id=mine,target=/a,mode=0770,uid=7,gid=8 stat -c '%a %u %g' /a >/mode; echo kept >/a/k
RUN --mount=type=cache,id=mine,target=/elsewhere,ro cat /elsewhere/k >/k; touch /elsewhere/x 2>/ro || true
RUN --mount=type=cache,id=mine,target=/a --mount=type=cache,id=mine,target=/b,sharing=shared ls /a /b >/both
RUN --mount=type=cache,id=${N:-other},target=/a ls /a >/none
X
same "mode and owner, another target, read-only, twice at once, another id" "770 7 8|kept|touch: /elsewhere/x: Read-only file system|/a: k /b: k|" "$(inside cache:2 'echo "$(cat /mode)|$(cat /k)|$(cat /ro)|$(xargs </both)|$(cat /none)"')"
build cache:3 <<'X'
FROM busybox AS seed
RUN mkdir /s && echo seed >/s/f && chown 3:4 /s/f
FROM busybox
ARG N
RUN --mount=type=cache,from=seed,source=/s,target=/c stat -c '%u:%g' /c/f >/o; cat /c/f >>/o; echo "$N" >>/c/f
X
build cache:3 --build-arg N=more <"$T/Dockerfile"
same "it begins with what an image has, once" "3:4 seed" "$(inside cache:3 'head -2 /o | xargs')"
mkdir "$T/two"
locker() { # N SHARING SECONDS: fails when another one is in the folder
    mkdir "$T/lock$1"
    printf 'FROM busybox\nRUN --mount=type=cache,id=lock,target=/c,sharing=%s : %s && test ! -e /c/held && touch /c/held && sleep %s && rm /c/held\n' "$2" "$1" "$3" >"$T/lock$1/Dockerfile"
    d build "$T/lock$1" >"$T/lock$1/out" 2>&1
}
locker 1 locked 2 & LOCKERS=$!
poll 10 eval 'curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -q await-exit'
locker 2 locked 1 & LOCKERS="$LOCKERS $!"
locker 3 shared 0.5 & LOCKERS="$LOCKERS $!"
# shellcheck disable=SC2086
wait $LOCKERS
same "locked: alone, also beside one that shares" "1 1 1" "$(grep -c 'Successfully built' "$T"/lock?/out | cut -d: -f2 | xargs)"
private() { printf 'FROM busybox\nRUN --mount=type=cache,id=private,target=/c,sharing=private test ! -e /c/held && touch /c/held && sleep 3 && rm /c/held; ls /c; : %s\n' "$1" >"$T/two/P$1"; d build -f "$T/two/P$1" -t "private:$1" "$T/two" >"$T/two/out$1" 2>&1; }
private 1 & ONE=$!
private 2; wait $ONE
same "private: two at once have two" "$(printf '0\n0')" "$(grep -c 'returned a non-zero' "$T/two/out1" "$T/two/out2" | cut -d: -f2)"
like "df knows them" 'exec.cachemount' "$(curl -s --unix-socket "$SOCK" http://x/system/df | jq -r '.BuildCache[].Type')"
like "with their size" '^[1-9]' "$(curl -s --unix-socket "$SOCK" http://x/system/df | jq -r '.BuildCache[] | select(.Description == "mine") | .Size')"
engine_stop TERM; engine_start || exit 1
build cache:1 --build-arg N=3 <<'X'
FROM busybox
ARG N
RUN --mount=type=cache,target=/root/.cache echo "$N" >>/root/.cache/log; cp /root/.cache/log /seen
X
same "another engine has them, too" "1 2 3" "$(inside cache:1 'grep . /seen | xargs')"
d builder prune -f >/dev/null
same "prune removes them" 0 "$(curl -s --unix-socket "$SOCK" http://x/system/df | jq '[.BuildCache[] | select(.Type == "exec.cachemount")] | length')"
check "from the disk, too" poll 5 sh -c "! ls '$HOST/data/build-caches' | grep -q ."

# ---- tmpfs
build tmp:1 <<'X'
FROM busybox
RUN --mount=type=tmpfs,target=/t,size=1m dd if=/dev/zero of=/t/x bs=1M count=2 2>/err; stat -f -c %T /t >/kind; cp /bin/busybox /t/y 2>/dev/null; true
RUN --mount=type=tmpfs,target=/t printf '#!/bin/sh\necho ran' >/t/x && chmod +x /t/x && /t/x >/ran
X
same "a tmpfs of that size, where programs run" "tmpfs|1|ran" "$(inside tmp:1 'echo "$(cat /kind)|$(grep -c "No space" /err)|$(cat /ran)"')"

# ---- secret
CLIENT=("$BERTH_BIN/berth" -H "unix://$SOCK")
printf 'hush\n\001' >secret; export PASSWORD=env-secret
build secret:1 --secret id=one,src=secret --secret id=PASSWORD --secret id=three,env=PASSWORD <<'X'
FROM busybox
RUN --mount=type=secret,id=one od -c /run/secrets/one >/tmp/od; stat -c '%a %u' /run/secrets/one >/tmp/mode; grep -c . /run/secrets/one >/lines
RUN --mount=type=secret,id=PASSWORD,target=/root/pw,mode=0444,uid=3 stat -c '%a %u' /root/pw >/mode; wc -c </root/pw >/size
RUN --mount=type=secret,id=three,target=/x --mount=type=secret,id=absent test ! -e /run/secrets/absent; wc -c </x >>/size
USER 9
RUN --mount=type=secret,id=one,uid=9 test -r /run/secrets/one
X
same "by file and variable, with mode and owner" "444 3|10 10|400 0" "$(inside secret:1 'echo "$(cat /mode)|$(xargs </size)|$(cat /tmp/mode)"')"
same "no layer has one, nor the place" "" "$(files secret:1 | grep -E 'run/secrets|root/pw')"
like "nor the history" '^0$' "$(d history --no-trunc secret:1 | grep -cE 'hush|env-secret')"
same "nor the log, nor the disk" "" "$(grep -rlE 'env-secret' "$HOST/data" "$HOST"/exec "$HOST"/*.log 2>/dev/null)"
build secret:1 --secret id=one,src=secret --secret id=PASSWORD --secret id=three,env=PASSWORD <"$T/Dockerfile"
same "another value does not run it again" 5 "$(cached)"
engine_stop TERM; mount -t tmpfs x "$HOST/exec"; mkdir "$HOST/exec/build-secrets-left"; engine_start || exit 1
check "what an engine before has left of secrets is removed" [ ! -e "$HOST/exec/build-secrets-left" ]
build secret:3 --secret id=one,src=secret <<'X'
FROM busybox
RUN --mount=type=secret,id=one wc -c </run/secrets/one >/size; grep -o 'build-secrets.*' /proc/self/mountinfo >/from || true
X
same "where EXEC_ROOT is a tmpfs it is there" "6 build-secrets-" "$(inside secret:3 'echo $(cat /size) $(cut -c1-14 /from)')"
same "and gone with the step" "" "$(ls "$HOST/exec" | grep secrets)"
build secret:2 <<'X'
FROM busybox
RUN --mount=type=secret,id=must,required true
X
says "one that must be there" 'secret must: not found'
build secret:2 <<'X'
FROM busybox
RUN --mount=type=secret,id=x,env=X true
X
says "as a variable" 'secret,env=X is not supported'
for bad in 'nothing:invalid field' 'src=x:missing id' 'id=x,src=/nosuch:cannot be read' 'id=x,env=NOSUCH:NOSUCH is not set' 'id=x,type=y:unsupported secret type' 'id=x,foo=y:unexpected key'; do
    build secret:2 --secret "${bad%%:*}" <<<'FROM busybox'
    says "--secret ${bad%%:*}" "${bad#*:}"
done
head -c 40000 /dev/zero >big
build secret:2 --secret id=big,src=big <<<'FROM busybox'
says "too much" 'larger|more than|at most'
same "a header that is none" 400 "$(printf 'FROM busybox\n' >"$T/two/Dockerfile"; tar -C "$T/two" -c Dockerfile | curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" -H 'X-Berth-Build-Secrets: !!' -H 'Content-Type: application/x-tar' --data-binary @- "http://x/build")"

# ---- ssh and errors
build ssh:1 <<'X'
FROM busybox
RUN --mount=type=ssh test -z "$SSH_AUTH_SOCK" && echo none >/x
X
same "an agent that nobody has given, as with docker" none "$(inside ssh:1 'cat /x')"
build ssh:2 <<'X'
FROM busybox
RUN --mount=type=ssh,required true
X
says "one that must be there" 'ssh,required is not supported'
for bad in 'type=nosuch,target=/x:unsupported mount type' 'type=bind:needs a target|target required' 'type=bind,target=/:it is the root' 'type=cache,target=/c,source=/x:needs a from' 'type=tmpfs,target=/t,foo=1:unexpected key'; do
    build bad:1 <<<"FROM busybox
RUN --mount=${bad%%:*} true"
    says "${bad%%:*}" "${bad#*:}"
done
build bad:1 <<'X'
FROM busybox
RUN --mount=type=tmpfs,target=/t --mount=type=tmpfs,target=/t/ true
X
says "two at one place" 'Duplicate mount point: /t'

d builder prune -af >/dev/null
engine_sound
finish
