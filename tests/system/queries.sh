#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every parameter of every query with a wrong type, empty, twice, badly escaped: 400 that names it
# where Docker gives one, and where Docker takes anything the same answer as Docker's.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up >/dev/null
d create --name still busybox >/dev/null
d run --name spoke --label l=1 --log-opt labels=l busybox sh -c 'echo out; echo err >&2' >/dev/null 2>&1
d run -d --name up busybox sleep 1000 >/dev/null
in_host python3 queries.py "$SOCK"
