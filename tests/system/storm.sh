#!/bin/bash
# A storm of commands on fifty containers: no answer that the model of their states does not give, no
# 5xx, no wait that is lost.   SEED=N MINUTES=M storm.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
seed
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"
SECONDS_OF_STORM=${MINUTES:+$((MINUTES * 60))}
in_host python3 storm.py "$SOCK" busybox --seed "$SEED" --seconds "${SECONDS_OF_STORM:-12}" >"$HOST/tap"
grep -v '^1\.\.' "$HOST/tap"
TAP_N=$(grep -cE '^(not )?ok ' "$HOST/tap") TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
[ "$TAP_N" -ge 5 ] || not_ok "the storm came to its end"
d rm -f taken >/dev/null
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
