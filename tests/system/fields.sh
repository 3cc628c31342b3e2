#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every field of every request is honoured, refused or answered with a warning, as docs/API.md says.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up >/dev/null
disk=$(for f in /sys/block/*/dev; do b=/dev/$(basename "${f%/dev}"); [ ! -b "$b" ] || { echo "$b"; break; }; done)
mkdir "$HOST/fields" /run/cdi
printf '{"cdiVersion":"0.6.0","kind":"v.com/c","devices":[{"name":"n","containerEdits":{"env":["A=1"]}}]}' >/run/cdi/v.json
in_host python3 fields.py "$SOCK" "$BERTH_BIN/berthd" "$disk" "$HOST/fields"
