#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What other engines were broken by and berth does not have: copying to and from containers
# (CVE-2018-15664, -2019-14271, -2021-41089, -2026-41567, -2026-41568, -2026-42306), checkpoints
# (CVE-2026-119101, -2026-115520), plugins (CVE-2026-33997), authorization plugins that see a request
# without its body (CVE-2024-41110, -2026-34040). Each is refused with a sentence, before anything of
# the container is looked at, and no program of an image or of the host is run. Whoever adds one of
# them brings its races as tests.
. "$(dirname "$0")/kit.sh"
security_up lib-evil
id=$(in_host $D run -d hostile:lib-evil sleep 300 8>&-)
refused() { # NAME METHOD PATH [CURL ARGUMENTS…]
    local name=$1 out
    out=$(curl -s -m 20 --unix-socket "$SOCK" -o "$HOST/answer" -w '%{http_code}' -X "$2" "${@:4}" "http://x$3")
    like "$name: refused" "^(404|501)$" "$out"
    [ "$2" = HEAD ] || like "$name: with a sentence" '"message":"[^"]{10,}' "$(cat "$HOST/answer")"
}
mkdir "$HOST/in" && echo x >"$HOST/in/f"
tar -cf "$HOST/in.tar" -C "$HOST/in" . && xz -k "$HOST/in.tar" && gzip -k "$HOST/in.tar" && zstd -q "$HOST/in.tar"
for kind in tar tar.xz tar.gz tar.zst; do
    refused "an archive into a container ($kind)" PUT "/containers/$id/archive?path=/tmp" -H 'Content-Type: application/x-tar' --data-binary "@$HOST/in.${kind}"
done
refused "an archive out of one" GET "/containers/$id/archive?path=/etc/passwd"
refused "an archive out of one, through a link" GET "/containers/$id/archive?path=/proc/1/root/tmp/berth-outside/file"
like "docker cp says so" "Error|501|not" "$(in_host $D cp "$HOST/in/f" "$id:/tmp/f" 2>&1; in_host $D cp "$id:/etc/passwd" "$HOST/out" 2>&1)"
untouched "archives"
same "no program of the image has run" "" "$(in_host $D exec "$id" ls /tmp)"
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
