#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of this folder on cgroup v2 and Debian's own kernel, one after the other. Run by
# lib/vm_security.sh inside its machine ("tests/run vm-security"), where all is five to ten times slower.
#    in_vm.sh NAME…
cd "$(dirname "$0")" || exit 1
export SLOWNESS=5
failed=0
for name in "$@"; do
    began=$SECONDS
    bash "$name.sh" >"/tmp/$name.tap" 2>&1 </dev/null || failed=1
    grep -q '^1\.\.' "/tmp/$name.tap" || { echo "not ok - $name ended early"; tail -5 "/tmp/$name.tap" | sed 's/^/# /'; }
    sed -e "s/^\(\(not \)\?ok [0-9]*\) - /\1 - $name: /" -e "s/^1\.\.0 # SKIP/# $name skipped:/" -e '/^1\.\./d' "/tmp/$name.tap"
    echo "# $name: $((SECONDS - began)) s"
done
echo "1..$(cat /tmp/*.tap | grep -cE '^(not )?ok ')"
exit $failed
