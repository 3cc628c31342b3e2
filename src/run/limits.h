/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

struct arena;
struct cgroup_limits;
struct config;
struct host_config;

struct err *limits_plan(struct arena *a, const struct host_config *h, const struct config *c,
                        struct cgroup_limits *out) must_check;
