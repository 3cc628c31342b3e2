#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The npm packages that tests of foreign clients use, beside the made images: a world has no way out
# to fetch them. Where the registry cannot be reached they stay away, and those tests say "skip".
PACKAGES="dockerode@4.0.12 testcontainers@10.28.0"
dir=${BERTH_IMAGES:-/tmp/berth-test-images}/npm
command -v npm >/dev/null || exit 0
mkdir -p "$dir" && exec 9>"$dir/lock" && flock 9
[ "$(cat "$dir/ready" 2>/dev/null)" != "$PACKAGES" ] || exit 0
# shellcheck disable=SC2086
timeout 240 npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error $PACKAGES >/dev/null 2>&1 &&
    echo "$PACKAGES" >"$dir/ready" || echo "npm: $PACKAGES cannot be fetched: tests that need them are skipped"
exit 0
