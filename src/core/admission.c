/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: slots for steps that occupy workers or the keeper, and backpressure
 * for connections. Loop thread. Waiters are served by the rank of the operation
 * (core/share.h), not by the time they came to the gate: an operation that has begun
 * finishes before one that came later begins.
 */
#include "base/clock.h"

#include "op_inner.h"

#define URGENT_SLOTS 32
#define WAITING_PER_SLOT 2 /* above it connections stop reading */

void admission_init(struct ops *o, int max_inflight)
{
    ASSERT(max_inflight > 0);
    o->gates[GATE_MUTATING].max = max_inflight;
    o->gates[GATE_URGENT].max = URGENT_SLOTS;
}

/* NULL: operations of this class need no slot. */
static struct gate *gate_of(struct op *op)
{
    switch (op->type->class) {
    case OP_MUTATING:
        return &op->ops->gates[GATE_MUTATING];
    case OP_URGENT:
        return &op->ops->gates[GATE_URGENT];
    case OP_INTERNAL:
        break;
    }
    return NULL;
}

bool place_needs_slot(enum op_place place)
{
    return place == ON_WORKER || place == ON_DISK || place == ON_KEEPER;
}

static void take_slot(struct gate *g, struct op *op)
{
    ASSERT(g->used < g->max && !(op->flags & OP_HAS_SLOT));
    g->used++;
    op->flags |= OP_HAS_SLOT;
    op_note_wait(op);
}

bool admission_enter(struct op *op)
{
    struct gate *g = gate_of(op);

    if (!g || !place_needs_slot(op_step(op)->place) || op->flags & OP_HAS_SLOT)
        return true;
    if (g->used < g->max) {
        take_slot(g, op);
        return true;
    }
    op->state = OP_ADMISSION;
    op->queued_ns = clock_boot_ns();
    g->n_waiting++;
    heap_insert(&g->waiting, &op->gate_node, op->rank);
    return false;
}

/* Free slots go to those of the least rank that wait; each holds its slot already while it is
 * ready. */
static void hand_out(struct gate *g)
{
    while (g->used < g->max && !heap_is_empty(&g->waiting)) {
        struct op *op = heap_first(&g->waiting, struct op, gate_node);

        ASSERT(op->state == OP_ADMISSION && g->n_waiting > 0);
        heap_remove(&op->gate_node);
        g->n_waiting--;
        take_slot(g, op);
        ops_make_ready(op);
    }
}

void admission_leave(struct op *op)
{
    struct gate *g = gate_of(op);

    if (!(op->flags & OP_HAS_SLOT))
        return;
    ASSERT(g && g->used > 0);
    op->flags &= ~(unsigned)OP_HAS_SLOT;
    g->used--;
    hand_out(g);
}

/* Steps on the loop take no time: a slot is worth keeping over them. */
static bool needs_slot_next(const struct op *op)
{
    const struct op_step *step = op_step(op);

    while (step && step->name && step->place == ON_LOOP)
        step++;
    return step && step->name && place_needs_slot(step->place);
}

void admission_between_steps(struct op *op)
{
    struct gate *g = gate_of(op);
    struct op *next;

    if (!(op->flags & OP_HAS_SLOT))
        return;
    next = heap_first(&g->waiting, struct op, gate_node);
    if (!needs_slot_next(op) || (next && next->rank < op->rank))
        admission_leave(op);
}

void admission_forget(struct op *op)
{
    ASSERT(op->state == OP_ADMISSION);
    if (!(op->flags & OP_HAS_SLOT))
        gate_of(op)->n_waiting--;
    heap_remove(&op->gate_node);
    admission_leave(op);
}

static int room_left(struct ops *o)
{
    const struct gate *g = &o->gates[GATE_MUTATING];

    return g->max * WAITING_PER_SLOT - g->n_waiting;
}

int ops_waiting(struct ops *o)
{
    int n = 0;

    for (int i = 0; i < GATE_KINDS; i++)
        n += o->gates[i].n_waiting;
    return n;
}

bool ops_are_full(struct ops *o)
{
    return room_left(o) <= 0;
}

void ops_wait_room(struct ops *o, struct op_room *r, struct share *s)
{
    ASSERT_LOOP();
    ASSERT(!heap_is_linked(&r->node));
    r->rank = share_rank(o, s);
    heap_insert(&o->room, &r->node, r->rank);
    o->n_room++;
    r->ops = o;
    if (!ops_are_full(o))
        ops_kick_later(o);
}

void ops_leave_room(struct op_room *r)
{
    ASSERT_LOOP();
    if (!heap_is_linked(&r->node))
        return;
    heap_remove(&r->node);
    r->ops->n_room--;
}

/* Connections that stopped reading go on, no more of them than there is room for waiting
 * operations: each may bring a request that starts one. */
void admission_call_room(struct ops *o)
{
    for (int left = room_left(o); left > 0 && !heap_is_empty(&o->room); left--) {
        struct op_room *r = heap_first(&o->room, struct op_room, node);

        ops_leave_room(r);
        r->fn(r);
    }
}
