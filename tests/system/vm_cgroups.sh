#!/bin/bash
# Cgroup v2 where systemd is the manager: in_vm_cgroups.sh in a virtual machine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
vm_begin
vm_test in_vm_cgroups.sh --systemd
