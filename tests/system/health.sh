#!/bin/bash
# Health checks: states, log, timeouts, events, pause, stop, and an engine killed in between.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
api() { curl -fs --unix-socket "$SOCK" -X "$1" "http://x/v1.51$2" "${@:3}"; }
api POST /images/load -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar" >/dev/null
IMAGE=$(api GET /images/json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RepoTags"][0])') ||
    { not_ok "an image is loaded"; finish; exit 1; }

run() { # NAME HEALTHCHECK-JSON: starts a sleeping container
    api POST "/containers/create?name=$1" -H 'Content-Type: application/json' \
        -d "{\"Image\":\"$IMAGE\",\"Cmd\":[\"sleep\",\"300\"],\"HostConfig\":{\"NetworkMode\":\"none\"},\"Healthcheck\":$2}" >/dev/null &&
        api POST "/containers/$1/start"
}
state() { # NAME PYTHON-EXPRESSION over h, the State.Health
    api GET "/containers/$1/json" | python3 -c "import json,sys; h=json.load(sys.stdin)['State'].get('Health'); print($2)"
}
until_state() { # NAME EXPRESSION: true within 10 s
    for _ in $(seq 100); do
        [ "$(state "$1" "$2" 2>/dev/null)" = True ] && return 0
        sleep 0.1
    done
    state "$1" h
    return 1
}
in_container() { api POST "/containers/$1/exec" -H 'Content-Type: application/json' -d "{\"Cmd\":[\"sh\",\"-c\",\"$2\"]}" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["Id"])' | while read -r id; do
        api POST "/exec/$id/start" -H 'Content-Type: application/json' -d '{"Detach":true}'; done; }
listed() { api GET "/containers/json?filters=$(python3 -c "import urllib.parse; print(urllib.parse.quote('{\"health\":[\"$1\"]}'))")" |
    python3 -c 'import json,sys; print(" ".join(sorted(c["Names"][0][1:] for c in json.load(sys.stdin))))'; }
ps_text() { api GET /containers/json | python3 -c "
import json,sys
print([c['Status'] for c in json.load(sys.stdin) if c['Names'] == ['/$1']][0])"; }

S=1000000000
START=$(date +%s)
run good "{\"Test\":[\"CMD-SHELL\",\"echo fine; ls /bad && exit 7; exit 0\"],\"Interval\":$S,\"Retries\":2}"
run quiet "{\"Test\":[\"CMD\",\"true\"],\"Interval\":60000000000}"
run none '{"Test":["NONE"]}'
run slow "{\"Test\":[\"CMD-SHELL\",\"echo begun; sleep 77; true\"],\"Interval\":300000000,\"Timeout\":$S,\"Retries\":1}"
run absent "{\"Test\":[\"CMD\",\"/no/such\"],\"Interval\":300000000,\"Retries\":1}"
run loud "{\"Test\":[\"CMD-SHELL\",\"yes | head -c 9000; exit 3\"],\"Interval\":300000000,\"Retries\":1}"
run early "{\"Test\":[\"CMD-SHELL\",\"exit 1\"],\"Interval\":300000000,\"StartPeriod\":60000000000,\"StartInterval\":200000000,\"Retries\":1}"

same "starting at first" starting "$(state quiet "h['Status']")"
like "ps says so" '\(health: starting\)$' "$(ps_text quiet)"
same "NONE: no Health" None "$(state none h)"
check "becomes healthy" until_state good "h['Status'] == 'healthy'"
same "output and exit code in the log" "0 True" "$(state good "h['Log'][-1]['ExitCode'], 'fine' in h['Log'][-1]['Output']" | tr -d '(,)')"
like "ps says healthy" '^Up .* \(healthy\)$' "$(ps_text good)"
same "filter health=healthy" good "$(listed healthy)"
same "filter health=none" none "$(listed none)"
check "a check that cannot run is a failure with its reason" until_state absent "h['Status'] == 'unhealthy' and h['Log'][-1]['ExitCode'] == -1 and '/no/such' in h['Log'][-1]['Output']"
check "output is cut at 4096 bytes" until_state loud "len(h['Log']) > 0 and len(h['Log'][-1]['Output']) == 4099 and h['Log'][-1]['ExitCode'] == 3"
check "timeout: unhealthy, -1, the reason and the output" until_state slow "h['Status'] == 'unhealthy' and h['Log'][-1]['ExitCode'] == -1 and h['Log'][-1]['Output'] == 'Health check exceeded timeout (1s): begun\n'"
check "log of five" until_state loud "len(h['Log']) == 5"
same "failures in the start period do not count" "starting 0 True" "$(state early "h['Status'], h['FailingStreak'], len(h['Log']) > 1" | tr -d "(,)'")"
same "not in ExecIDs" None "$(api GET /containers/slow/json | python3 -c 'import json,sys; print(json.load(sys.stdin)["ExecIDs"])')"
MOST=0
for _ in $(seq 20); do
    N=$(api GET /containers/slow/top | grep -o 'sleep 77' | wc -l)
    [ "$N" -gt "$MOST" ] && MOST=$N
    sleep 0.1
done # "sh -c …; sleep 77" and "sleep 77"
same "killed with what they started: one at a time, none stays" 2 "$MOST"

in_container good "touch /bad"
check "becomes unhealthy after two failures" until_state good "h['Status'] == 'unhealthy' and h['FailingStreak'] >= 2"
in_container good "rm /bad"
check "and healthy again" until_state good "h['Status'] == 'healthy' and h['FailingStreak'] == 0"
EVENTS=$(api GET "/events?since=$START&until=$(($(date +%s) + 1))&filters=%7B%22container%22%3A%5B%22good%22%5D%7D" |
    python3 -c 'import json,sys
for l in sys.stdin: print(json.loads(l)["Action"])')
same "events of the changes" "health_status: healthy|health_status: unhealthy|health_status: healthy|" \
    "$(grep '^health_status' <<<"$EVENTS" | tr '\n' '|')"
like "events of the exec" '^exec_create: /bin/sh -c echo fine' "$EVENTS"
like "events of the exec's end" '^exec_die$' "$EVENTS"

run nul "{\"Test\":[\"CMD-SHELL\",\"printf 'a\\\\000b'\"],\"Interval\":$S}"
check "a NUL does not end what a probe said" until_state nul "h['Log'][-1]['Output'] == 'a\ufffdb'"
api DELETE '/containers/nul?force=1'

api POST /containers/good/pause
A=$(state good "h['Log'][-1]['Start']")
not_probed() { [ "$(state good "h['Log'][-1]['Start']")" = "$A" ]; }
check "paused: not probed" stays 1.6 not_probed
api POST /containers/good/unpause
check "unpaused: probed again" until_state good "h['Log'][-1]['Start'] > '$A' and h['Status'] == 'healthy'"

engine_kill
engine_start || not_ok "engine starts again"
same "after SIGKILL of the engine: the state is there" healthy "$(state good "h['Status']")"
A=$(date -u +%Y-%m-%dT%H:%M:%S)
check "and probing goes on" until_state good "h['Log'][-1]['Start'] > '$A'"
same "a check that is not due is not run" "starting 0" "$(state quiet "h['Status'], len(h['Log'])" | tr -d "(,)'")"
api POST "/containers/good/stop?t=0"
A=$(state good "h['Log'][-1]['Start']")
check "stopped: not probed" stays 1.3 not_probed
same "stopped: unhealthy, as Docker says" unhealthy "$(state good "h['Status']")"
api POST /containers/good/start
same "started again: starting" starting "$(state good "h['Status']")"
check "and healthy" until_state good "h['Status'] == 'healthy'"
like "a wrong filter value is refused" 'invalid filter .health=x' \
    "$(curl -s --unix-socket "$SOCK" 'http://x/v1.51/containers/json?filters=%7B%22health%22%3A%5B%22x%22%5D%7D')"
containers_clear
same "nothing is left" 0 "$(pgrep -P "$(keeper_pid)" | wc -l)"
check "the engine is well" kill -0 "$ENGINE_PID"
finish
