#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's life takes no more system calls than bench/syscalls.max says: on purpose, or not at all.
cd "$(dirname "$0")" && . ../lib/tap.sh
out=$(../../bench/syscalls 30 2>&1)
status=$?
printf '%s\n' "$out" | grep -E '^(engine|keeper|system)' | sed 's/^/# /'
if [ $status = 0 ]; then ok "no more than bench/syscalls.max"; else not_ok "no more than bench/syscalls.max" "$out"; fi
finish
