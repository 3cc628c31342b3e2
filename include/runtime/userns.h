/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces for containers. Workers. */
#pragma once

#include "base/id_map.h"

/* A user namespace with that map and a new network namespace that belongs to it, by a short run of
 * `binary` (berth-keeper). *userns >= 0 beforehand: only a network namespace of that one. */
struct err *userns_make(const char *binary, const struct id_map *map, int *userns, int *out_netns)
    must_check;
