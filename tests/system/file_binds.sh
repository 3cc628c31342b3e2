#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A bind of one file, whose source another file takes the place of (vi and sed -i, on both sides):
# noticed, said by inspect, an event and ps, and followed where that is asked for.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
F=$HOST/conf/app.conf
mkdir "$HOST/conf"
fresh() { rm -f "$F"; echo one >"$F"; }
up() { d rm -f web >/dev/null 2>&1; id=$(b run -d --name web "$@" busybox sleep 1000 2>/dev/null); }
in_c() { d exec web "$@"; }
reads() { [ "$(in_c cat /app.conf)" = "$1" ]; }
replaced() { [ "$(field web '.Mounts[0].SourceReplaced')" = "$1" ]; }
told() { api GET "/events?since=1&until=$(date +%s)&filters=%7B%22event%22:%5B%22$1%22%5D%7D"; jq -r 'select(.Actor.ID=="'"$id"'")|.Actor.Attributes.destination' <<<"$BODY" | grep -c /app.conf; }
vi_in() { in_host timeout 60 python3 vi.py "$@" >"$HOST/vi.log" 2>&1; }

# ---- noticed ----
fresh; up -v "$F:/app.conf"
same "at first they are one" one "$(in_c cat /app.conf)"
replaced null && ok "and nothing is said" || not_ok "and nothing is said" "$BODY"
sed -i s/one/two/ "$F"
check "sed -i on the host: inspect says it" poll 5 replaced true
same "the container has the old file" one "$(in_c cat /app.conf)"
check "the list says it" eval 'api GET /containers/json; [ "$(jq -r ".[0].Mounts[0].SourceReplaced" <<<"$BODY")" = true ]'
like "ps warns" "WARNING: web: $F was replaced on the host, and /app.conf in the container is still the old file" "$(b ps 2>&1 >/dev/null)"
same "ps -q does not" "" "$(b ps -q 2>&1 >/dev/null)"
check "an event says it, once" poll 5 eval '[ "$(told bind-replaced)" = 1 ]'
engine_kill; engine_start
check "another engine says it, too" poll 5 replaced true
d restart -t 0 web >/dev/null
same "a restart has the new one" two "$(in_c cat /app.conf)"
check "and is no longer told" poll 5 replaced null
mv "$F" "$F.kept"
check "renamed away: told" poll 5 replaced true
mv "$F.kept" "$F"
check "and back: no longer" poll 5 replaced null
rm "$F"
check "removed: told" poll 5 replaced true
engine_stop; fresh; engine_start
check "replaced while no engine was there: told" poll 5 replaced true

# ---- vi and sed, on both sides ----
fresh; up -v "$F:/app.conf" -v "$HOST/conf:/conf"
vi_in one three "$QA_CLIENT" run -it --rm -v "$HOST/conf:/h" busybox vi /h/app.conf
same "vi in the folder writes over the file" "three three" "$(cat "$F") $(in_c cat /app.conf)"
vi_in three four "$QA_CLIENT" exec -it web vi /app.conf
same "vi in the container writes over it, too" "four four" "$(cat "$F") $(in_c cat /app.conf)"
like "sed -i in the container cannot replace what is mounted" 'busy' "$(in_c sed -i s/four/five/ /app.conf 2>&1)"
same "and changes nothing" "four four" "$(cat "$F") $(in_c cat /app.conf)"
check "nothing of that is told" stays 0.5 replaced null
in_c sed -i s/four/six/ /conf/app.conf
check "sed -i in a container that has the folder: told" poll 5 replaced true

# ---- followed ----
for how in "-v $F:/app.conf:ro,follow" "--mount type=bind,source=$F,target=/app.conf,readonly,bind-follow"; do
    fresh; up $how
    in_c sh -c 'exec 3</app.conf; sleep 1000' & holder=$!
    for i in $(seq 8); do
        echo "n$i" >"$F.new"; mv "$F.new" "$F"
        poll 5 reads "n$i" || break
    done
    check "${how%% *}: 8 times replaced, 8 times followed" reads n8
    check "inspect says nothing" poll 5 replaced null
    same "one mount, read-only" "1 ro" "$(in_c sh -c 'grep -c " /app.conf " /proc/self/mountinfo; grep " /app.conf " /proc/self/mountinfo | cut -d" " -f6 | cut -d, -f1' | xargs)"
    check "an event says it" poll 5 eval '[ "$(told bind-followed)" -ge 1 ]'
    sed -i s/n8/sed/ "$F"
    check "sed -i on the host" poll 5 reads sed
    kill $holder 2>/dev/null; wait $holder 2>/dev/null
done
engine_kill; echo away >"$F.new"; mv "$F.new" "$F"; engine_start
check "what happened while no engine was there" poll 5 reads away
rm "$F"
check "a file that is gone: told, and the container keeps it" poll 5 eval 'replaced true && reads away'
echo back >"$F"
check "one that comes back is followed" poll 5 reads back
d rm -f web >/dev/null
python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$HOST/conf/s.sock"
up -v "$HOST/conf/s.sock:/s.sock:follow"
mv "$HOST/conf/s.sock" "$HOST/conf/old.sock"; python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$HOST/conf/s.sock"
check "a socket that is made anew" poll 5 eval '[ "$(in_c stat -c %i /s.sock)" = "$(stat -c %i "$HOST/conf/s.sock")" ]'
like "a folder is not followed" 'only a file can be followed' "$(d create -v "$HOST/conf:/x:follow" busybox 2>&1)"
like "nor a volume" 'BindOptions must not be specified' "$(d create -v vol:/x:follow busybox 2>&1)"

# ---- a container that has something else there ----
fresh; ln "$F" "$HOST/conf/kept" # or its inode's number would be the next one's when the container lets go of it
up --cap-add SYS_ADMIN --security-opt seccomp=unconfined -v "$F:/app.conf:follow" -v "$HOST/conf:/conf"
in_c sh -c 'echo mine >/mine; umount /app.conf; mount --bind /mine /app.conf'
echo new >"$F.new"; mv "$F.new" "$F"
check "what it has mounted itself stays" poll 5 eval 'grep -q "the container has something else at /app.conf" "$HOST/engine.log"'
same "and is what it sees" mine "$(in_c cat /app.conf)"
in_c sh -c 'umount /app.conf; rm /app.conf; ln -s /conf/other /app.conf; echo other >/conf/other'
before=$(wc -l </proc/self/mountinfo)
echo newer >"$F.new"; mv "$F.new" "$F"
check "a link in its place is nothing of ours" poll 5 eval '[ "$(grep -c "the container has something else at /app.conf" "$HOST/engine.log")" -ge 2 ]'
same "nothing is mounted on the host" "$before other" "$(wc -l </proc/self/mountinfo) $(cat "$HOST/conf/other")"

# ---- a container that has the folder puts a link there ----
echo secret >"$HOST/secret"
fresh; up -v "$F:/app.conf:follow" -v "$HOST/conf:/conf"
for to in "$HOST/secret" ../secret; do
    in_c sh -c "rm -f /conf/app.conf; ln -s $to /conf/app.conf"
    check "a link to $to is not followed" poll 5 eval 'grep -q "app.conf leads to $HOST/secret, and was allowed when it led to $F" "$HOST/engine.log"'
    same "and the container has its file" one "$(in_c cat /app.conf)"
    : >"$HOST/engine.log"
done
in_c sh -c 'rm /conf/app.conf; echo real >/conf/app.conf'
check "a file is" poll 5 reads real

# ---- bounds ----
fresh; up -v "$F:/app.conf:follow"
(cd "$HOST/conf"; for i in $(seq 5000); do echo >"x$((i % 50))"; done); echo end >"$F.new"; mv "$F.new" "$F"
check "after a storm in the folder" poll 10 reads end
watches() { grep -h '^inotify' /proc/$ENGINE_PID/fdinfo/* 2>/dev/null | wc -l; }
same "one folder is watched" 1 "$(watches)"
d rm -f web >/dev/null
check "and none when nobody has a bind in it" poll 5 eval '[ "$(watches)" = 0 ]'
[ "$TAP_FAILED" = 0 ] || grep -E "bind|something|binds/" "$HOST/engine.log" | tail -12 | sed "s/^/# /"
engine_sound
finish
