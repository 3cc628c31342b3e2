#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Short jobs with volumes, networks and containers of the same names as before (jobs.py).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/methods.sh
methods_up
d network create first >/dev/null
d run --rm --network first busybox true
d network rm first >/dev/null
settled
census_stable >"$HOST/before"
methods_run jobs in_host timeout 400 /usr/bin/python3 jobs.py "$SOCK"
same "nothing is left of them" "" "$(d ps -aq)$(d volume ls -q)$(d network ls -q --filter type=custom)"
settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
