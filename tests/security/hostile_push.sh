#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A push to registries that break off, are busy, take no pieces, move uploads, lie, or mean harm: what can be done is done, with
# the right bytes (the registry looks); what cannot gives a sentence; passwords go to nobody else; memory and uploads stay bounded.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
export BERTH_SLOW_S=2
qa_up
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 push_registry.py 5010 >"$HOST/hostile" 2>&1 &
REGISTRY2=$!
trap 'kill $REGISTRY2 2>/dev/null; host_down' EXIT
poll 10 grep -q ready "$HOST/hostile" || { not_ok "a registry" "$(cat "$HOST/hostile")"; finish; exit 1; }
R=127.0.0.1:5010
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
AUTH=$(printf '{"username":"user","password":"secret"}' | base64 -w0)
r() { in_host curl -s -m 20 "http://$R/$1"; }
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
# An image of a layer of three pieces, and a small one.
head -c 12500000 /dev/urandom >noise; printf 1 >one; tar -cf made.tar noise
d import made.tar made:0 >/dev/null; d create --name cc made:0 x >/dev/null; d cp one cc:/; d commit cc made:1 >/dev/null; d rm cc >/dev/null
push() { # HOW [CURL ARGS]: the stream in OUT, its last error or digest in SAID
    local how=$1; shift
    d tag made:1 "$R/$how/x:1"; r _reset
    curl -s -m 120 -X POST -H "X-Registry-Auth: $AUTH" --unix-socket "$SOCK" "$@" "http://x/images/$R/$how/x/push?tag=1" >"$how.out"
    OUT=$(cat "$how.out"); SAID=$(jq -r '.error // .aux.Digest // .message // empty' "$how.out" | tail -1)
    r _log >"$how.log"
}
goes() { # NAME HOW
    push "$2"; like "$1" '^sha256:[0-9a-f]{64}$' "$SAID"
}
fails() { # NAME HOW REGEX
    push "$2"; like "$1" "$3" "$SAID"
    [ -z "$(r "v2/$2/x/manifests/1" | jq -r .config 2>/dev/null | grep sha256)" ] || not_ok "$2: and the tag is not there"
}
sent() { jq '[.[] | select(.method == "PATCH" or .method == "PUT") | .bytes] | add' "$1.log"; }
methods() { jq -r '.[] | select(.path | test("blobs/uploads")) | .method' "$1.log" | sort | uniq -c | awk '{ print $2 $1 }' | xargs; }

goes "one that does what it should" ok
FIRST=$SAID
same "in pieces" "12500000 20000000" "$(sent ok | awk '{ print ($1 > 12500000 && $1 < 13000000) ? "12500000 20000000" : $1 }')"
same "whose ranges follow one another" "0 5242880 10485760" "$(jq -r '.[] | select(.method == "PATCH" and .range != "") | .range' ok.log | cut -d- -f1 | sort -n | uniq | xargs)"

# ---- broken connections
for how in break drip lost late r416 rel norange move; do
    case $how in
    break) what="a connection that breaks in each piece" ;; drip) what="one that breaks after each 1.3 MB" ;;
    lost) what="an upload that the registry has lost" ;; late) what="an answer that is lost with the last connection" ;;
    r416) what="a registry that wants to be asked first" ;; rel) what="relative locations" ;;
    norange) what="neither Range nor a new location" ;; move) what="a piece that is sent elsewhere" ;;
    esac
    goes "$what" $how
    same "$how: the same digest" "$FIRST" "$SAID"
done
check "after a break only the rest is sent" [ "$(sent break)" -lt 26000000 ]
same "and it says that it tries again" 1 "$(grep -c 'Retrying in 1 second"' break.out | awk '{ print ($1 > 0) }')"
fails "a connection that never brings anything" trickle 'unexpected EOF|Patch '

# ---- no pieces
for how in always416 round2 nopatch bigchunk small putbreak putmove; do
    goes "as a whole: $how" $how
    same "$how: the same digest" "$FIRST" "$SAID"
done

# ---- busy
BEGAN=$(date +%s); goes "429 for each request, with Retry-After" busy
check "it waited" [ $(($(date +%s) - BEGAN)) -ge 3 ]
fails "one that is out of order stays so" down 'on the beach'
goes "a token that is good for six requests" expire
goes "a token service that gives one scope" strict

# ---- mounts
goes "a mount" mount
same "no layer is sent" 1 "$(jq '[.[] | select(.method == "PATCH")] | length' mount.log)"
goes "a mount that is refused: the upload that it began is used" nomount
like "it was asked for one" 'mount=sha256' "$(jq -r '.[].path' nomount.log)"
same "what was begun and not used is given up" "$(jq '[.[] | select(.method == "POST")] | length - 3' nomount.log)" "$(jq '[.[] | select(.method == "DELETE")] | length' nomount.log)"

# ---- who we are
for how in cdn cdnmove; do
    goes "uploads to another host: $how" $how
    same "$how: who does not learn who we are" "" "$(jq -r '.[] | select(.host == 5011) | .auth' $how.log | sort -u)"
    like "$how: bytes went there" '^[1-9]' "$(jq '[.[] | select(.host == 5011 and .method == "PATCH")] | length' $how.log)"
    same "$how: the registry knows who we are" "Basic dXNlcjpzZWNyZXQ=" "$(jq -r '.[] | select(.host == 5010 and .auth != "") | .auth' $how.log | sort -u)"
done

# ---- lies and harm
fails "redirects in a circle (POST)" round 'stopped after 10 redirects'
fails "a redirect to nowhere" nowhere 'redirects \(307\) to nowhere'
fails "a location that is a file" file 'which is no web address'
fails "a location with a password" user 'which is no web address'
fails "a page instead of an upload" html 'does not say where'
fails "a hotel's page for everything" portal 'does not say where|is no registry'
fails "a page for a blob" portal2 'does not say that it has it \(200\)'
fails "a page for a manifest" portal3 'does not say that it has it \(200\)'
fails "an answer without end" flood 'larger than'
fails "another digest for the blob" liedigest 'says that it is sha256:0000'
fails "another digest for the manifest" liemanifest 'says that it is sha256:1111'
goes "more bytes than were sent, which it takes back when it is asked" lierange
fails "more bytes than were sent" lieplace 'was sent [0-9]* bytes and says that it has 100000000000|lost the upload'
fails "the manifest is refused, in its own words" badmanifest '^manifest invalid: not today$'
fails "denied, in its own words" denied '^denied: not for .*you.*, says the owner$'
same "without its escapes" 0 "$(printf '%s' "$SAID" | grep -cP '\x1b|\x07')"
push headlie; push headlie
like "a size that is not the blob's: it is sent again" '^sha256' "$SAID"
BEGAN=$(date +%s); fails "a registry that is silent" stall 'too slow'
check "not for ever" [ $(($(date +%s) - BEGAN)) -lt 60 ]
fails "a registry that is silent at the end" stallput 'too slow'
check "nothing is under way" poll 10 idle
same "uploads that came to nothing are deleted" true "$(r _log | jq '[.[] | select(.method == "DELETE")] | length > 0')"

# ---- a client that goes
d tag made:1 $R/stall/gone:1; r _reset
timeout 1 curl -s -X POST --unix-socket "$SOCK" "http://x/images/$R/stall/gone/push?tag=1" >/dev/null
check "a client that goes ends it" poll 5 idle
deletes() { [ "$(r _log | jq '[.[] | select(.method == "DELETE")] | length')" -ge 1 ]; }
check "and its uploads" poll 5 deletes
check "no layer is open" poll 5 eval '[ -z "$(find "/proc/$ENGINE_PID/fd" -lname "*/layers/*/*")" ]'
BEGAN=$(date +%s); (curl -s -X POST --unix-socket "$SOCK" "http://x/images/$R/stall/gone/push?tag=1" >/dev/null) & C=$!
poll 5 eval '! idle'; engine_stop; wait $C
check "an engine that ends does not wait for it" [ $(($(date +%s) - BEGAN)) -lt 15 ]
engine_start

# ---- memory: eight layers of 12 MB at once, by two clients
d create --name c0 busybox x >/dev/null
for n in 1 2 3 4 5 6 7 8; do
    head -c 12000000 /dev/urandom >big-$n; d cp big-$n c0:/ >/dev/null; rm big-$n; d commit c0 big:$n >/dev/null; d rm c0 >/dev/null; d create --name c0 big:$n x >/dev/null
done
d rm c0 >/dev/null; d tag big:8 $R/ok/big:1; d tag big:8 $R/ok/large:1
echo 5 >"/proc/$ENGINE_PID/clear_refs" 2>/dev/null
now() { awk "/^$1/ { print \$2 }" "/proc/$ENGINE_PID/status"; }
WAS=$(now VmRSS)
(d push -q $R/ok/large:1 >large.out 2>&1) & C=$!
d push $R/ok/big:1 >big.out 2>&1; wait $C
like "large layers" 'digest: sha256' "$(cat big.out)"
GREW=$(($(now VmHWM) - WAS)); echo "# 96 MB, twice: $GREW KiB more than before"
if [[ ${BERTH_BIN:-} == *san* ]] || grep -q asan "/proc/$ENGINE_PID/maps"; then ok "memory (not with sanitizers)"; else
    check "memory is bounded" [ $GREW -lt 80000 ]; fi
engine_sound
finish
