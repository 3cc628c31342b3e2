/* SPDX-License-Identifier: Apache-2.0 */
#include "permits.h"

#include "core/loop.h"

struct permits {
    int n, max; /* that are held */
    struct list waiting;
};

struct permits *permits_create(int max)
{
    struct permits *p = mem_new(struct permits);

    p->max = max > 0 ? max : 1;
    list_init(&p->waiting);
    return p;
}

void permits_destroy(struct permits *p)
{
    free(p);
}

bool permit_take(struct permits *all, struct permit *p)
{
    ASSERT_LOOP();
    ASSERT(!p->is_held);
    if (all->n < all->max) {
        all->n++;
        p->is_held = true;
        return true;
    }
    list_append(&all->waiting, &p->link);
    return false;
}

static void serve_next(struct permits *all)
{
    struct permit *next = list_first(&all->waiting, struct permit, link);

    list_remove(&next->link);
    next->is_held = true;
    next->fn(next);
}

void permits_set_max(struct permits *p, int max)
{
    ASSERT_LOOP();
    p->max = max > 0 ? max : 1;
    while (p->n < p->max && !list_is_empty(&p->waiting)) {
        p->n++;
        serve_next(p);
    }
}

/* It goes to the one that has waited longest, if there is one and not fewer are to be held. */
void permit_release(struct permits *all, struct permit *p)
{
    list_remove(&p->link);
    if (!p->is_held)
        return;
    p->is_held = false;
    if (all->n > all->max || list_is_empty(&all->waiting)) {
        ASSERT(all->n > 0);
        all->n--;
        return;
    }
    serve_next(all);
}
