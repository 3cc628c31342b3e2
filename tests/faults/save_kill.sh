#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An engine that is killed in the middle of saves and loads: an archive is whole or its client fails; an image that was loaded is
# there with all its layers, and saved again it is the same, or nothing of it is; nothing half-made is left, also by SIGTERM.
#   ROUNDS=30 save_kill.sh tries more often
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
cd "$HOST" || exit 1
ROUNDS=${ROUNDS:-8}
seed
b() { in_host "$BERTH" "$@"; }
python3 - <<'PY' # two layers of 300 small files and a large one each
import io, os, tarfile
for n in "ab":
    with tarfile.open(n + ".tar", "w") as t:
        for k in range(300):
            i = tarfile.TarInfo("%s/%d" % (n, k)); i.size = 3000; t.addfile(i, io.BytesIO(os.urandom(i.size)))
        i = tarfile.TarInfo("large-" + n); i.size = 3 << 20; t.addfile(i, io.BytesIO(os.urandom(i.size)))
PY
d import a.tar base >/dev/null
d create --name cc base x >/dev/null; d cp - cc:/ <b.tar; d commit cc two:one >/dev/null; d rm cc >/dev/null
d tag two:one two:too
b save -o two.tar two; b save -o busybox.tar busybox
ID=$(d image inspect -f '{{.Id}}' two:one)
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
left() { # what an engine at rest has open of layers, and drafts
    find "/proc/$ENGINE_PID/fd" -lname '*/layers/*/*'
    find data/layers/tmp -mindepth 1; find data/tmp -mindepth 1 2>/dev/null; ls data/quarantine 2>/dev/null; ls ./*.berth-part 2>/dev/null
}
tags() { d image ls --format '{{.Repository}}:{{.Tag}}' | grep ^two | sort | xargs; }
judge() { # ROUND: whole or nothing
    local is; is=$(tags)
    like "$1: both names or none" '^(two:one two:too)?$' "$is"
    if [ -n "$is" ]; then
        check "$1: the image is whole" eval 'b save -o again.tar two && cmp two.tar again.tar'
        WHOLE=$((WHOLE + 1))
    fi
    poll 10 idle; poll 10 eval '[ -z "$(left)" ]'
    same "$1: nothing half-made" "" "$(left | head)"
}
WHOLE=0
for round in $(seq "$ROUNDS"); do
    d rmi -f "$ID" base >/dev/null 2>&1
    (b load -q -i two.tar >/dev/null 2>&1) & L=$!
    S=()
    for n in 1 2 3; do
        (b save -o saved-$n.tar busybox >/dev/null 2>&1) & S+=($!)
        curl -s --limit-rate 300k --unix-socket "$SOCK" http://x/images/busybox/get -o slow-$n.tar & S+=($!)
    done
    sleep "0.$((RANDOM % 3))$((RANDOM % 10))" # any moment of it
    if [ $((round % 4)) = 0 ]; then engine_stop; else engine_kill; fi
    wait $L "${S[@]}" 2>/dev/null
    for n in 1 2 3; do
        [ ! -e saved-$n.tar ] || check "round $round: a file that is there is whole" cmp saved-$n.tar busybox.tar
        rm -f saved-$n.tar
    done
    engine_start || not_ok "round $round: the engine starts"
    judge "round $round"
done
echo "# $WHOLE of $ROUNDS loads were whole"
# And the other order: what is there is saved again and again, and an engine that goes has harmed nothing.
d load -q -i two.tar >/dev/null
for round in 1 2; do
    S=()
    for n in 1 2 3; do (while b save two >/dev/null 2>&1; do :; done) & S+=($!); done
    sleep "0.3$((RANDOM % 10))"
    engine_kill; wait "${S[@]}" 2>/dev/null
    engine_start || not_ok "saves, round $round: the engine starts"
    judge "saves, round $round"
    same "saves, round $round: the images are there" "two:one two:too" "$(tags)"
done
check "then it runs" d run --rm busybox true
same "no error of the engine's own" "" "$(grep -E 'level=error|Assertion|Sanitizer' engine.log | head -3)"
finish
