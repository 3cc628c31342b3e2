#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dockerode's methods (node), one by one, against what dockerd gave (recorded.py).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/methods.sh
modules=${BERTH_IMAGES:-/tmp/berth-test-images}/npm/node_modules
[ -d "$modules/dockerode" ] || { echo "1..0 # SKIP there is no dockerode (tests/lib/packages.sh test gets it from npm)"; exit 0; }
expect_500 '/auth .*dial tcp 127.0.0.1:1: connect' 'as Docker: a login at a server that is not there'
expect_500 '/images/search .*dial tcp 127.0.0.1:1: connect' 'as Docker: a search at one'
methods_up
said() { in_host env NODE_PATH="$modules" timeout 90 node dockerode_methods.js "$SOCK" 2>&1 | python3 recorded.py dockerode replay; }
methods_run dockerode said
engine_sound
finish
