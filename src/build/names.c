/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash of variables whose memory is an arena's, so that scopes need no end. Pure.
 */
#include "names.h"

#include <string.h>

enum { TABLE_FIRST = 32 };

/* FNV-1a; who makes many names collide slows down their own build alone. */
static size_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* Where the key is, or the free place that is its. */
static size_t *slot(const struct names *m, const char *key)
{
    size_t i = hash(key) & (m->table_size - 1);

    while (m->table[i] && strcmp(m->v[m->table[i] - 1].key, key) != 0)
        i = (i + 1) & (m->table_size - 1);
    return &m->table[i];
}

static void grow_table(struct names *m)
{
    m->table_size = m->table_size ? 2 * m->table_size : TABLE_FIRST;
    m->table = arena_array(m->a, m->table_size, sizeof(*m->table));
    for (size_t i = 0; i < m->n; i++)
        *slot(m, m->v[i].key) = i + 1;
}

const char *names_get(const struct names *m, const char *key)
{
    for (; m; m = m->below) {
        size_t place = m->table_size ? *slot(m, key) : 0;

        if (place)
            return m->v[place - 1].value;
    }
    return NULL;
}

/* Texts live as long as the arena of who set them: they are shared. */
static void put(struct names *m, char *key, char *value)
{
    size_t *place;

    if (2 * m->n >= m->table_size)
        grow_table(m);
    place = slot(m, key);
    if (!*place) {
        m->v = arena_grow(m->a, m->v, m->n, &m->room, sizeof(*m->v));
        m->v[m->n++] = (struct pair){.key = key};
        *place = m->n;
    }
    m->v[*place - 1].value = value;
}

void names_set(struct names *m, const char *key, const char *value)
{
    put(m, arena_strdup(m->a, key), arena_strdup(m->a, value));
}

struct names names_flatten(struct arena *a, const struct names *m)
{
    const struct names **levels;
    struct names out = {.a = a};
    size_t n = 0;

    for (const struct names *l = m; l; l = l->below)
        n++;
    levels = arena_array(a, n, sizeof(*levels));
    for (size_t i = n; i-- > 0; m = m->below)
        levels[i] = m;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < levels[i]->n; k++)
            put(&out, levels[i]->v[k].key, levels[i]->v[k].value);
    return out;
}
