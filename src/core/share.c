/* SPDX-License-Identifier: Apache-2.0 */
#include "core/share.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"

#include "op_inner.h"

#define KEY_MAX 24

struct share {
    struct ops *ops;
    int refs;
    uint64_t last; /* the rank of its youngest command */
    char key[KEY_MAX];
};

void shares_init(struct ops *o)
{
    o->shares = map_create();
    o->own_share = share_open(o, -1);
}

void shares_finish(struct ops *o)
{
    share_close(o->own_share);
    ASSERT(map_count(o->shares) == 0);
    map_destroy(o->shares);
}

struct share *share_open(struct ops *o, int64_t client)
{
    char key[KEY_MAX];
    struct share *s;

    ASSERT_LOOP();
    snprintf(key, sizeof(key), "%" PRId64, client);
    s = map_get(o->shares, key);
    if (s)
        return share_ref(s);
    s = mem_new(struct share);
    s->ops = o;
    s->refs = 1;
    memcpy(s->key, key, sizeof(key));
    map_put(o->shares, key, s);
    return s;
}

struct share *share_ref(struct share *s)
{
    ASSERT(s->refs > 0);
    s->refs++;
    return s;
}

void share_close(struct share *s)
{
    ASSERT_LOOP();
    if (!s || --s->refs > 0)
        return;
    map_take(s->ops->shares, s->key);
    free(s);
}

struct asking ops_ask(struct ops *o, struct asking a)
{
    struct asking before = o->asking;

    ASSERT_LOOP();
    o->asking = a;
    return before;
}

int ops_clients(const struct ops *o)
{
    return (int)map_count(o->shares) - 1;
}

static uint64_t next_rank(struct ops *o, struct share *s)
{
    s->last = (s->last > o->served_rank ? s->last : o->served_rank) + 1;
    return s->last;
}

uint64_t share_rank(struct ops *o, struct share *s)
{
    return next_rank(o, s ? s : o->own_share);
}

void share_give(struct op *op)
{
    struct ops *o = op->ops;
    struct asking *a = &o->asking;
    uint64_t rank = a->rank ? a->rank : share_rank(o, a->share);

    op->share = share_ref(a->share ? a->share : o->own_share);
    op->rank = rank;
    if (a->share)
        a->rank = rank;
}

/* Not when it gets a slot: with 512 of them that is long before a worker comes to it. */
void share_served(struct op *op)
{
    if (op->rank > op->ops->served_rank)
        op->ops->served_rank = op->rank;
}
