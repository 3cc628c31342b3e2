#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# commands.txt by Debian's docker command line (20.10), against what it was on dockerd (recorded/).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/methods.sh
methods_up
in_host curl -fs --unix-socket "$SOCK" -X POST -T "$IMAGES/registry.tar" 'http://x/images/load?quiet=1' >/dev/null
python3 differ.py replay "$HOST" /usr/bin/docker "$BERTH" "$HOST_NS_PID" docker20
