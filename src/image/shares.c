/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers are in several images: each is on the disk once. Loop thread. */
#include "image_table.h"

#include "base/map.h"

struct layer_share {
    int64_t bytes;
    size_t n; /* images that are listed */
};

struct image_shares {
    struct map *layers; /* by chain id */
    int64_t total_bytes;
};

static void add_layer(struct arena *a, struct image_shares *s, const struct image *i, size_t at)
{
    struct layer_share *l = map_get(s->layers, i->chain.v[at]);

    if (!l) {
        l = arena_new(a, struct layer_share);
        l->bytes = i->layer_sizes[at];
        s->total_bytes += l->bytes;
        map_put(s->layers, i->chain.v[at], l);
    }
    l->n += !i->is_removed;
}

struct image_shares *image_shares_count(struct arena *a, const struct image_table *t)
{
    struct image_shares *s = arena_new(a, struct image_shares);
    size_t cursor = 0;
    const char *id;
    void *image;

    s->layers = map_create();
    while (map_next(t->images, &cursor, &id, &image)) {
        const struct image *i = image;

        if (i->is_removed && !image_users(i))
            continue; /* the cache of builds counts what it keeps */
        for (size_t at = 0; at < i->chain.n; at++)
            add_layer(a, s, i, at);
    }
    return s;
}

void image_shares_finish(struct image_shares *s)
{
    map_destroy(steal_ptr(&s->layers));
}

int64_t image_shares_total(const struct image_shares *s)
{
    return s->total_bytes;
}

int64_t image_shared_bytes(const struct image *i, const struct image_shares *s)
{
    int64_t bytes = 0;

    for (size_t at = 0; at < i->chain.n; at++) {
        const struct layer_share *l = map_get(s->layers, i->chain.v[at]);

        bytes += l && l->n > 1 ? l->bytes : 0;
    }
    return bytes;
}
