/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a compilation that a container and an exec share. Workers. */
#pragma once

#include "plan.h"
#include "secopt.h"
#include "streams.h"

/* Fills caps, no_new_privs and filter (an fd of l) from the host configuration. */
struct err *confine(struct arena *a, const struct host_config *h, const struct lsm *lsm,
                    struct launch *l, struct plan_process *out) must_check;
/* Hands the streams' fds to the launch. */
void confine_streams(struct streams *s, struct launch *l, struct plan_process *out);
/* Hands over open cgroup `tasks` files; `n_taken` of them are the launch's afterwards. */
struct err *confine_cgroups(const int *tasks, size_t n, struct launch *l, int *out, size_t *out_n,
                            size_t *n_taken) must_check;
