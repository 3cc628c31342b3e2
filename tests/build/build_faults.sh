#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds that end badly: the engine is killed at any moment of them, and the next one has no container, no context and no image
# of theirs but finished steps, from which the same build goes on; a disk that is full; many clients that go.
#   ROUNDS=30 build_faults.sh tries more often
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'the build context needs [0-9]+ bytes on the disk' 'a full disk'
ROUNDS=${ROUNDS:-8}
trap 'dir=$HOST; host_down 2>/dev/null; umount -l "$dir/data" 2>/dev/null; rm -rf "$dir"' EXIT
host_up
mkdir "$HOST/data"
truncate -s 160M "$HOST/disk.img"
mkfs.ext4 -q -b 4096 -m 0 "$HOST/disk.img" && mount -o loop "$HOST/disk.img" "$HOST/data" || { not_ok "a small disk"; finish; exit 1; }
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
TAR='Content-Type: application/x-tar'
curl -s --unix-socket "$SOCK" -H "$TAR" --data-binary "@$IMAGES/busybox.tar" http://x/images/load >/dev/null
d tag "$(d images -q | head -1)" busybox
T=$HOST/t; mkdir -p "$T/ctx"; cd "$T/ctx" || exit 1
for n in $(seq 300); do echo "$n" >"f$n"; done; head -c 3000000 /dev/zero | tr '\0' x >large
pack() { cat >Dockerfile; tar -cf "$T/ctx.tar" .; }
post() { curl -s --max-time 60 -X POST -H "$TAR" --data-binary "@$T/ctx.tar" --unix-socket "$SOCK" "http://x/build?$1"; }
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
left() { # what may not be there when nothing is under way
    ls "$HOST/data/tmp"; find "$HOST/data/layers/tmp" "$HOST/data/containers" -mindepth 1 -maxdepth 1; d ps -aq; d volume ls -q
    ls -A "$HOST/data/quarantine" 2>/dev/null; d images -q | sort -u | grep -v "$BASE"
}
clean() { [ -z "$(left)" ]; }
BASE=$(d images -q busybox)

# ---- killed
pack <<'X'
FROM busybox AS one
COPY . /a/
RUN cat /a/f* | sort -n >/sorted; sleep 0.05
FROM busybox AS two
VOLUME /v
RUN echo $(($(wc -c </etc/passwd) * 2)) >/two; sleep 0.05
RUN dd if=/dev/zero of=/zeros bs=1k count=3000 2>/dev/null
FROM busybox
COPY --from=one /sorted /s
COPY --from=two /two /zeros /d/
WORKDIR /w/x
RUN echo done >here
X
for round in $(seq "$ROUNDS"); do
    [ $((round % 3)) != 0 ] || { post '' >/dev/null; curl -s -X POST --unix-socket "$SOCK" 'http://x/build/prune?all=1' >/dev/null
        d rmi -f $(d images -q | sort -u | grep -v "$BASE") >/dev/null 2>&1; curl -s -X POST --unix-socket "$SOCK" 'http://x/build/prune?all=1' >/dev/null; }
    post 't=killed' >"$T/out" 2>&1 & W=$!
    post 'nocache=1' >/dev/null 2>&1 & W2=$!
    poll 10 eval '! idle'
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    d rmi -f killed >/dev/null 2>&1 &
    engine_kill
    wait $W $W2
    engine_start || not_ok "round $round: the engine starts"
    poll 10 idle
    d rmi -f $(d images -q | sort -u | grep -v "$BASE") >/dev/null 2>&1 # of builds that came to their end
    if poll 10 clean; then ok "round $round: nothing is left"; else not_ok "round $round: nothing is left" "$(left)"; fi
done
like "the same build then works" 'Successfully tagged killed:latest' "$(post 't=killed')"
same "with all that is to be in it" "300 done 3072000" "$(d run --rm killed sh -c 'wc -l </s; cat here; stat -c %s /d/zeros' | xargs)"
d rmi -f killed >/dev/null

# ---- ended in good order
post 'nocache=1' >/dev/null & W=$!
poll 10 eval '! idle'
before=$SECONDS; engine_stop; wait $W
check "an engine that ends does not wait for a build" [ $((SECONDS - before)) -lt 20 ]
engine_start; poll 10 idle
if poll 10 clean; then ok "and leaves nothing"; else not_ok "and leaves nothing" "$(left)"; fi

# ---- clients that go
for n in $(seq 10); do
    (timeout "0.$((RANDOM % 3))$((RANDOM % 10))" curl -s -X POST -H "$TAR" --data-binary "@$T/ctx.tar" --unix-socket "$SOCK" 'http://x/build?nocache=1' >/dev/null) & W[n]=$!
done
wait "${W[@]}"
(printf 'POST /build HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: 100000\r\n\r\n'; head -c 30000 "$T/ctx.tar") | timeout 1 nc -q 0 -U "$SOCK" >/dev/null 2>&1
poll 10 idle
d rmi -f $(d images -q | sort -u | grep -v "$BASE") >/dev/null 2>&1
if poll 10 clean; then ok "clients that go leave nothing"; else not_ok "clients that go leave nothing" "$(left)"; fi

# ---- a full disk
curl -s -X POST --unix-socket "$SOCK" 'http://x/build/prune?all=1' >/dev/null; poll 5 idle
poll 10 clean; same "before" "" "$(left)"
free=$(stat -f -c %a "$HOST/data")
pack <<<'FROM busybox
RUN dd if=/dev/zero of=/big bs=1M count=300'
like "by a RUN" 'No space left|no space left|non-zero code|free some space' "$(post 'forcerm=1' | tail -1)"
head -c 100000000 /dev/zero >huge
pack <<<'FROM busybox
COPY huge /huge'
like "by a COPY" 'free some space|[Nn]o space left' "$(post '' | tail -1)"
head -c 200000000 /dev/zero | tr '\0' y >huge
pack <<<'FROM busybox'
like "by a context" 'the build context needs .*free some space|[Nn]o space left' "$(post '' | tail -1)"
rm huge
poll 10 idle
if poll 10 clean; then ok "nothing of it is left"; else not_ok "nothing of it is left" "$(left)"; fi
check "and the disk is as it was" poll 10 eval '[ $(($(stat -f -c %a "$HOST/data") + 1500)) -gt '"$free"' ]'
pack <<<'FROM busybox
COPY f1 /f1'
like "a build then works" 'Successfully built' "$(post '')"
engine_sound
finish
