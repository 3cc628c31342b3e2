#!/bin/bash
# The engine on cgroup v2 and Debian 12's own kernel: in_vm.sh in a virtual machine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
vm_begin
vm_test in_vm.sh
