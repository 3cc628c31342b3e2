#!/bin/bash
# Limits of huge pages: in_vm_hugetlb.sh in a virtual machine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
vm_begin
vm_test in_vm_hugetlb.sh
