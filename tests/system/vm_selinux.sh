#!/bin/bash
# SELinux: in_vm_selinux.sh in a virtual machine whose kernel has it, with a policy of our own.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
readelf -d "$BERTH_BIN/berthd" | grep -q libselinux || { echo "1..0 # SKIP built without libselinux"; exit 0; }
vm_begin --selinux
python3 ../lib/selinux_policy.py >"$VM_DIR/policy.cil" &&
    secilc -M true -c 33 -o "$VM_DIR/policy" -f /dev/null "$VM_DIR/policy.cil" >"$VM_DIR/log" 2>&1 ||
    vm_fail "the policy is compiled" "$VM_DIR/log"
vm_test in_vm_selinux.sh --selinux
