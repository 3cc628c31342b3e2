/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of huge pages: which sizes this kernel has. Workers: /sys is read. */
#pragma once

#include "cgroup_tree.h"

/* Refuses sizes that the kernel does not have and limits that are no whole pages. Warns where there
 * is no controller. */
struct err *hugetlbs_check(const struct cgroup_tree *t, struct arena *a,
                           const struct cgroup_limits *l, struct strs *warnings) must_check;
/* For a plan: the default size gets its number. */
struct err *hugetlbs_find(struct arena *a, struct cgroup_limits *l) must_check;
/* Pure: of /proc/meminfo the default size in bytes; 0: there is none. */
int64_t hugetlb_default_of(const char *meminfo);
