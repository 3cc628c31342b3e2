/* SPDX-License-Identifier: Apache-2.0 */
/* Variables by name, in an arena, in the order in which they were first set. A set of them can
 * stand on another one, which is not changed any more: what it says counts where the upper says
 * nothing. */
#pragma once

#include "base/text.h"

struct names {
    struct arena *a;
    const struct names *below; /* NULL: none */
    struct pair *v;            /* key and value; a value is never NULL */
    size_t n, room;
    size_t *table; /* places in v plus one; 0: free */
    size_t table_size;
};
const char *names_get(const struct names *m, const char *key); /* NULL: not set */
void names_set(struct names *m, const char *key, const char *value);
/* All of them, the lower ones first, each once. */
struct names names_flatten(struct arena *a, const struct names *m);
