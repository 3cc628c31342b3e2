#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An engine that is killed in the middle of copies, in and out: no file of theirs, new or replaced,
# is without its content; the next engine has no mount and no descriptor more; the containers start.
#   ROUNDS=30 copy_kill.sh tries more often
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
cd "$HOST" || exit 1
ROUNDS=${ROUNDS:-6}
python3 - <<'PY' # 600 small files, 3 large ones, links: all of it is put over itself again and again
import io, tarfile
with tarfile.open("in.tar", "w") as t:
    for n in range(600):
        i = tarfile.TarInfo("t/s%d" % n); i.size = 4096; t.addfile(i, io.BytesIO(b"s" * i.size))
        if n % 200 == 0:
            i = tarfile.TarInfo("t/l%d" % n); i.size = 2 << 20; t.addfile(i, io.BytesIO(b"l" * i.size))
        if n % 20 == 0:
            i = tarfile.TarInfo("t/k%d" % n); i.type = tarfile.SYMTYPE; i.linkname = "s0"; t.addfile(i)
            i = tarfile.TarInfo("t/h%d" % n); i.type = tarfile.LNKTYPE; i.linkname = "t/s%d" % n; t.addfile(i)
PY
mkdir bind
d run -d --name runs -v vol:/vol -v "$HOST/bind:/bind" busybox sleep 1000 >/dev/null
d create --name made -v vol2:/vol busybox sleep 1000 >/dev/null
put() { curl -s --max-time 30 --unix-socket "$SOCK" -T in.tar "http://x/containers/$1/archive?path=$2" >/dev/null; }
for t in "runs /" "runs /vol" "runs /bind" "made /" "made /vol"; do put $t; done
counts() { # what an idle engine has open and mounted, and what is on the disk
    census_stable
    echo "engine-fds $(find "/proc/$ENGINE_PID/fd" -not -lname 'net:*' -not -lname 'socket:*' | wc -l)"
    find data/layers/tmp -mindepth 1
}
torn() { find data/volumes data/containers/*/upper bind -name 's[0-9]*' -not -size 4096c -o -name 'l[0-9]*' -not -size 2097152c; } # of any name that is the archive's
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
engine_kill; engine_start; poll 10 idle; counts >before
same "nothing is left before" "" "$(grep layers/tmp before)"
for round in $(seq "$ROUNDS"); do
    rm -rf bind/t data/volumes/vol/_data/t # there they are new
    W=()
    for t in "runs /" "runs /vol" "runs /bind" "made /" "made /vol"; do
        (while put $t; do :; done) 2>/dev/null & W+=($!)
    done
    for c in runs made; do
        (while curl -s --max-time 30 --limit-rate 3M --unix-socket "$SOCK" "http://x/containers/$c/archive?path=/t" >/dev/null; do :; done) 2>/dev/null & W+=($!)
        (while curl -s --max-time 30 --unix-socket "$SOCK" "http://x/containers/$c/export" >/dev/null; do :; done) 2>/dev/null & W+=($!)
    done
    poll 10 eval '! idle'
    sleep "0.$((RANDOM % 5))$((RANDOM % 10))" # any moment of it
    engine_kill
    wait "${W[@]}"
    engine_start || not_ok "round $round: the engine starts"
    poll 10 idle
    counts >after
    same "round $round: nothing is left" "" "$(diff before after)"
    same "round $round: each file is whole" "" "$(torn)"
done
# Killed between the naming and the renaming: the next engine removes the name.
ours() { find data/volumes data/containers/*/upper bind -name '.berth-cp-*'; }
same "no name of ours is left by any" "" "$(ours)"
for t in "runs /" "runs /vol" "runs /bind" "made /" "made /vol"; do
    put $t
    strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=3 -p "$ENGINE_PID" 2>strace.err & tracer=$!
    poll 5 eval 'grep -q "^TracerPid:[[:space:]]*[1-9]" "/proc/$ENGINE_PID/status"'
    before_names=$(ours | wc -l)
    put $t
    wait $tracer
    kill -0 "$ENGINE_PID" 2>/dev/null && not_ok "$t: it was killed" "$(cat strace.err)"
    engine_kill 2>/dev/null
    named=$(ours | wc -l)
    engine_start || not_ok "$t: the engine starts"
    poll 10 idle
    same "$t: what had a name of ours is removed" "0 1 0 0" "$before_names $named $(ours | wc -l) $(find data/copies -mindepth 1 | wc -l)"
    same "$t: each file is whole" "" "$(torn)"
done
# A container that is gone, a note that names somebody else's file, and one that is nothing.
id=$(d inspect -f '{{.Id}}' runs); gone=$(d create busybox true); d rm "$gone" >/dev/null
engine_kill
echo x >bind/.berth-cp-0123456789abcdeg; echo x >bind/.berth-cp-0123456789abcdef; echo x >bind/mine
ln -s / bind/root
printf '/bind/.berth-cp-0123456789abcdeg\0' >"data/copies/$id.1"; printf '/bind/mine\0' >"data/copies/$id.2"
printf '/bind/root/bind/.berth-cp-0123456789abcdef\0' >"data/copies/$id.3"; : >"data/copies/$id.4"; : >"data/copies/$gone.5"; : >data/copies/x
engine_start; poll 10 idle
same "only what is ours is removed, in the container's own root" ".berth-cp-0123456789abcdeg mine root 0" \
    "$(ls -A bind | grep -v '^t$' | xargs) $(find data/copies -mindepth 1 | wc -l)"
put runs /vol; put runs /bind
same "the running one has its files" "4096 s0" "$(d exec runs sh -c 'echo $(stat -c %s /t/s7) $(readlink /bind/t/k20)')"
d start made >/dev/null; d restart -t 0 runs >/dev/null
same "both start" "true true" "$(d inspect -f '{{.State.Running}}' runs made | paste -sd' ')"
same "with their files" "4096 4096" "$(d exec made stat -c %s /t/s599) $(d exec runs stat -c %s /vol/t/s1)"
engine_sound
finish
