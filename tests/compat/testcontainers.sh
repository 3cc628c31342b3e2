#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# testcontainers-node with a reaper of our own (ryuk.c): what it starts works, and is gone behind it.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/methods.sh
expect_500 'port is already allocated' 'as Docker: the port of another container'
modules=${BERTH_IMAGES:-/tmp/berth-test-images}/npm/node_modules
[ -d "$modules/testcontainers" ] || { echo "1..0 # SKIP there is no testcontainers (tests/lib/packages.sh test gets it from npm)"; exit 0; }
methods_up
mkdir "$HOST/ryuk"
gcc -O1 -static -o "$HOST/ryuk/ryuk" ryuk.c || { not_ok "the reaper is built"; finish; exit 1; }
tar -C "$HOST/ryuk" -c ryuk | in_host curl -fs --unix-socket "$SOCK" -X POST -T - \
    'http://x/images/create?fromSrc=-&repo=ryuk&tag=test&changes=CMD%20%5B%22/ryuk%22%5D' >/dev/null
d run --rm busybox true
settled
census_stable >"$HOST/before"
export HOME=$HOST TMPDIR=$HOST RYUK_CONTAINER_IMAGE=ryuk:test NODE_PATH=$modules
methods_run testcontainers in_host timeout 100 node testcontainers.js
poll 20 eval '[ -z "$(d ps -aq)" ]'
same "the reaper has removed all, and is gone" "" "$(d ps -aq)"
same "networks, too" "bridge host none" "$(d network ls --format '{{.Name}}' | sort | paste -sd' ')"
settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
