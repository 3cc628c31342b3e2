#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing of what a short exec says is lost, whichever way its client reads.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run -d --name up busybox sleep 10000 >/dev/null
check "short execs" python3 exec_outputs.py "$SOCK" up "${ROUNDS:-2000}" 8
engine_sound
finish
