/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets of real-time scheduling (v1, CONFIG_RT_GROUP_SCHED). Workers. */
#pragma once

#include "cgroup_tree.h"

/* A budget is part of the parent's: refused where that has none, or this kernel has no budgets. */
struct err *realtime_check(const struct cgroup_tree *t, struct arena *a,
                           const struct cgroup_limits *l) must_check;
/* The kernel has said EINVAL to this runtime. */
struct err *realtime_refused(const char *runtime);
