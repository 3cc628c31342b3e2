#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every filter of every prune: what matches goes, the rest stays; wrong ones are refused in Docker's words. The bytes are
# those of what went.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
filters() { printf '%s' "$1" | jq -sRr @uri; }
prune() { api POST "/$1/prune?filters=$(filters "$2")"; } # WHAT JSON
q() { printf %s "$BODY" | jq -r "$1"; }
OLD=$(date -u -d '-1 hour' +%s) NEW=$(date -u -d '+1 hour' +%s)
made() { # WHAT NAME LABEL…
    local labels=() l
    for l in "${@:3}"; do labels+=(--label "$l"); done
    case $1 in
    containers) d create --name "$2" "${labels[@]}" busybox true ;;
    networks) d network create "${labels[@]}" "$2" ;;
    volumes) d volume create "${labels[@]}" "$2" ;;
    images) printf 'FROM busybox\nLABEL of=%s %s\n' "$2" "${*:3}" | d build -q -t "$2" - ;;
    esac >/dev/null 2>&1
}
left() { # WHAT: the names of ours that are left
    case $1 in
    containers) d ps -a --format '{{.Names}}' ;;
    networks) d network ls --format '{{.Name}}' ;;
    volumes) d volume ls -q ;;
    images) d images --format '{{.Repository}}' ;;
    esac | grep '^p-' | sort | xargs
}
clear_all() { left "$1" | tr ' ' '\n' | while read -r n; do [ -z "$n" ] || case $1 in containers) d rm -f "$n" ;; networks) d network rm "$n" ;; volumes) d volume rm "$n" ;; images) d rmi -f "$n" ;; esac; done >/dev/null 2>&1; }

d create --name user --network none busybox true >/dev/null # has busybox
d start user >/dev/null; d run -d --name up busybox sleep 1000 >/dev/null; d rm user >/dev/null
for what in containers networks volumes images; do
    base= word=
    [ $what = volumes ] && base='"all":["true"],'
    [ $what = images ] && base='"dangling":["false"],'
    fill() { made $what p-a k=1; made $what p-b k=2; made $what p-c other=1; made $what p-d; }
    fill
    same "$what: all are there" "p-a p-b p-c p-d" "$(left $what)"
    prune $what "{$base\"label\":[\"k=1\"]}"
    same "$what: label=k=1" "200 p-b p-c p-d" "$STATUS $(left $what)"
    prune $what "{$base\"label\":[\"k\"]}"
    same "$what: label=k" "200 p-c p-d" "$STATUS $(left $what)"
    clear_all $what; fill
    prune $what "{$base\"label!\":[\"k\"]}"
    same "$what: label!=k" "200 p-a p-b" "$STATUS $(left $what)"
    prune $what "{$base\"label!\":[\"k=1\"]}"
    same "$what: label!=k=1" "200 p-a" "$STATUS $(left $what)"
    clear_all $what; fill
    prune $what "{$base\"label\":[\"k\",\"k=2\"]}"
    same "$what: two labels, both" "200 p-a p-c p-d" "$STATUS $(left $what)"
    if [ $what != volumes ]; then
        prune $what "{$base\"until\":[\"1h\"]}"
        same "$what: until an hour ago" "200 p-a p-c p-d" "$STATUS $(left $what)"
        prune $what "{$base\"until\":[\"$OLD\"],\"label\":[\"k\"]}"
        same "$what: until then, a time" "200 p-a p-c p-d" "$STATUS $(left $what)"
        prune $what "{$base\"until\":[\"$NEW\"],\"label\":[\"k\"]}"
        same "$what: until in an hour, with a label" "200 p-c p-d" "$STATUS $(left $what)"
        prune $what "{$base\"until\":[\"soon\"]}"
        like "$what: until what is no time" '^400 .{10}' "$STATUS $(q .message)"
        prune $what "{$base\"until\":[\"1h\",\"2h\"]}"
        like "$what: two of until" '^400 .*more than one until' "$STATUS $(q .message)"
    else
        prune $what '{"until":["1h"]}'
        like "$what: until is none of theirs" "^400 .*invalid filter 'until'" "$STATUS $(q .message)"
    fi
    prune $what '{"nosuch":["1"]}'
    like "$what: what is no filter" "^400 .*invalid filter 'nosuch'" "$STATUS $(q .message)"
    [ $what = images ] || { prune $what '{"dangling":["true"]}'; like "$what: dangling is none of theirs" "^400 .*invalid filter 'dangling'" "$STATUS $(q .message)"; }
    prune $what '[1'
    like "$what: no JSON" '^400 .' "$STATUS $(q .message)"
    prune $what "{$base\"label\":[\"other\"]}"
    clear_all $what
done

# ---- dangling
made images p-a; made images p-keep
id=$(d images -q p-a); d rmi p-a >/dev/null
printf 'FROM busybox\nLABEL x=1\n' | d build -q - >/dev/null
prune images '{"dangling":["true"]}'
same "images: dangling=true" "200 p-keep" "$STATUS $(left images)"
same "which leaves none without a name" "" "$(d images -qf dangling=true)"
prune images '{"dangling":["maybe"]}'
like "images: dangling=maybe" "^400 .*invalid.*dangling|^400 .*maybe" "$STATUS $(q .message)"
prune images '{"dangling":["1","0"]}'
like "images: dangling=1 and 0" "^400 ." "$STATUS $(q .message)"
prune images '{"dangling":["0"]}'
same "images: dangling=0 is all that are not used" "200 busybox" "$STATUS $(d images --format '{{.Repository}}' | grep -v 127 | sort -u | xargs)"
printf 'FROM busybox\nRUN true\n' | d build -q - >/dev/null
prune build '{"label":["x"]}'; like "build: no labels" "^400 .*invalid filter 'label'" "$STATUS $(q .message)"
prune build '{"until":["1h"]}'; same "build: until an hour ago" "200 0" "$STATUS $(q .SpaceReclaimed)"

# ---- volumes without a name, and those that are used
d volume create p-named >/dev/null; d create --name p-c -v /anon -v p-used:/u busybox true >/dev/null
api POST /volumes/prune; same "volumes: what is used stays, and what has a name" "200 p-named p-used 1" "$STATUS $(left volumes) $(d volume ls -q | grep -vc ^p-)"
d rm p-c >/dev/null; api POST /volumes/prune
same "volumes: those without a name" "200 p-named p-used 0" "$STATUS $(left volumes) $(d volume ls -q | grep -vc ^p-)"
prune volumes '{"all":["true"]}'; same "volumes: all" "200 " "$STATUS $(left volumes)"
prune volumes '{"all":["maybe"]}'; like "volumes: all=maybe" '^400 .' "$STATUS $(q .message)"

# ---- bytes
d create --name p-big busybox true >/dev/null; head -c 3000000 /dev/zero >"$HOST/big"; d cp "$HOST/big" p-big:/big
api POST /containers/prune
same "containers: the bytes of what went" "200 3000000" "$STATUS $(q .SpaceReclaimed)"
api POST /containers/prune
same "nothing more" "200 0 null" "$STATUS $(q .SpaceReclaimed) $(q .ContainersDeleted)"
d rm -f up >/dev/null
engine_sound
finish
