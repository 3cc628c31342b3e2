#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What other engines were broken by, answered as Docker does: archives into and out of containers
# whose libraries and unpackers are hostile (CVE-2019-14271, -2021-41089, -2026-41567, -2026-41568,
# -2026-42306; the races of -2018-15664 are copy_attacks.sh's). And what berth does not have: checkpoints
# (CVE-2026-119101, -2026-115520), plugins (CVE-2026-33997), authorization plugins that see a request
# without its body (CVE-2024-41110, -2026-34040): each is refused with a sentence, before anything of
# the container is looked at. No program of an image or of the host is run.
. "$(dirname "$0")/kit.sh"
security_up lib-evil
id=$(in_host $D run -d hostile:lib-evil sleep 300 8>&-)
refused() { # NAME METHOD PATH [CURL ARGUMENTS…]
    local name=$1 out
    out=$(curl -s -m 20 --unix-socket "$SOCK" -o "$HOST/answer" -w '%{http_code}' -X "$2" "${@:4}" "http://x$3")
    like "$name: refused" "^(404|501)$" "$out"
    [ "$2" = HEAD ] || like "$name: with a sentence" '"message":"[^"]{10,}' "$(cat "$HOST/answer")"
}
answered() { # NAME STATUS METHOD PATH [CURL ARGUMENTS…]: the answer is in $HOST/answer
    same "$1: answered" "$2" "$(curl -s -m 20 --unix-socket "$SOCK" -o "$HOST/answer" -w '%{http_code}' -X "$3" "${@:5}" "http://x$4")"
}
missing() { answered "$1" 404 "${@:2}"; like "$1: with a sentence" '"message":"Could not find the file .* in container' "$(cat "$HOST/answer")"; }
# Whatever the container has under the names of unpackers, shells and libraries leaves a mark.
in_host $D exec "$id" sh -c 'for f in /bin/tar /bin/xz /usr/bin/unpigz /usr/bin/gzip /usr/bin/docker-untar /lib/libnss_files.so.2 /lib64/ld-linux-x86-64.so.2; do
    mkdir -p "${f%/*}"; rm -f "$f"; printf "#!/bin/busybox sh\\n/bin/busybox touch /tmp/ran\\n" >"$f"; chmod +x "$f"; done; ln -s /proc/1/root/tmp/berth-outside /magic'
mkdir "$HOST/in" && echo x >"$HOST/in/f"
tar -cf "$HOST/in.tar" -C "$HOST/in" . && xz -k "$HOST/in.tar" && gzip -k "$HOST/in.tar" && zstd -q "$HOST/in.tar"
for kind in tar tar.xz tar.gz tar.zst; do
    answered "an archive into a container ($kind)" 200 PUT "/containers/$id/archive?path=/tmp" -H 'Content-Type: application/x-tar' --data-binary "@$HOST/in.${kind}"
    same "and it has its file" x "$(in_host $D exec "$id" sh -c 'cat /tmp/f; rm /tmp/f')"
done
answered "an archive out of one" 200 GET "/containers/$id/archive?path=/etc/passwd"
same "it is the container's file" "$(in_host $D exec "$id" cat /etc/passwd)" "$(tar -xOf "$HOST/answer" passwd)"
missing "out of one, through a link of the kernel's" GET "/containers/$id/archive?path=/proc/1/root/tmp/berth-outside/file"
missing "such a link itself" GET "/containers/$id/archive?path=/proc/1/root"
missing "into one" PUT "/containers/$id/archive?path=/proc/1/root/tmp/berth-outside" -H 'Content-Type: application/x-tar' --data-binary "@$HOST/in.tar"
like "through a link to it" '^(400|404)$' "$(curl -s -m 20 --unix-socket "$SOCK" -o /dev/null -w '%{http_code}' "http://x/containers/$id/archive?path=/magic/file")"
in_host $D cp "$HOST/in/f" "$id:/tmp/f" && in_host $D cp "$id:/tmp/f" "$HOST/out"
same "docker cp in and out" x "$(cat "$HOST/out")"
answered "an export" 200 GET "/containers/$id/export"
untouched "archives"
same "no program of the image has run" f "$(in_host $D exec "$id" ls /tmp)"
in_host $D exec "$id" /bin/tar
same "that would have been seen" "f ran" "$(in_host $D exec "$id" ls /tmp | paste -sd' ')"
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
