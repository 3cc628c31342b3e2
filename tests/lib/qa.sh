# What the longer system tests share; needs host.sh, tap.sh and census.sh.
#
#   qa_up [ENGINE ARGS]   host, registry, engine, busybox pulled and tagged
#   d ARGS…               the docker CLI of Debian in the host's netns (QA_CLIENT overrides)
#   api METHOD PATH [BODY [CURL ARGS…]]   sets STATUS and BODY
#   settled               waits until the background work is done and nothing moves any more
#   census_back NAME BEFORE [CENSUS]   it becomes again what it was
#   engine_sound          ends the engine; counts sanitizer reports and its exit code as tests

QA_CLIENT=${QA_CLIENT:-/usr/bin/docker}
d() { in_host "$QA_CLIENT" "$@"; }

qa_up() {
    trap host_down EXIT
    host_up
    host_registry || { not_ok "a registry with images"; finish; exit 1; }
    engine_start "$@" || { not_ok "engine starts"; finish; exit 1; }
    d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox ||
        { not_ok "busybox is pulled"; finish; exit 1; }
}

api() {
    local method=$1 path=$2 body=${3-}
    shift 2; [ $# = 0 ] || shift
    [ "$method" != HEAD ] || set -- -I "$@"
    if [ -n "$body" ]; then set -- -H 'Content-Type: application/json' --data-binary "$body" "$@"; fi
    STATUS=$(curl -s -m 20 -o "$HOST/body" -w '%{http_code}' -X "$method" --unix-socket "$SOCK" \
        "$@" "http://x$path" 2>/dev/null)
    BODY=$(tr -d "\0" <"$HOST/body" 2>/dev/null)
    : >"$HOST/body"
}
# api_is NAME STATUS REGEX METHOD PATH [BODY]: the status and something of the answer
api_is() {
    local name=$1 status=$2 regex=$3
    shift 3
    api "$@"
    if [[ $STATUS =~ ^($status)$ ]] && printf '%s\n' "$BODY" | grep -Eq -- "$regex"; then ok "$name"; else
        not_ok "$name" "expected: $status $regex
got:      $STATUS $BODY"
    fi
}
field() { api GET "/containers/$1/json" && printf '%s' "$BODY" | jq -r "$2"; }

state_is() { [ "$(field "$1" .State.Status)" = "$2" ]; }
gone() { api GET "/containers/$1/json"; [ "$STATUS" = 404 ]; }

quiet_now() {
    [ "$(find "$HOST/data/trash" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" = 0 ] &&
        [ -z "$(own_cgroups)" ]
}
at_rest() {
    local now
    now=$(census_stable)
    [ "$now" = "$LAST_CENSUS" ] || { LAST_CENSUS=$now; return 1; }
}
settled() {
    LAST_CENSUS=
    poll 10 quiet_now
    poll 10 at_rest
}

# rc NAME CODE CMD…: the exit code of a command
rc() {
    local name=$1 code=$2 out got
    shift 2
    out=$("$@" 2>&1 </dev/null)
    got=$?
    if [ "$got" = "$code" ]; then ok "$name"; else not_ok "$name" "expected code $code, got $got: $out"; fi
}
# fails NAME REGEX CMD…: it fails and says why
fails() {
    local name=$1 regex=$2 out got
    shift 2
    out=$("$@" 2>&1 </dev/null)
    got=$?
    if [ $got != 0 ] && printf '%s\n' "$out" | grep -Eq -- "$regex"; then ok "$name"; else
        not_ok "$name" "expected a failure like: $regex
got code $got: $out"
    fi
}

# A request that could not be served (a registry that is not there) is no fault of the engine's.
bad_lines() { grep -v -e 'msg="request failed"' -e 'msg="the keeper was killed' "$HOST/engine.log" | grep -E "$@" 'ERROR: (Address|Leak)Sanitizer|runtime error:|level=error|[Aa]ssertion'; }
engine_reports() { bad_lines -c; }
engine_sound() {
    local status pid=$ENGINE_PID reports
    containers_clear
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"; status=$?
    ENGINE_PID=
    same "the engine ends well" 0 "$status"
    reports=$(engine_reports)
    same "no sanitizer report, no failed assertion, no error in the log" 0 "$reports"
    [ "$reports" = 0 ] || bad_lines -A30 | head -90 | sed 's/^/# /'
}
# census_same NAME BEFORE AFTER: shows only what differs
census_same() {
    local out
    if out=$(diff "$2" "$3"); then ok "$1"; else not_ok "$1" "$out"; fi
}
census_is() { # BEFORE CENSUS
    "$2" >"$HOST/census" && diff "$1" "$HOST/census" >/dev/null
}
census_back() { # NAME BEFORE [CENSUS]
    poll 10 census_is "$2" "${3:-census_stable}"
    census_same "$1" "$2" "$HOST/census"
}
census_but_keeper() { census_stable | grep -v keeper; }
