#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bodies as Go's encoding/json reads them: malformed and mistyped ones are a 400 in its words before
# anything is looked up, of equal members the last counts, names match in any case.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up >/dev/null
in_host python3 bodies.py "$SOCK" "$BERTH_BIN/berthd" /dev/null "$HOST"
