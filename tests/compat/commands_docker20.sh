#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# commands.txt by Debian's docker command line (20.10), against what it was on dockerd (recorded/).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/methods.sh
expect_500 '8080 failed: port is already allocated' 'as Docker: the port of another container'
expect_500 '1\.2\.3\.4:8090.*cannot assign requested address' 'as Docker: an address that the host has not'
expect_500 'images/create .*no such host' 'as Docker: there is no registry'
expect_500 'Cannot link to /aa, as it does not belong' 'as Docker'
methods_up
in_host curl -fs --unix-socket "$SOCK" -X POST -T "$IMAGES/registry.tar" 'http://x/images/load?quiet=1' >/dev/null
python3 differ.py replay "$HOST" /usr/bin/docker "$BERTH" "$HOST_NS_PID" docker20
