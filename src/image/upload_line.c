/* SPDX-License-Identifier: Apache-2.0 */
/* The line of those who wait to push a blob. Loop thread. First come, first served. */
#include "upload_line.h"

#include "core/loop.h"

struct upload_line {
    int n, max; /* permits that are given */
    struct list waiting;
};

struct upload_line *upload_line_create(int max)
{
    struct upload_line *l = mem_new(struct upload_line);

    l->max = max > 0 ? max : 1;
    list_init(&l->waiting);
    return l;
}

void upload_line_destroy(struct upload_line *l)
{
    free(l);
}

bool upload_line_take(struct upload_line *l, struct upload_permit *p)
{
    ASSERT_LOOP();
    ASSERT(!p->has_permit);
    if (l->n < l->max) {
        l->n++;
        p->has_permit = true;
        return true;
    }
    list_append(&l->waiting, &p->link);
    return false;
}

void upload_line_leave(struct upload_line *l, struct upload_permit *p)
{
    struct upload_permit *next;

    list_remove(&p->link);
    if (!p->has_permit)
        return;
    p->has_permit = false;
    next = list_first(&l->waiting, struct upload_permit, link);
    if (!next) {
        ASSERT(l->n > 0);
        l->n--;
        return;
    }
    list_remove(&next->link);
    next->has_permit = true;
    next->fn(next);
}
