#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker commit: a container's files become an image, of which a new container has the same; its configuration and history;
# the pause; what goes wrong, and an engine that is killed in the middle.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
tree() { python3 "$BERTH_SRC/tests/system/copy_tree.py" "$@"; }
inspect() { d image inspect -f "$1" "$2"; }
inside() { d run --rm "$1" sh -c "$2" 2>&1; }

# An image with folders to change.
mkdir -p image/dir/sub image/gone/in image/again
echo a >image/dir/a; echo s >image/dir/sub/s; echo g >image/gone/in/g; echo o >image/again/old; echo k >image/kind; echo m >image/mode
tar -C image -cf image.tar .
d create --name seed busybox true >/dev/null; d cp image/. seed:/
d commit seed base >/dev/null; d rm seed >/dev/null
same "files that were copied in" "a s g o k m" "$(inside base 'cat /dir/a /dir/sub/s /gone/in/g /again/old /kind /mode | xargs')"

# ---- what is in the layer
tree make kinds
d run -d --name up -v vol:/vol base sh -c 'rm /dir/a; rm -r /gone /again; mkdir /again; echo n >/again/new; rm /kind; mkdir /kind; echo x >/kind/x
    chmod 600 /mode; ln /mode /mode2; touch /vol/x; rm /dir/sub/s; touch /done; exec sleep 1000' >/dev/null
poll 5 d exec up test -e /done
b cp -a kinds up:/kinds
id=$(d commit up one); same "the docker CLI says the id" "$(inspect '{{.Id}}' one)" "$id"
id=$(b commit up two:x); same "berth says the id" "$(inspect '{{.Id}}' two:x)" "$id"
id=$(b commit up); same "without a name" "[] [sha256]" "$(inspect '{{.RepoTags}}' "$id") [${id%%:*}]"
changed='find /dir /again /kind /gone 2>/dev/null | sort | xargs; cat /again/new /kind/x; stat -c "%a %h" /mode /mode2'
want='/again /again/new /dir /dir/sub /kind /kind/x
n
x
600 2
600 2'
same "the container itself" "$want" "$(d exec up sh -c "$changed")"
for image in one two:x; do
    same "$image: deletions, opaque folders, kinds, links" "$want" "$(inside $image "$changed")"
    same "$image: no volume's files" "" "$(inside $image 'ls /vol')"
done
d create --name two one x >/dev/null
for c in up two; do b cp -a $c:/kinds kinds-$c; tree list kinds-$c >list-$c; done
same "the same tree, inode for inode" "" "$(diff list-up list-two | head -20)"
check "which is not empty" [ "$(wc -l <list-up)" -gt 15 ]
same "a second commit is one layer more than its parent" "$(($(inspect '{{len .RootFS.Layers}}' base) + 1))" "$(inspect '{{len .RootFS.Layers}}' one)"
same "no layer is the container's init layer or its mount points" "" "$(d diff two | grep -v ' /\(dev\|etc\|proc\|sys\)')"

# ---- configuration and history
d run -d --name conf -e A=1 -l l=1 -w /tmp -u 5 busybox sleep 1000 >/dev/null
b commit -a "Me <me@x>" -m "why not" -c 'CMD ["echo", "hi"]' -c 'ENV B=2 A=3' -c 'LABEL m="x y"' -c 'EXPOSE 80' --change 'ENTRYPOINT ["/bin/busybox"]' conf conf:1 >/dev/null
same "the configuration" '{"A":"3","B":"2","c":["echo","hi"],"e":["/bin/busybox"],"l":{"l":"1","m":"x y"},"p":["80/tcp"],"u":"5","w":"/tmp"}' \
    "$(d image inspect conf:1 | jq -cS '.[0].Config | {u:.User, w:.WorkingDir, c:.Cmd, e:.Entrypoint, l:.Labels, p:(.ExposedPorts|keys), A:(.Env[]|select(startswith("A="))|.[2:]), B:(.Env[]|select(startswith("B="))|.[2:])}')"
same "runs as it says" "hi" "$(d run --rm conf:1)"
same "author and comment" "Me <me@x> why not" "$(inspect '{{.Author}} {{.Comment}}' conf:1)"
like "the history" '^sleep 1000 +[0-9.]+k?B why not$' "$(d history --no-trunc --format '{{.CreatedBy}} {{.Size}} {{.Comment}}' conf:1 | head -1)"
same "behind the parent's" "$(d history --no-trunc --format '{{.CreatedBy}}' busybox)" "$(d history --no-trunc --format '{{.CreatedBy}}' conf:1 | tail -n +2)"
api_is "what an image cannot have is warned of" 201 '"Warnings":\["Hostname has no effect: it is of a container.*"Nosuch has no effect: there is no such field"\]' POST '/commit?container=conf&repo=warned' '{"Hostname":"h","Nosuch":1,"OnBuild":["RUN x"],"Tty":false}'
api POST '/commit?container=conf&repo=body' '{"Cmd":["ls"],"Labels":{"l":"2"},"Env":["A=9"]}'
same "a body is merged" '201 ["ls"] {"l":"2"} A=9 5' "$STATUS $(d image inspect body | jq -cr '.[0].Config | (.Cmd|tojson) + " " + (.Labels|tojson) + " " + (.Env[]|select(startswith("A="))) + " " + .User')"
api_is "no body" 201 '"Id":"sha256:' POST '/commit?container=conf'
id1=$(d commit conf same); id2=$(d commit conf same)
same "the name moves" "$id2 []" "$(inspect '{{.Id}}' same) $(inspect '{{.RepoTags}}' "$id1")"

# ---- the pause
paused_by() { d events --since "$NOW" --until "$(date +%s.%N)" -f container=conf --format '{{.Action}}' | xargs; }
NOW=$(date +%s.%N); d commit conf p1 >/dev/null; same "it is paused meanwhile" "pause unpause commit" "$(paused_by)"
NOW=$(date +%s.%N); b commit -p=false conf p2 >/dev/null; same "but not with -p=false" "commit" "$(paused_by)"
NOW=$(date +%s.%N); b commit --no-pause -m m conf p3 >/dev/null
same "the event says what became of it" "m $(inspect '{{.Id}}' p3) p3:latest" \
    "$(d events --since "$NOW" --until "$(date +%s.%N)" -f event=commit --format '{{.Actor.Attributes.comment}} {{.Actor.Attributes.imageID}} {{.Actor.Attributes.imageRef}}')"
d pause conf >/dev/null; d commit conf p4 >/dev/null; check "who was paused stays so" state_is conf paused; d unpause conf >/dev/null
d stop -t 0 conf >/dev/null; check "one that is stopped" d commit conf p5

# One that goes on writing: its files come and go, grow and shrink.
d run -d --name busy busybox sh -c 'while :; do for i in 1 2 3 4 5 6; do dd if=/dev/zero of=/f$i bs=64k count=$i 2>/dev/null; mkdir -p /d$i/x; : >/f$i; mv /d$i /e$i; rm -r /e$i; done; done' >/dev/null
bad=0; for i in 1 2 3 4 5; do b commit -p=0 busy busy:$i >/dev/null 2>busy.err || bad=$((bad + 1)); done
same "one that writes meanwhile" "0 " "$bad $(cat busy.err)"
same "gives images that work" "ok" "$(inside busy:5 'echo ok')"
d rm -f busy >/dev/null

# ---- refusals
api_is "no such container" 404 'No such container: nix' POST '/commit?container=nix'
api_is "a name that is none" 400 'invalid reference format' POST '/commit?container=up&repo=A:B:C'
api_is "a digest" 400 'digest reference' POST "/commit?container=up&repo=x@sha256:$(printf '%064d' 1)"
api_is "a change that is none" 400 'not a valid change command' POST '/commit?container=up&changes=COPY+a+b'
api_is "a body that is none" 400 . POST '/commit?container=up' '{'
check "it is thawed again" state_is up running
d exec up touch /dir/.wh.x
api_is "a file with the name of a whiteout" 400 'dir/.wh.x cannot be in a layer' POST '/commit?container=up'
check "it is thawed then, too" state_is up running
d exec up rm /dir/.wh.x

# ---- an engine that is killed in the middle
d exec up sh -c 'dd if=/dev/urandom of=/large bs=1M count=192 2>/dev/null'
images=$(d images -qa | sort | xargs); layers=$(ls "$HOST/data/layers" | sort | xargs)
middle() { [ -n "$(find "$HOST/data/layers/tmp" -name large -size +8M 2>/dev/null)" ]; }
curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" 'http://x/commit?container=up&repo=killed' & client=$!
check "it is in the middle" poll 10 middle
engine_kill; wait $client
engine_start || not_ok "the engine starts again"
check "the container runs on" poll 5 state_is up running
check "and is not frozen" d exec up true
same "no image, no layer" "$images $layers" "$(d images -qa | sort | xargs) $(ls "$HOST/data/layers" | sort | xargs)"
same "nothing half-made" "" "$(ls "$HOST/data/layers/tmp")"
check "and it works then" d commit up killed

# ---- a client that goes in the middle
commits() { curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -c '/commit'; }
d rmi killed >/dev/null
images=$(d images -qa | sort | xargs); layers=$(ls "$HOST/data/layers" | sort | xargs); NOW=$(date +%s.%N)
curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" 'http://x/commit?container=up&repo=left' & client=$!
check "it is in the middle again" poll 10 middle
kill $client; wait $client 2>/dev/null
check "the commit ends with its client" poll 5 eval '[ "$(commits)" = 0 ]'
same "no image, no layer of it" "$images $layers" "$(d images -qa | sort | xargs) $(ls "$HOST/data/layers" | sort | xargs)"
same "nothing half-made of it" "" "$(ls "$HOST/data/layers/tmp")"
check "the container is thawed" poll 5 state_is up running
same "nothing was committed" "pause unpause" "$(d events --since "$NOW" --until "$(date +%s.%N)" -f container=up --format '{{.Action}}' | xargs)"

# ---- user namespaces: the image has the owners that the container sees
engine_stop
for f in subuid subgid; do echo berth:900000:65536 >"$HOST/$f"; [ -e /etc/$f ] || : >/etc/$f; mount --bind "$HOST/$f" /etc/$f; done
engine_start
if b run --name mapped --userns auto busybox sh -c 'touch /mine /theirs; chown 7:8 /theirs; chmod 4755 /theirs' 2>mapped.err; then
    d commit mapped owners >/dev/null
    same "owners of a user namespace" "0 0 644 7 8 4755" "$(inside owners 'stat -c "%u %g %a" /mine /theirs | xargs')"
else
    not_ok "a container with a user namespace" "$(cat mapped.err)"
fi
umount /etc/subuid /etc/subgid
# One that ends in its own time, and one whose client goes.
check "a commit is under way" eval 'b commit up stopped >/dev/null 2>&1 & poll 10 middle'
engine_stop; engine_start
check "the container is not frozen after it" d exec up true
same "nothing half-made is left by it, either" "" "$(ls "$HOST/data/layers/tmp")"
d rm -f up two conf >/dev/null
rm -rf kinds*
finish
