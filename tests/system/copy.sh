#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker cp in both directions, by the docker CLI, berth and curl: Docker's rules, every kind of inode, whatever state
# the container is in, and what is refused.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'small/archive .*no space left on device' 'a full disk'
qa_up
b() { in_host "$BERTH" "$@"; }
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
tree() { python3 "$BERTH_SRC/tests/system/copy_tree.py" "$@"; }
inside() { d exec up sh -c "$1" 2>&1; }

mkdir "$HOST/bind"; echo bound >"$HOST/bind/file"
MOUNTS=(-v vol:/data -v "$HOST/bind:/bind:ro" --tmpfs /tmpfs)
d run -d --name up "${MOUNTS[@]}" busybox sh -c 'echo t >/tmpfs/x; echo v >/data/v; exec sleep 1000' >/dev/null
d create --name made "${MOUNTS[@]}" busybox true >/dev/null
d run --name ended "${MOUNTS[@]}" busybox true
d run -d --name held "${MOUNTS[@]}" busybox sleep 1000 >/dev/null; d pause held >/dev/null
check "the container has begun" poll 5 inside 'test -e /data/v -a -e /tmpfs/x'

# ---- every kind of inode, there and back, in every state
tree make kinds
tree list kinds >kinds.list
for c in up made ended held; do
    check "$c: a tree of every kind is copied in" b cp -a kinds $c:/kinds
    check "$c: and out again" b cp -a $c:/kinds back-$c
    tree list back-$c >back.list
    same "$c: it is the same, inode for inode" "" "$(diff kinds.list back.list | head -20)"
    rm -rf back-$c
done
d unpause held >/dev/null
same "what was copied into a paused one is there" "hello" "$(d exec held cat /kinds/plain)"
d start made ended >/dev/null
same "what was copied into a created one is in its files when it starts" hello "$(d wait made >/dev/null; b cp made:/kinds/plain - | tar -xO)"
b cp up:/kinds - | tar -tf - >names 2>tar.err; same "GNU tar reads the stream" "0 $(wc -l <kinds.list)" "$(wc -c <tar.err | tr -d ' ') $(wc -l <names)"
rm -f names tar.err
python3 -c "import tarfile,subprocess,sys
t=tarfile.open(fileobj=subprocess.Popen(['$BERTH','cp','up:/kinds/huge','-'],stdout=subprocess.PIPE).stdout,mode='r|')
m=next(iter(t)); print(m.size, m.name, m.issparse())" >py.out 2>&1
same "so does Python, holes and 9 GiB" "$((9 << 30)) huge True" "$(cat py.out)"
check "the docker CLI reads it" d cp up:/kinds/sub out-docker
same "and has the files" 70000 "$(stat -c %s out-docker/one)"

# ---- what is mounted is seen as the container sees it
for c in up ended; do
    same "$c: a volume" v "$(b cp $c:/data/v - | tar -xO)"
    same "$c: a bind" bound "$(b cp $c:/bind/file - | tar -xO)"
done
same "a tmpfs of one that runs" t "$(b cp up:/tmpfs/x - | tar -xO)"
same "/etc/hosts is the container's" "$(inside 'cat /etc/hosts')" "$(b cp up:/etc/hosts - | tar -xO)"
api_is "what the kernel shows is no content" 404 "Could not find the file /proc/version in container" GET '/containers/up/archive?path=/proc/version'
same "and is empty in a copy of all" "proc/ sys/" "$(b cp up:/ - | tar -t 2>/dev/null | grep -E '^/?(proc|sys)/' | sed 's|^/||' | tr '\n' ' ' | sed 's/ $//')"
check "copying into a volume" b cp kinds/plain up:/data/
same "the volume has it" hello "$(cat "$HOST/data/volumes/vol/_data/plain")"
check "and into the tmpfs" b cp kinds/plain up:/tmpfs/
same "the tmpfs has it" hello "$(inside 'cat /tmpfs/plain')"

# ---- Docker's rules, by both clients
mkdir -p src/dir/sub; echo f >src/file; echo a >src/dir/a; echo s >src/dir/sub/s; ln -s file src/link; ln -s dir src/dirlink
rules() { # CLIENT
    local cp="$1 cp" n=$1
    inside 'rm -rf /w; mkdir -p /w/d /w/full; echo old >/w/file; echo old >/w/full/file; ln -s /w/d /w/dl; ln -s /w/file /w/fl; ln -s /w/new /w/nl'
    check "$n: file to a folder" $cp src/file up:/w/d
    check "$n: file to a new name" $cp src/file up:/w/f2
    check "$n: file over a file" $cp src/file up:/w/file
    check "$n: file through a link to a folder" $cp src/link up:/w/dl
    check "$n: file through a link to a file" $cp src/file up:/w/fl
    check "$n: file through a link to nothing" $cp src/file up:/w/nl
    fails "$n: file to a folder that is not there" "no such directory" $cp src/file up:/w/none/
    fails "$n: file below a folder that is not there" "/w/none" $cp src/file up:/w/none/f
    check "$n: folder to a folder" $cp src/dir up:/w/d
    check "$n: folder to a new name" $cp src/dir up:/w/d2
    check "$n: a folder's content to a folder" $cp src/dir/. up:/w/full
    check "$n: a folder's content to a new name" $cp src/dir/. up:/w/d3
    fails "$n: folder over a file" "cannot copy directory" $cp src/dir up:/w/file
    check "$n: -L follows" $cp -L src/link up:/w/followed
    check "$n: a slash at the end follows" $cp src/dirlink/ up:/w/d4
    fails "$n: file over a folder" "cannot overwrite directory" eval "tar -C src --transform s/file/d/ -c file | $cp - up:/w"
    fails "$n: a stream to no folder" "must be a directory" $cp - up:/w/file </dev/null
    fails "$n: out of what is not there" "nothing" $cp up:/w/nothing .
    rm -rf o && mkdir -p o/d && echo old >o/file && ln -s d o/dl
    check "$n: out, file to a folder" $cp up:/w/d/file o/d
    check "$n: out, file over a file" $cp up:/w/file o/file
    check "$n: out, folder to a new name" $cp up:/w/d2 o/d2
    check "$n: out, folder to a folder" $cp up:/w/d2 o/d
    check "$n: out, a folder's content" $cp up:/w/d2/. o/dl
    check "$n: out, a link as it is" $cp up:/w/fl o/fl
    check "$n: out, -L follows" $cp -L up:/w/fl o/followed
    fails "$n: out, folder over a file" "cannot copy directory" $cp up:/w/d2 o/file
    fails "$n: out, into no folder" "o/none" $cp up:/w/d2 o/none/x
    inside 'cd /w; find . | sort; cat file f2 new d2/a full/a full/file followed; readlink d/link fl nl' >"in-$n"
    (cd o && find . | sort && cat file d/file d/d2/a d/a followed && readlink fl) >"out-$n"
}
rules d; rules b
same "both clients leave the same in the container" "$(cat in-d)" "$(cat in-b)"
same "and the same outside" "$(cat out-d)" "$(cat out-b)"
like "which is what Docker leaves" '^\./d3/sub/s$' "$(cat in-b)"
fails "between containers" "not supported" b cp up:/w/file made:/

# ---- wire
api HEAD '/containers/up/archive?path=/w/fl'
like "the path's stat" '"name":"fl".*"mode":134218239.*"linkTarget":"/w/file"' "$(printf %s "$BODY" | tr -d '\r' | sed -n 's/^X-Docker-Container-Path-Stat: //p' | base64 -d)"
api_is "no such container" 404 "No such container: nix" GET '/containers/nix/archive?path=/'
api_is "no path" 400 "bad parameter: path" GET '/containers/up/archive'
api_is "a file as if it were a folder" 400 "not a directory" GET '/containers/up/archive?path=/w/file/'
tar -C src -cf file.tar file
TAR='Content-Type: application/x-tar'
put() { api PUT "$1" '' -H "$TAR" --data-binary "@${2:-file.tar}"; }
refused() { if [ "$STATUS" = "$2" ] && printf %s "$BODY" | grep -q -- "$3"; then ok "$1"; else not_ok "$1" "$STATUS $BODY"; fi; }
put '/containers/up/archive?path=/w/file'; refused "to a file" 400 "extraction point is not a directory"
put '/containers/up/archive?path=/w/nowhere'; refused "to nothing" 404 "Could not find the file /w/nowhere in container"
put '/containers/up/archive?path=/bind'; refused "to a read-only mount" 403 "mounted volume is marked read-only"
put '/containers/ended/archive?path=/tmpfs'; refused "to a tmpfs that will begin empty" 403 "begins empty"
d run -d --name ro --read-only -v vol:/data busybox sleep 1000 >/dev/null
d create --name romade --read-only -v vol:/data busybox true >/dev/null
for c in ro romade; do
    put "/containers/$c/archive?path=/etc"; refused "$c: to a read-only root" 403 "container rootfs is marked read-only"
    put "/containers/$c/archive?path=/data"; same "$c: to its volume" 200 "$STATUS"
done
d run -d --name user -u 1234:4321 busybox sleep 1000 >/dev/null
put '/containers/user/archive?path=/home&copyUIDGID=1'
same "copyUIDGID gives all to the container's user" 1234:4321 "$(d exec user stat -c %u:%g /home/file)"
for z in gzip bzip2 xz; do
    $z -c file.tar >file.tar.z; inside 'rm -f /w/z/file; mkdir -p /w/z'
    put '/containers/up/archive?path=/w/z' file.tar.z; same "$z is unpacked" "200 f" "$STATUS $(inside 'cat /w/z/file')"
done
python3 - <<'PY'
import io, tarfile
with tarfile.open("links.tar", "w") as t:
    for name, what in ("a", tarfile.DIRTYPE), ("b", tarfile.DIRTYPE), ("l", "a"), ("l/x", b"in a"), ("l", "b"), ("l/x", b"in b"):
        i = tarfile.TarInfo(name); data = what if name == "l/x" else b""; i.mode = 0o755; i.size = len(data)
        if name != "l/x": i.type, i.linkname = (tarfile.SYMTYPE, what) if name == "l" else (what, "")
        t.addfile(i, io.BytesIO(data))
PY
inside 'mkdir /w/links'; put '/containers/up/archive?path=/w/links' links.tar
same "a link is followed as it is at that moment" "200 in a in b" "$STATUS $(inside 'cat /w/links/a/x; echo; cat /w/links/b/x' | xargs)"

# ---- what is broken leaves nothing
head -c 3000000 /dev/urandom >src/large; tar -C src -cf broken.tar dir large
inside 'mkdir /w/clean'
for n in 700 2500 2000000; do
    head -c $n broken.tar >cut.tar; put '/containers/up/archive?path=/w/clean' cut.tar
    refused "cut at $n: refused" 400 "no valid tar archive"
    same "cut at $n: nothing is left" "" "$(inside 'find /w/clean -mindepth 1')"
done
head -c 4096 /dev/urandom >noise; put '/containers/up/archive?path=/w/clean' noise; refused "noise" 400 "no valid tar archive"
# A client that goes in the middle of a file: seen by nobody, before and after.
mkfifo pipe; exec 9<>pipe
curl -s -o /dev/null --unix-socket "$SOCK" -X PUT -H "$TAR" -T pipe 'http://x/containers/up/archive?path=/w/clean' 9<&- & CURL=$!
head -c 2000000 broken.tar >&9
check "what came whole is there" poll 5 inside 'test -s /w/clean/dir/sub/s'
same "what did not is not" "" "$(inside 'find /w/clean -name "*large*" -o -name ".berth*"')"
{ kill $CURL; wait $CURL; } 2>/dev/null; exec 9>&-
check "its client gone, nothing is left" poll 5 eval '[ -z "$(inside "find /w/clean -mindepth 1")" ]'
d run -d --name small --tmpfs /s:size=1m busybox sleep 1000 >/dev/null
put '/containers/small/archive?path=/s' broken.tar; refused "a full disk says so" 500 "no space left"
same "and gets its space back" "" "$(d exec small find /s -mindepth 1)"

# ---- a client that does not read holds nobody
d create --name slow busybox sleep 1000 >/dev/null
b cp broken.tar slow:/large
mkfifo stalled; curl -s -N --unix-socket "$SOCK" 'http://x/containers/slow/archive?path=/large' >stalled & CURL=$!
exec 8<stalled; head -c 1000 <&8 >/dev/null
same "a copy while it stalls" $(stat -c %s broken.tar) "$(b cp slow:/large - | tar -xO | wc -c)"
check "a start while it stalls" timeout 10 "$BERTH" start slow
same "there is one file system: what comes now is seen" f "$(d cp src/file slow:/seen; d exec slow cat /seen)"
check "a stop and a start" timeout 20 "$BERTH" restart -t 0 slow
same "with all that was written" f "$(d exec slow cat /seen)"
same "the rest of the copy is what it was" "$(stat -c %s broken.tar)" "$( (head -c 1000 /dev/zero; cat <&8) | wc -c | awk -v n="$(stat -c %s broken.tar)" '{print ($1 > n) ? n : $1}')"
exec 8<&-; wait $CURL
d rm -f slow >/dev/null
many() { local i; for i in $(seq 40); do b cp up:/kinds/sub - >"many.$i" & done; wait; cat many.* | cksum; rm -f many.*; }
M=$(b cp up:/kinds/sub - | cksum | cut -d' ' -f2)
same "forty at once, all whole" $((M * 40)) "$(many | cut -d' ' -f2)"

# ---- -q, the line on a terminal
like "on a terminal it says what was copied" "Successfully copied .*kB to up:/w/term" "$(script -qec "$BERTH cp src/file up:/w/term" /dev/null)"
same "-q says nothing" "" "$(script -qec "$BERTH cp -q src/file up:/w/term" /dev/null)"
same "nor is anything said elsewhere" "" "$(b cp src/file up:/w/term 2>&1)"
chown 1000:1000 src/file; chmod 4755 src/file; b cp src/file up:/w/suid; b cp up:/w/suid o/suid
same "without -a what comes out belongs to who copies, without its set-id bit" "0:0 755" "$(stat -c '%u:%g %a' o/suid)"
b cp -a up:/w/suid o/suida
same "with -a it is as it was" "1000:1000 4755" "$(stat -c '%u:%g %a' o/suida)"
finish
