/* SPDX-License-Identifier: Apache-2.0 */
/* The v2 device policy as a BPF program. Building is pure. */
#pragma once

#include "cgroup/cgroup.h"

#include <linux/bpf.h>
#include <pthread.h>

#define DEVICE_RULES_MAX 400 /* 9 instructions each; the kernel's limit is 4,096 */

struct device_program {
    struct bpf_insn insns[10 + DEVICE_RULES_MAX * 9];
    size_t n;
};
void device_program_build(const struct cgroup_device *rules, size_t n, struct device_program *out);

/* The program loaded last and its rules; workers share it. */
struct device_cache {
    pthread_mutex_t lock;
    struct cgroup_device *rules;
    size_t n;
    int prog; /* -1: none yet */
};
void device_cache_init(struct device_cache *c);
void device_cache_finish(struct device_cache *c);
/* v2: attaches the policy to the cgroup. */
struct err *device_policy_attach(struct device_cache *c, int cgroup_dir,
                                 const struct cgroup_limits *l) must_check;
