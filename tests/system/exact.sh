#!/bin/bash
# Streams are exact: from one byte to a gibibyte through attach, exec and logs, with a terminal and
# without, to readers that are fast, slow or gone. Both ends are hashed.
#   BIG=1073741824 exact.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap host_down EXIT
BIG=${BIG:-1073741824}
MIB=1048576
for program in exact_writer exact_client; do
    [ -x "$BERTH_BIN/$program" ] || { not_ok "$program is built"; finish; exit 1; }
done
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
api() { curl -fs --unix-socket "$SOCK" -X "$1" "http://x/v1.51$2" "${@:3}"; }
api POST /images/load -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar" >/dev/null
IMAGE=$(api GET /images/json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RepoTags"][0])')
cp "$BERTH_BIN/exact_writer" "$HOST/w"
client() { timeout 100 "$BERTH_BIN/exact_client" "$@"; }
stream() { client stream "$@" 2>&1; }
declare -A SUMS
want() { # N: "N SHA256", of what exact_writer makes; sets WANT
    [ -n "${SUMS[$1]:-}" ] || SUMS[$1]=$("$BERTH_BIN/exact_writer" "$1" | client sum)
    WANT=${SUMS[$1]}
}
NONE="0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
create() { # NAME TTY STDIN CMD-JSON [LOG-OPTIONS-JSON]
    local log=${5:-'{"max-size":"2g"}'}
    api POST "/containers/create?name=$1" -H 'Content-Type: application/json' -d "{\"Image\":\"$IMAGE\",\"Cmd\":$4,\"Tty\":$2,
        \"OpenStdin\":$3,\"StdinOnce\":$3,\"AttachStdin\":$3,\"AttachStdout\":true,
        \"HostConfig\":{\"NetworkMode\":\"none\",\"Binds\":[\"$HOST/w:/w:ro\"],\"LogConfig\":{\"Type\":\"json-file\",\"Config\":$log}}}" >/dev/null
}
gone() { api DELETE "/containers/$1?force=1" >/dev/null; }
framed() { [ "$1" = true ] || echo -f; }
cmd() { printf '["/w"'; printf ',"%s"' "$@"; printf ']'; }

# Attached clients are no objects of the API.
attached() { [ "$(ss -xH state established 2>/dev/null | grep -c "$SOCK")" -ge "$1" ]; } # HOW-MANY
# NAME TTY N [CLIENT-OPTIONS]: what a container writes, to a client that was there before it; and again from its log
out() {
    local name=$1 tty=$2 n=$3; shift 3
    create cc "$tty" false "$(cmd "$n")" "${LOG:-}"
    stream -u $(framed "$tty") "$@" "$SOCK" POST "/containers/cc/attach?stream=1&stdout=1&stderr=1" >"$HOST/got" &
    local pid=$!
    poll 5 attached 1
    api POST /containers/cc/start
    wait "$pid"
    want "$n"
    same "attach, $name" "$WANT $NONE" "$(cat "$HOST/got")"
    [ -n "${NOLOGS:-}" ] || same "logs, $name" "$WANT $NONE" \
        "$(stream $(framed "$tty") "$SOCK" GET "/containers/cc/logs?stdout=1&stderr=1")"
    gone cc
}
# NAME TTY N: both directions of an attached container
both() {
    create cc "$2" true "$(cmd echo "$3")" '{"max-size":"1m"}'
    api POST /containers/cc/start
    want "$3"
    same "attach, both ways, $1" "$WANT $NONE $WANT" \
        "$(stream -u -w $(framed "$2") -i "$3" "$SOCK" POST "/containers/cc/attach?stream=1&stdin=1&stdout=1&stderr=1&logs=1")"
    same "attach, both ways, $1: the exit code" 0 "$(api POST /containers/cc/wait | tr -dc 0-9)"
    gone cc
}
exec_stream() { # TTY STDIN CMD-JSON [CLIENT-OPTIONS]
    local tty=$1 id
    id=$(api POST /containers/ee/exec -H 'Content-Type: application/json' \
        -d "{\"Cmd\":$3,\"Tty\":$1,\"AttachStdin\":$2,\"AttachStdout\":true,\"AttachStderr\":true}" | jq -r .Id)
    shift 3
    stream -u $(framed "$tty") "$@" -b "{\"Tty\":$tty}" "$SOCK" POST "/exec/$id/start"
}

SIZES="1 2 65535 65536 65537 $MIB"
create ee false false '["sleep","1000"]'
api POST /containers/ee/start
for tty in false true; do
    kind=pipe; [ "$tty" = false ] || kind=tty
    for n in $SIZES; do
        out "$kind, $n" "$tty" "$n"
        both "$kind, $n" "$tty" "$n"
        want "$n"
        same "exec, $kind, $n" "$WANT $NONE" "$(exec_stream "$tty" false "$(cmd "$n")")"
        same "exec, both ways, $kind, $n" "$WANT $NONE $WANT" "$(exec_stream "$tty" true "$(cmd echo "$n")" -w -i "$n")"
    done
    n=$((64 * MIB)); [ "$tty" = false ] || n=$((16 * MIB))
    out "$kind, $((n / MIB)) MiB" "$tty" "$n"
    out "$kind, $((n / MIB)) MiB, a slow reader" "$tty" "$n" -s
    both "$kind, $((n / MIB)) MiB" "$tty" "$n"
    want "$n"
    same "exec, $kind, $((n / MIB)) MiB" "$WANT $NONE" "$(exec_stream "$tty" false "$(cmd "$n")")"
    same "exec, both ways, $kind, $((n / MIB)) MiB" "$WANT $NONE $WANT" "$(exec_stream "$tty" true "$(cmd echo "$n")" -w -i "$n")"
done

# stderr is its own stream, cat ends with its input
want $((4 * MIB))
same "exec: stderr, 4 MiB" "$NONE $WANT" "$(exec_stream false false "$(cmd $((4 * MIB)) 2)")"
want $MIB
same "exec: cat" "$WANT $NONE $WANT" "$(exec_stream false true '["cat"]' -i $MIB)"
create cc false true '["cat"]'
api POST /containers/cc/start
same "attach: cat" "$WANT $NONE $WANT" "$(stream -u -f -i $MIB "$SOCK" POST "/containers/cc/attach?stream=1&stdin=1&stdout=1&stderr=1")"
gone cc

# readers that vanish in the middle: neither the container nor another reader loses anything
create cc false false "$(cmd $((32 * MIB)))"
stream -u -f "$SOCK" POST "/containers/cc/attach?stream=1&stdout=1&stderr=1" >"$HOST/got" &
STAYS=$!
stream -u -f -g 100000 "$SOCK" POST "/containers/cc/attach?stream=1&stdout=1&stderr=1" >/dev/null &
GOES=$!
poll 5 attached 2
api POST /containers/cc/start
wait "$GOES"
stream -f -g 1000000 "$SOCK" GET "/containers/cc/logs?stdout=1&follow=1" >/dev/null
wait "$STAYS"
want $((32 * MIB))
same "attach beside readers that vanish" "$WANT $NONE" "$(cat "$HOST/got")"
same "logs of the same" "$WANT $NONE" "$(stream -f "$SOCK" GET "/containers/cc/logs?stdout=1&stderr=1")"
same "its exit code" 0 "$(api POST /containers/cc/wait | tr -dc 0-9)"
gone cc
exec_stream false false "$(cmd $((8 * MIB)))" -g 100000 >/dev/null
check "an exec whose reader vanishes leaves the container well" api GET /containers/ee/json

# the last bytes before an exit, without a newline
printf 'the end' >"$HOST/end"; END=$(client sum <"$HOST/end")
bad=
for i in $(seq 25); do
    create cc "$([ $((i % 2)) = 0 ] && echo true || echo false)" false '["echo","-n","the end"]'
    stream -u $([ $((i % 2)) = 0 ] || echo -f) "$SOCK" POST "/containers/cc/attach?stream=1&stdout=1&stderr=1" >"$HOST/got" &
    pid=$!
    poll 5 attached 1
    api POST /containers/cc/start
    wait "$pid"
    log=$(stream $([ $((i % 2)) = 0 ] || echo -f) "$SOCK" GET "/containers/cc/logs?stdout=1&stderr=1")
    run=$(exec_stream false false '["echo","-n","the end"]')
    [ "$(cat "$HOST/got") $log $run" = "$END $NONE $END $NONE $END $NONE" ] || bad="$bad round $i: $(cat "$HOST/got") | $log | $run"
    gone cc
done
same "echo -n at the exit, 25 times: attach, logs, exec" "" "$bad"
# one line of 65,537 bytes, which a log keeps in pieces
create cc false false '["sh","-c","head -c 65537 /dev/zero | tr \\\\0 x"]'
api POST /containers/cc/start; api POST /containers/cc/wait >/dev/null
same "logs: a line of 65,537 bytes" "$(head -c 65537 /dev/zero | tr '\0' x | client sum) $NONE" \
    "$(stream -f "$SOCK" GET "/containers/cc/logs?stdout=1&stderr=1")"
gone cc

# ---- a gibibyte ----
begin=$(date +%s)
want "$BIG"
NOLOGS=1 LOG='{"max-size":"1m"}' out "pipe, $BIG" false "$BIG"
same "exec, pipe, $BIG" "$WANT $NONE" "$(exec_stream false false "$(cmd "$BIG")")"
create cc false false "$(cmd "$BIG")"
api POST /containers/cc/start
same "logs -f, pipe, $BIG" "$WANT $NONE" "$(stream -f "$SOCK" GET "/containers/cc/logs?stdout=1&stderr=1&follow=1")"
gone cc
echo "# the big ones took $(($(date +%s) - begin)) s"
check "the engine is well" kill -0 "$ENGINE_PID"
finish
