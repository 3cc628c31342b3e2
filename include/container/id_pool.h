/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of ids that --userns auto gives to containers, each to one. Loop thread. */
#pragma once

#include "base/id_map.h"

#define ID_POOL_COUNT 65536 /* ids of one container: root to nogroup, and nobody */

struct id_pool;

/* Whatever fits into the ranges of `from` (uids and gids in pairs) without touching those of
 * `except`. */
struct id_pool *id_pool_create(const struct id_map *from, const struct id_map *except);
void id_pool_destroy(struct id_pool *p); /* accepts NULL */
/* A range that nobody has. ERR_INVALID where there are none at all, ERR_CONFLICT when all are
 * taken. */
struct err *id_pool_claim(struct id_pool *p, struct id_map *out) must_check;
/* Somebody has these ids already (of an engine before, perhaps by other lines of /etc/subuid): no
 * range that touches them is given until they are given back. */
void id_pool_take(struct id_pool *p, const struct id_map *m);
void id_pool_give_back(struct id_pool *p, const struct id_map *m);
