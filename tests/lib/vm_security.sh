#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of tests/security in a virtual machine (vm.sh), one after the other ("tests/run vm-security").
#    vm_security.sh NAME…
cd "$(dirname "$0")" && . ./host.sh && . ./vm.sh
vm_begin
cp -r ../security "$VM_DIR/tests/"
for program in syscall_probe swapper aliens seizer churn matrix_probe payload_fds slow_kill.so; do
    cp "$BERTH_BIN/$program" "$VM_DIR/usr/bin/"
done
vm_test "../security/in_vm.sh $*"
