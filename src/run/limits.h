/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct arena;
struct cgroup_limits;
struct config;
struct host_config;

bool limits_name_files(
    const struct host_config *h); /* limits_plan and create look them up: a worker's */
struct err *limits_plan(struct arena *a, const struct host_config *h, const struct config *c,
                        struct cgroup_limits *out) must_check;
