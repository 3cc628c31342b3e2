#!/bin/bash
# AppArmor: in_vm_apparmor.sh in a virtual machine whose kernel has it.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
vm_begin
vm_test in_vm_apparmor.sh --apparmor
