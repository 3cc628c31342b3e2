/* SPDX-License-Identifier: Apache-2.0 */
/* The gate in front of a container's root file system. Loop thread. */
#include "container/root_gate.h"

#include "base/id_map.h"
#include "base/text.h"

void root_gate_init(struct root_gate *g)
{
    list_init(&g->waiting);
    list_init(&g->lenders);
}

struct err *root_gate_take(struct root_gate *g, struct root_hold *h, struct op *op)
{
    ASSERT(!h->is_held);
    if (g->is_taken) {
        ticket_queue(op_wait(op), &g->waiting, h);
        return NULL;
    }
    g->is_taken = h->is_held = true;
    return NULL;
}

/* To whoever waits longest; the gate stays taken. */
void root_gate_give(struct root_gate *g, struct root_hold *h)
{
    struct ticket *next;

    if (!h->is_held)
        return;
    h->is_held = false;
    next = ticket_next(&g->waiting);
    g->is_taken = next != NULL;
    if (!next)
        return;
    ((struct root_hold *)ticket_ctx(next))->is_held = true;
    ticket_answer(next, NULL);
}

int root_gate_borrow(struct root_gate *g, const struct id_map *ids, const char *context,
                     bool *has_other_owners)
{
    *has_other_owners = false;
    list_each (l, &g->lenders, struct root_lender, link) {
        int fd;

        if (!id_maps_are_same(l->ids, ids) || !text_same(l->context, context)) {
            *has_other_owners = true;
            return -1;
        }
        fd = root_view_lend(l->view);
        if (fd >= 0)
            return fd;
    }
    return -1;
}
