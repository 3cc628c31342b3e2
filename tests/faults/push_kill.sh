#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An engine that is killed in the middle of pushes: a tag at the registry is whole or not there, the next engine has all that it had,
# a second push succeeds with the same digest, and nothing half-made is left, also by SIGTERM.
#   ROUNDS=30 push_kill.sh tries more often
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
cd "$HOST" || exit 1
ROUNDS=${ROUNDS:-8}
seed
R=127.0.0.1:5000
head -c 25000000 /dev/urandom >noise; tar -cf a.tar noise; tar -cf b.tar -C /bin busybox
d import a.tar base >/dev/null
d create --name cc base x >/dev/null; d cp - cc:/ <b.tar; d commit cc made:0 >/dev/null; d rm cc >/dev/null
d create --name cc made:0 x >/dev/null; d cp - cc:/etc <b.tar 2>/dev/null || d cp noise cc:/again; d commit cc made:1 >/dev/null; d rm cc >/dev/null
ID=$(d image inspect -f '{{.Id}}' made:1)
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
digest() { in_host curl -s -I -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$R/v2/$1/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip'; }
left() { # what an engine at rest has open of layers, and drafts
    find "/proc/$ENGINE_PID/fd" -lname '*/layers/*/*'
    find data/layers/tmp -mindepth 1; find data/tmp -mindepth 1 2>/dev/null; ls data/quarantine 2>/dev/null
}
whole() { # REPOSITORY: all that its manifest names is there
    local blob
    for blob in $(in_host curl -s -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$R/v2/$1/manifests/1" | jq -r '.config.digest, .layers[].digest'); do
        in_host curl -fs "http://$R/v2/$1/blobs/$blob" | sha256sum | grep -q "^${blob#sha256:}" || return 1
    done
}
DIGEST= CUT=0
for round in $(seq "$ROUNDS"); do
    name=kill$round/x
    d tag made:1 $R/$name:1
    (d push $R/$name:1 >push.out 2>&1) & P=$!
    (d push $R/$name:1 >push2.out 2>&1) & P2=$!
    sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))" # any moment of it
    if [ $((round % 4)) = 0 ]; then engine_stop; else engine_kill; fi
    wait $P $P2 2>/dev/null
    IS=$(digest $name)
    if [ -n "$IS" ]; then check "round $round: a tag that is there is whole" whole $name; else CUT=$((CUT + 1)); fi
    engine_start || not_ok "round $round: the engine starts"
    same "round $round: the image is as it was" "$ID" "$(d image inspect -f '{{.Id}}' $R/$name:1)"
    poll 10 idle; poll 10 eval '[ -z "$(left)" ]'
    same "round $round: nothing half-made" "" "$(left | head)"
    d push $R/$name:1 >push.out 2>&1
    NOW=$(digest $name); DIGEST=${DIGEST:-$NOW}
    same "round $round: the second push goes, with the same digest" "sha256:${DIGEST#sha256:} 1" "$NOW $(grep -c "digest: $DIGEST" push.out)"
    # Every other round begins without what registries have, and sends all of it.
    if [ $((round % 2)) = 0 ]; then
        for n in $(seq "$round"); do d rmi -f $R/kill$n/x:1 >/dev/null 2>&1; done
        engine_stop; sqlite3 data/state.db "delete from documents where kind = 'blob'"; rm -rf data/state.db-copies/blob data/state.db-copies/blob.going; engine_start
    fi
done
echo "# $CUT of $ROUNDS pushes were cut off before the tag"
check "then it runs" d run --rm busybox true
same "no error of the engine's own" "" "$(grep -E 'level=error|Assertion|Sanitizer' engine.log | head -3)"
finish
