/* SPDX-License-Identifier: Apache-2.0 */
/* What a create request of an older version of the API means. Pure. */
#pragma once

#include "runtime/config.h"

/* Fields that its version did not have are taken out, or refused where a client that sends them
 * relies on them. version: 144 is 1.44. */
struct err *older_create(int version, struct config *c, struct host_config *h,
                         struct networking_config *n) must_check;
/* A read-only bind is so recursively only since 1.44. */
void older_mounts(int version, struct jlist *mount_points);
