#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# import of what is at an address of the web: by docker, berth and the API; servers that refuse, break off, stall, lie.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'path=/images/create error="(Get |failed to GET http://127.0.0.1:8123/broken)' 'as Docker: there is no server, or it fails'
SERVER=
cleanup() { [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null; host_down; }
BERTH_SLOW_S=3 qa_up
trap cleanup EXIT
b() { in_host env BERTH_HOST="unix://$SOCK" "$BERTH_BIN/berth" "$@"; }
mkdir "$HOST/in" && head -c 3000000 /dev/urandom >"$HOST/in/file" && echo short >"$HOST/in/other" && tar -C "$HOST/in" -cf "$HOST/in.tar" .
in_host python3 import_servers.py "$HOST/in.tar" >"$HOST/ready" 2>&1 & SERVER=$!
poll 10 grep -q ready "$HOST/ready" || not_ok "a server" "$(cat "$HOST/ready")"
AT=http://127.0.0.1:8123
settled
census_stable >"$HOST/before"
layer() { d image inspect -f '{{index .RootFS.Layers 0}}' "$1"; }
WANTED=sha256:$(sha256sum <"$HOST/in.tar" | cut -d' ' -f1)

check "docker import" d import $AT/good.tar by-docker
same "has the layer that is there" "$WANTED" "$(layer by-docker)"
check "berth import" b import $AT/good.tar by-berth
same "as well" "$WANTED" "$(layer by-berth)"
same "where it is from is said in its history" "Imported from $AT/good.tar" "$(d history --format '{{.Comment}}' by-berth)"
like "progress" "^\\{\"status\":\"Downloading from $AT/good.tar\"\\}.*\"status\":\"sha256:" "$(curl -s -m 20 -X POST --unix-socket "$SOCK" "http://x/images/create?fromSrc=$AT/good.tar&repo=by-api" | tr -d '\r' | paste -sd' ')"
api_is "an address without a scheme is http's" 200 Downloading POST "/images/create?fromSrc=127.0.0.1:8123/good.tar&repo=by-api"
api_is "a redirect is followed" 200 Downloading POST "/images/create?fromSrc=$AT/redirect&repo=by-redirect"
same "to what is there" "$WANTED" "$(layer by-redirect)"
api_is "one who takes his time" 200 '"status":"sha256:' POST "/images/create?fromSrc=$AT/slow&repo=by-slow"
same "gives all of it" "$WANTED" "$(layer by-slow)"
api_is "message and changes" 200 sha256 POST "/images/create?fromSrc=$AT/good.tar&repo=changed&message=mine&changes=CMD%20x"
same "count" "mine [/bin/sh -c x]" "$(d image inspect -f '{{.Comment}} {{.Config.Cmd}}' changed)"

none() { api GET /images/bad/json; same "$1: there is no image" 404 "$STATUS"; }
api_is "404" 404 "failed to GET $AT/nosuch with status 404" POST "/images/create?fromSrc=$AT/nosuch&repo=bad"; none 404
api_is "403" 403 "failed to GET $AT/denied with status 403" POST "/images/create?fromSrc=$AT/denied&repo=bad"; none 403
api_is "500" 500 "failed to GET $AT/broken with status 500" POST "/images/create?fromSrc=$AT/broken&repo=bad"; none 500
api_is "nobody is there" 500 'dial tcp 127.0.0.1:1: connect: connection refused' POST "/images/create?fromSrc=http://127.0.0.1:1/x&repo=bad"; none "nobody"
api_is "no such host" 500 'no such host' POST "/images/create?fromSrc=http://nosuch.invalid/x&repo=bad"; none "no such host"
api_is "a circle" 500 'too many redirects' POST "/images/create?fromSrc=$AT/circle&repo=bad"; none "a circle"
api_is "a redirect to a file" 500 'Get ' POST "/images/create?fromSrc=$AT/elsewhere&repo=bad"; none "a file"
for scheme in file:///etc/passwd ftp://127.0.0.1/x gopher://127.0.0.1/; do
    api_is "$scheme" 400 'unsupported protocol scheme' POST "/images/create?fromSrc=$scheme&repo=bad"
done
api_is "no host" 400 'no host in' POST "/images/create?fromSrc=http:///x&repo=bad"
api POST "/images/create?fromSrc=$AT/good.tar&repo=BAD" # a 400, or in the stream if the server was faster
like "what is wrong besides is told, too" 'must be lowercase' "$BODY"
api_is "a web page" 200 '"error":"the layer is no valid tar archive' POST "/images/create?fromSrc=$AT/page&repo=bad"; none "a web page"
api_is "one that breaks off" 200 '"error":"Get .*unexpected EOF' POST "/images/create?fromSrc=$AT/short&repo=bad"; none "one that breaks off"
api_is "one that stalls" 200 '"error":"Get .*too slow' POST "/images/create?fromSrc=$AT/stall&repo=bad"; none "one that stalls"
fails "docker says why" 'failed to GET .*404' d import $AT/nosuch bad
fails "berth says why" 'failed to GET .*404' b import $AT/nosuch bad
curl -s -m 1 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/images/create?fromSrc=$AT/stall&repo=bad"; none "a client that goes"
idle() { [ "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)" = "[]" ]; }
poll 10 idle && ok "and nothing goes on" || not_ok "and nothing goes on" "$(curl -s --unix-socket "$SOCK" http://x/debug/ops)"

d rmi by-docker by-berth by-api by-redirect by-slow changed >/dev/null 2>&1
settled
same "nothing is left" "" "$(diff "$HOST/before" <(census_stable))"
curl -s -m 20 -o /dev/null -X POST --unix-socket "$SOCK" "http://x/images/create?fromSrc=$AT/stall&repo=bad" & sleep 0.5
begin=${EPOCHREALTIME/./}
engine_stop
check "an engine that stops does not wait for a server" test $((${EPOCHREALTIME/./} - begin)) -lt 2500000
finish
