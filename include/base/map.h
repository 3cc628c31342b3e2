/* SPDX-License-Identifier: Apache-2.0 */
/* Hash map from strings (copied, owned by the map) to pointers (not owned). Insertion order is
 * kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct map;
struct map *map_create(void);
void map_destroy(struct map *m); /* accepts NULL; values are the caller's */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, const char *key);        /* NULL when absent */
void *map_put(struct map *m, const char *key, void *value); /* returns the value it replaced */
void *map_take(struct map *m, const char *key);             /* removes; NULL when absent */
/* Iteration in insertion order; *cursor starts at 0. The current entry may be
 * taken during iteration, nothing else may be changed. */
/* key may be NULL. */
bool map_next(const struct map *m, size_t *cursor, const char **key, void **value);
/* The same from the newest to the oldest; NULL ends. */
void *map_next_newest(const struct map *m, size_t *cursor);
