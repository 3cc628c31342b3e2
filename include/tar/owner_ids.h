/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids within attributes (file capabilities, access lists) of files whose owners are those of a user
 * namespace: the kernel shows and takes the host's, an archive has the container's. Pure.
 */
#pragma once

#include "base/id_map.h"

#include <stddef.h>

#define OWNER_IDS_ROOM 4 /* bytes by which a value may grow */

/* Changes the value of the attribute in place, and returns its size then. An attribute without ids,
 * or one that nobody can read, stays as it is. 0: it names an id that the map does not have. */
size_t owner_ids_to_host(const struct id_map *m, const char *name, void *value, size_t size);
size_t owner_ids_inside(const struct id_map *m, const char *name, void *value, size_t size);
