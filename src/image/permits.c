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

/* It goes to the one that has waited longest, if there is one. */
void permit_release(struct permits *all, struct permit *p)
{
    struct permit *next;

    list_remove(&p->link);
    if (!p->is_held)
        return;
    p->is_held = false;
    next = list_first(&all->waiting, struct permit, link);
    if (!next) {
        ASSERT(all->n > 0);
        all->n--;
        return;
    }
    list_remove(&next->link);
    next->is_held = true;
    next->fn(next);
}
