#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What other engines were broken by and berth does not have: checkpoints (CVE-2026-119101,
# -2026-115520), plugins (CVE-2026-33997), authorization plugins that see a request without its body
# (CVE-2024-41110, -2026-34040). Each is refused with a sentence, before anything of the container is
# looked at. Whoever adds one of them brings its attacks as tests.
. "$(dirname "$0")/kit.sh"
security_up probe
id=$(in_host $D create hostile:probe sleep 300)
refused() { # NAME METHOD PATH [CURL ARGUMENTS…]
    local name=$1 out
    out=$(curl -s -m 20 --unix-socket "$SOCK" -o "$HOST/answer" -w '%{http_code}' -X "$2" "${@:4}" "http://x$3")
    like "$name: refused" "^(404|501)$" "$out"
    [ "$2" = HEAD ] || like "$name: with a sentence" '"message":"[^"]{10,}' "$(cat "$HOST/answer")"
}
refused "a checkpoint" POST "/containers/$id/checkpoints" -H 'Content-Type: application/json' -d '{"CheckpointID":"c1"}'
refused "restoring one" POST "/containers/$id/start?checkpoint=c1&checkpoint-dir=/tmp/berth-outside"
refused "a plugin" POST "/plugins/pull?remote=127.0.0.1:5000/plugin" -H 'Content-Type: application/json' -d '[]'
refused "a plugin's privileges" GET "/plugins/privileges?remote=127.0.0.1:5000/plugin"
engine_stop
for flag in --authorization-plugin=nosuch; do
    engine_start $flag 2>"$HOST/why" 8>&- && { not_ok "$flag is refused"; engine_stop; } || ok "$flag is refused"
done
engine_start 8>&- || not_ok "the engine starts again"
untouched "all of it"
check "the engine answers" alive
finish
