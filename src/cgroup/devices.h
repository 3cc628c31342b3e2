/* SPDX-License-Identifier: Apache-2.0 */
/* The v2 device policy as a BPF program. Building is pure. */
#pragma once

#include "cgroup/cgroup.h"

#include <linux/bpf.h>

#define DEVICE_RULES_MAX 400 /* 9 instructions each; the kernel's limit is 4,096 */

struct device_program {
    struct bpf_insn insns[10 + DEVICE_RULES_MAX * 9];
    size_t n;
};
void device_program_build(const struct cgroup_device *rules, size_t n, struct device_program *out);
