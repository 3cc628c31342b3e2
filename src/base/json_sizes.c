/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many entries the lists of a decoded struct have, judged by its table. Pure, any thread;
 * recursion ends with the tables. Decoding does not judge: what was saved before must be read.
 */
#include "base/json.h"

static size_t count_items(const struct jfield *f, const void *p)
{
    switch (f->type) {
    case J_STRS:
    case J_SET:
        return ((const struct strs *)p)->n;
    case J_PAIRS:
        return ((const struct pairs *)p)->n;
    case J_LIST:
        return ((const struct jlist *)p)->n;
    case J_DICT:
        return ((const struct jdict *)p)->n;
    default:
        return 0;
    }
}

static struct err *check_items(const struct jtable *t, const char *items, size_t n, size_t max)
{
    for (size_t i = 0; i < n; i++)
        TRY(json_check_sizes(t, items + i * t->size, max));
    return NULL;
}

static struct err *check_number(const struct jfield *f, size_t n, size_t max)
{
    if (f->max)
        max = f->max;
    return n <= max ? NULL
                    : err_new(ERR_INVALID, "%s has %zu entries, at most %zu work", f->key, n, max);
}

static struct err *check_dict_lists(const struct jfield *f, const struct jdict *d, size_t max)
{
    const struct jlist *lists = d->v;
    size_t total = 0;

    for (size_t i = 0; i < d->n; i++) {
        total += lists[i].n;
        TRY(check_items(f->sub, lists[i].v, lists[i].n, max));
    }
    return check_number(f, total, max);
}

static struct err *check_below(const struct jfield *f, const void *p, size_t max)
{
    const struct jdict *d = p;
    const struct jlist *l = p;

    switch (f->type) {
    case J_OBJ:
        return check_items(f->sub, p, 1, max);
    case J_PTR:
        return check_items(f->sub, *(void *const *)p, *(void *const *)p != NULL, max);
    case J_LIST:
        return check_items(f->sub, l->v, l->n, max);
    case J_DICT:
        return f->flags & J_DICT_LIST ? check_dict_lists(f, d, max)
                                      : check_items(f->sub, d->v, d->n, max);
    default:
        return NULL;
    }
}

struct err *json_check_sizes(const struct jtable *t, const void *s, size_t max)
{
    for (const struct jfield *f = t->fields; f->key; f++) {
        const void *p = (const char *)s + f->offset;

        if (f->flags & J_UNKEPT)
            continue;
        TRY(check_number(f, count_items(f, p), max));
        TRY(check_below(f, p, max));
    }
    return NULL;
}
