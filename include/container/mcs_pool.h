/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of SELinux categories, each of one container. Loop thread. */
#pragma once

#include "base/text.h"

struct mcs_pool;

struct mcs_pool *mcs_pool_create(void);
void mcs_pool_destroy(struct mcs_pool *p); /* accepts NULL */
/* A level that nobody has. ERR_CONFLICT when all are taken. */
struct err *mcs_pool_claim(struct mcs_pool *p, struct arena *a, char **out) must_check;
/* Somebody has this level: of an engine before, by name, or of the container that it joins. Levels
 * of another shape are not counted. */
void mcs_pool_take(struct mcs_pool *p, const char *level);
void mcs_pool_give_back(struct mcs_pool *p, const char *level);
