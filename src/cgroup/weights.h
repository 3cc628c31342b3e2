/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of block I/O: which disk honours them, and by which file. Workers: /sys is read. */
#pragma once

#include "cgroup_tree.h"

/* Warns of weights that cannot bite, and refuses those of a disk that has none (ERR_INVALID), as
 * well as weights and rates of a partition. Says what is in the way and what to do. */
struct err *weights_check(const struct cgroup_tree *t, struct arena *a,
                          const struct cgroup_limits *l, struct strs *warnings) must_check;
/* The same for a plan: fills in who weighs each disk, and which files there are by now (a scheduler
 * that is a module brings its own). */
struct err *weights_find(const struct cgroup_tree *t, struct arena *a, struct cgroup_limits *l,
                         struct cgroup_features *out) must_check;
/* Pure: of "none [mq-deadline] kyber bfq" the chosen one. */
char *scheduler_chosen(struct arena *a, const char *text);
/* Pure: whether iocost works on the disk, by the root's io.cost.qos. */
bool cost_is_on(struct arena *a, const char *qos, int major, int minor);
