#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# create's warnings of risks: the most severe first, none twice, nothing for what is safe; the engine,
# a label and a client's header silence them, and audit knows all the same.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
RISKY='"HostConfig":{"CapAdd":["SYS_NICE","SYS_TIME","SYS_ADMIN","SYS_TIME"],"Binds":["/etc:/x"]}'
told() { # BODY [CURL ARGS…]: the words that stand before the colon
    api POST /containers/create "$@"
    jq -r '.Warnings[]' <<<"$BODY" 2>/dev/null | sed 's/:.*//' | paste -sd,
}
plain="{\"Image\":\"busybox\",$RISKY}"
labelled() { echo "{\"Image\":\"busybox\",\"Labels\":{\"berth.risk-warnings\":\"$1\"},$RISKY}"; }
all=$(told "$plain")
same "each once, the most severe first" "--cap-add SYS_ADMIN,--cap-add SYS_NICE,--cap-add SYS_TIME" \
    "$(tr ',' '\n' <<<"$all" | grep cap-add | sort | paste -sd,)"
check "SYS_ADMIN stands before SYS_TIME, and that before SYS_NICE" grep -q 'SYS_ADMIN.*SYS_TIME.*SYS_NICE' <<<"$all"
like "a folder among them" '/etc' "$all"
same "nothing for what everybody does" "" "$(told '{"Image":"busybox","HostConfig":{"Binds":["/etc/localtime:/etc/localtime:ro","/etc/timezone:/etc/timezone:ro"]}}')"
check "serious: no SYS_NICE" eval '! grep -q SYS_NICE <<<"$(told "$(labelled serious)")"'
like "serious: SYS_ADMIN" SYS_ADMIN "$(told "$(labelled serious)")"
same "off by a label" "" "$(told "$(labelled off)")"
same "off by a header" "" "$(told "$plain" -H 'X-Berth-Risk-Warnings: off')"
same "a client's word goes over a label's" "" "$(told "$(labelled all)" -H 'X-Berth-Risk-Warnings: off')"
tar -c -T /dev/null | d import -c 'CMD ["true"]' -c 'LABEL berth.risk-warnings=off' - silent >/dev/null 2>&1
like "an image's label silences nothing" SYS_ADMIN "$(told "${plain/busybox/silent}")"
api_is "a word that is none" 400 'invalid risk-warnings: x: use all, serious or off' POST /containers/create "$(labelled x)"
api_is "of a client" 400 'invalid risk-warnings: x' POST /containers/create "$plain" -H 'X-Berth-Risk-Warnings: x'
like "what has no effect is told all the same" 'Memroy has no effect' "$(api POST /containers/create '{"Image":"busybox","HostConfig":{"Memroy":1,"Privileged":true}}' -H 'X-Berth-Risk-Warnings: off'; echo "$BODY")"
like "berth run tells" 'SYS_TIME' "$(in_host "$BERTH" create --name loud --cap-add SYS_TIME busybox true 2>&1)"
same "berth run --quiet-risks does not" "" "$(in_host "$BERTH" create --quiet-risks --name quiet --cap-add SYS_TIME busybox true 2>&1 | grep SYS_TIME)"
like "audit knows" 'SYS_TIME' "$(in_host "$BERTH" audit quiet 2>&1)"
d run -d --name run busybox sleep 1000 >/dev/null
like "exec --privileged tells" 'privileged' "$(api POST /containers/run/exec '{"Cmd":["true"],"Privileged":true}'; jq -r '.Warnings[]' <<<"$BODY")"
same "exec: off by a header" null "$(api POST /containers/run/exec '{"Cmd":["true"],"Privileged":true}' -H 'X-Berth-Risk-Warnings: off'; jq -c .Warnings <<<"$BODY")"
d rm -f run >/dev/null
engine_stop; engine_start --risk-warnings off || { not_ok "engine starts"; finish; exit 1; }
same "off by the engine" "" "$(told "$plain")"
like "a label goes over it" SYS_ADMIN "$(told "$(labelled all)")"
d rm -f $(d ps -aq) >/dev/null
engine_sound
finish
