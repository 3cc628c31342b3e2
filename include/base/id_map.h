/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ids of a user namespace are which of the host: the lines of uid_map and gid_map
 * (user_namespaces(7)). Pure, but for id_map_give.
 */
#pragma once

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_EXTENTS_MAX 32 /* the kernel takes 340 */

struct id_extent {
    uint32_t inside, outside, count;
};
struct id_ranges {
    struct id_extent v[ID_EXTENTS_MAX];
    size_t n;
};
struct id_map {
    struct id_ranges uids, gids;
};

/* What a worker gives the files of a mount: the owners of a user namespace. */
struct id_shift {
    const struct id_map *map;
    int userns; /* descriptor of one with that map; borrowed */
};

/* Appends so many ids of the host at `outside`. ERR_INVALID: the host's root, no ids, beyond the
 * last id, an overlap, too many ranges. */
struct err *id_ranges_add(struct id_ranges *r, uint64_t outside, uint64_t count) must_check;
bool id_ranges_overlap(const struct id_ranges *a, const struct id_ranges *b);
/* False: the user namespace has no such id. */
bool id_to_host(const struct id_ranges *r, uint32_t inside, uint32_t *out);
bool id_to_inside(const struct id_ranges *r, uint32_t outside, uint32_t *out);
/* For what the map does not have it is the kernel's nobody; without ranges (NULL) the same id. */
uint32_t id_map_inside(const struct id_ranges *r, uint32_t outside);
bool id_maps_are_same(const struct id_map *a, const struct id_map *b); /* NULL: the host's ids */
/* The host's id; without a map (NULL) the same, and for what the map does not have its root. */
uint32_t id_map_uid(const struct id_map *m, uint32_t inside);
uint32_t id_map_gid(const struct id_map *m, uint32_t inside);

/* dir/name (dir itself when it is "") becomes the namespace's root's; nothing without a map. */
struct err *id_map_give(int dir, const char *name, const struct id_map *m) must_check;

/* "0 100000 65536\n", one line for each range, and back. */
char *id_ranges_text(struct arena *a, const struct id_ranges *r);
struct err *id_ranges_parse(const char *text, struct id_ranges *out) must_check;
