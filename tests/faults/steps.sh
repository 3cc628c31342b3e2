#!/bin/bash
# Every step of every operation fails once: the answer says so, the same command then works, and
# nothing is left. The steps come from the sources' tables, so a new operation is tested by itself.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
CREATE='{"Image":"busybox","Cmd":["sleep","1000"],"Volumes":{"/anon":{}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"6100"}]}}}'
make() { api POST '/containers/create?name=ff' "$CREATE"; }
up() { make; api POST /containers/ff/start; }
api POST /networks/create '{"Name":"probe"}'; NETWORKS=$STATUS; api DELETE /networks/probe
(cd "$HOST" && mkdir -p im && tar -C im -cf im.tar .)

# before TYPE: what must be there. act TYPE: the command whose step fails. WANT: its good answers.
before() {
    case $1 in
    container/start | container/rename) make ;;
    container/remove) make ;;
    container/exec | container/exec-create | container/stop | container/pause | container/top | container/update | container/sizes) up ;;
    volume/remove | volume/empty-trash) api POST /volumes/create '{"Name":"fv"}' ;;
    network/remove) api POST /networks/create '{"Name":"fnet"}' ;;
    image/remove) api POST '/images/busybox/tag?repo=fimg' ;;
    esac
}
act() {
    case $1 in
    container/create) make ;;
    container/start) api POST /containers/ff/start ;;
    container/rename) api POST '/containers/ff/rename?name=fg' ;;
    container/remove) api DELETE '/containers/ff?v=1' ;;
    container/stop) api POST '/containers/ff/stop?t=0' ;;
    container/pause) api POST /containers/ff/pause ;;
    container/top) api GET /containers/ff/top ;;
    container/update) api POST /containers/ff/update '{"Memory":33554432}' ;;
    container/sizes) api GET '/containers/json?all=1&size=1' ;;
    container/exec-create) api POST /containers/ff/exec '{"Cmd":["true"]}' ;;
    container/exec)
        api POST /containers/ff/exec '{"Cmd":["true"]}'
        api POST "/exec/$(printf %s "$BODY" | jq -r .Id)/start" '{"Detach":true}' ;;
    volume/create) api POST /volumes/create '{"Name":"fv"}' ;;
    volume/remove) api DELETE /volumes/fv ;;
    network/create) api POST /networks/create '{"Name":"fnet"}' ;;
    network/remove) api DELETE /networks/fnet ;;
    image/pull) api POST '/images/create?fromImage=127.0.0.1:5000/registry&tag=latest' ;;
    image/tag) api POST '/images/busybox/tag?repo=fimg' ;;
    image/remove) api DELETE /images/fimg ;;
    image/load) api POST '/images/load' '' -H 'Content-Type: application/x-tar' --data-binary "@$IMAGES/busybox.tar" ;;
    image/import) api POST '/images/create?fromSrc=-&repo=fimport' '' -H 'Content-Type: application/x-tar' --data-binary "@$HOST/im.tar" ;;
    *) return 1 ;;
    esac
}
clear_up() {
    containers_clear
    api DELETE '/volumes/fv?force=1'; api DELETE /networks/fnet; api DELETE /images/fimg; api DELETE /images/fimport
    api DELETE /images/127.0.0.1:5000/registry
}
failed() { [[ $STATUS = [45]* ]] || [[ $BODY == *'"error"'* ]]; }
says() { printf %s "$BODY" | grep -Eq '"(message|error)":"[^"]{8,}'; }

# Exits, removals in the background: no client to tell; what counts is that the state comes right.
internal() { # WHERE
    case $1 in
    container/exited:*)
        api POST '/containers/create?name=ff' '{"Image":"busybox","Cmd":["sh","-c","exit 3"]}'
        api POST /containers/ff/start
        check "$1: the exit is worked off all the same" poll 6 eval 'state_is ff exited && [ "$(field ff .State.ExitCode)" = 3 ]' ;;
    container/exec-end:*)
        up
        api POST /containers/ff/exec '{"Cmd":["sh","-c","exit 3"]}'
        EXEC=$(printf %s "$BODY" | jq -r .Id)
        api POST "/exec/$EXEC/start" '{"Detach":true}'
        check "$1: its code is known all the same" poll 5 eval 'api GET "/exec/$EXEC/json"; [ "$(printf %s "$BODY" | jq .ExitCode)" = 3 ]' ;;
    volume/empty-trash:*)
        api POST /volumes/create '{"Name":"fv"}'; api DELETE /volumes/fv
        same "$1: the volume is gone" 204 "$STATUS" ;;
    *) return 1 ;;
    esac
}
clear_up
engine_stop; engine_start
d run --rm busybox true
settled
census_stable >"$HOST/before"
while read -r where _; do
    type=${where%%:*}
    [ "$where" = container/exited:read-oom ] && continue # only after a SIGKILL
    case $type in container/resume-ports) continue ;; network/*) [ "$NETWORKS" = 201 ] || continue ;; esac
    [ "$SECONDS" -lt "${BERTH_FAULTS_SECONDS:-150}" ] || { not_ok "in time"; break; }
    engine_stop
    echo "fault $where" >>"$HOST/engine.log"
    BERTH_FAULT=$where engine_start || { not_ok "$where: engine starts"; break; }
    if internal "$where"; then clear_up; continue; fi
    before "$type"
    if ! act "$type"; then continue; fi
    case $where in
    # Past the point of no return: done is done.
    *:tell | container/exec:run | container/sizes:*)
        ok "$where: answered ($STATUS)" ;;
    *)
        if failed && says; then ok "$where: refused with a sentence"; else not_ok "$where: refused with a sentence" "$STATUS $BODY"; fi ;;
    esac
    case $where in
    *:tell) ;;
    *)
        act "$type"
        if [[ $STATUS = 2* || $STATUS = 304 || $STATUS = 404 ]] && [[ $BODY != *'"error"'* ]]; then ok "$where: the same command then works"; else
            not_ok "$where: the same command then works" "$STATUS $BODY"; fi ;;
    esac
    clear_up
    [ -z "$(d ps -aq)" ] || not_ok "$where: nothing is left" "$(d ps -a)"
done < <(python3 steps.py "$BERTH_SRC")
engine_stop; engine_start
clear_up
check "it still works" d run --rm busybox true
settled
same "no volume is left" "" "$(d volume ls -q)"
census_stable >"$HOST/after"
census_same "the census is as before" "$HOST/before" "$HOST/after"
reports=$(grep -v level=error "$HOST/engine.log" | grep -cE "ERROR: (Address|Leak)Sanitizer|runtime error:|[Aa]ssertion")
same "no sanitizer report, no failed assertion" 0 "$reports"
[ "$reports" = 0 ] || grep -E -B40 -A40 "ERROR: (Address|Leak)Sanitizer|runtime error:|[Aa]ssertion" "$HOST/engine.log" | grep -v msg=command | head -100 | sed "s/^/# /"
finish
