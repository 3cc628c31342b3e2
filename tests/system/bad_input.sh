#!/bin/bash
# Bad input: each is a 4xx/5xx with a sentence, the engine lives, nothing is left.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'images/create .*registry-1.docker.io: no such host' 'there is no registry'
qa_up
d run --rm busybox true
d run -d --name target busybox sleep 1000 >/dev/null
settled
census_stable >"$HOST/before"
same "an engine that listens" 200 "$(api GET /_ping; echo "$STATUS")"
in_host python3 bad_input.py "$SOCK" "$HOST" >"$HOST/tap" 2>"$HOST/tap.err"
rc=$?
while IFS= read -r line; do
    case $line in
    "ok "*) ok "${line#ok }" ;;
    "not ok "*) not_ok "${line#not ok }" ;;
    esac
done <"$HOST/tap"
same "the tester came to its end" 0 "$rc"
[ $rc = 0 ] || tail -5 "$HOST/tap.err" | sed 's/^/# /'

# ---- what the CLI can say wrongly ----
for args in "run" "run -x busybox" "run --name a busybox true" "run -v" "run -p x busybox true" "run -p 70000:1 busybox true" \
    "run -p 1:2:3:4:5 busybox true" "run --rm --net a/b/c busybox true" "run -m -5 busybox true" "run --restart x busybox true" \
    "run UPPER true" "run busybox:-bad true" "run busybox@sha256:1 true" "pull a//b" "pull busybox:$(printf 'a%.0s' $(seq 200))" \
    "tag busybox UPPER" "tag nosuch x" "rmi nosuch" "rmi :" "inspect nosuch" "logs nosuch" "exec nosuch true" "stop nosuch" \
    "start nosuch" "wait nosuch" "port nosuch" "port target x" "attach nosuch" "kill -s x target" "rename target a/b" "top nosuch" \
    "update --memory x target" "volume inspect nosuch" "volume rm nosuch" "volume create a/b" "network inspect nosuch" "network rm bridge" \
    "ps -f nosuch=1" "ps -f status=x" "images -f nosuch=1" "events --until 0 -f nosuch=1" "import /nosuch" "load -i /nosuch"; do
    # shellcheck disable=SC2086
    fails "docker $args" . timeout 10 "$QA_CLIENT" $args
done
same "the container runs on" running "$(field target .State.Status)"
check "a new one runs" d run --rm busybox true
settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
