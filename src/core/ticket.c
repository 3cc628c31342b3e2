/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what a carrier holds of an operation that waits. The runner and the ticket point
 * at each other while the wait is on; whichever of answer, deadline and cancel comes first
 * cuts that, and the carrier's half is freed when the carrier gives it back. Loop thread.
 */
#include "base/clock.h"
#include "base/log.h"

#include "loop_inner.h"
#include "op_inner.h"

struct ticket *op_wait(struct op *op)
{
    struct ticket *t = mem_new(struct ticket);

    ASSERT_LOOP();
    ASSERT(op_is_waiting(op) && op->flags & OP_IN_RUN);
    ASSERT(!op->ticket);
    t->op = op;
    t->ops = op->ops;
    t->type = op->type->name;
    t->step = op_step_name(op);
    op->ticket = t;
    op->ops->n_tickets++;
    return t;
}

/* Frees the ticket, and with the last one an ops that was destroyed. */
static void give_back(struct ticket *t)
{
    struct ops *o = t->ops;

    ASSERT(o->n_tickets > 0);
    ASSERT(!t->op || t->op->ticket == t);
    if (t->op)
        t->op->ticket = NULL;
    list_remove(&t->link);
    heap_remove(&t->node);
    free(t);
    o->n_tickets--;
    ops_unhold(o);
}

struct op *ticket_op(const struct ticket *t)
{
    return t->is_void ? NULL : t->op;
}

void *ticket_ctx(const struct ticket *t)
{
    return t->ctx;
}

void ticket_answer(struct ticket *t, struct err *err)
{
    struct op *op = ticket_op(t);

    ASSERT_LOOP();
    if (op) {
        ASSERT(op->ticket == t && op_is_waiting(op));
        give_back(t);
        op_end_wait(op, err, true);
        return;
    }
    t->ops->n_late++;
    log_debug("an answer came late and is dropped", KV("op", t->type), KV("step", t->step),
              KV("error", err ? err_text(err) : ""));
    err_drop(err);
    give_back(t);
}

void ticket_drop(struct ticket *t)
{
    ASSERT_LOOP();
    ASSERT(t->is_void);
    give_back(t);
}

void ticket_queue(struct ticket *t, struct list *queue, void *ctx)
{
    ASSERT_LOOP();
    ASSERT(ticket_op(t) && !t->is_queued);
    t->is_queued = true;
    t->ctx = ctx;
    list_append(queue, &t->link);
}

void ticket_queue_ranked(struct ticket *t, struct heap *queue, void *ctx)
{
    ASSERT_LOOP();
    ASSERT(ticket_op(t) && !t->is_queued);
    t->is_queued = true;
    t->ctx = ctx;
    t->op->queued_ns = clock_boot_ns();
    heap_insert(queue, &t->node, t->op->rank);
}

struct ticket *ticket_next_ranked(struct heap *queue)
{
    struct ticket *t = heap_first(queue, struct ticket, node);

    if (!t)
        return NULL;
    heap_remove(&t->node);
    t->is_queued = false;
    op_note_wait(t->op);
    return t;
}

struct ticket *ticket_next(struct list *queue)
{
    struct ticket *t = list_first(queue, struct ticket, link);

    if (!t)
        return NULL;
    list_remove(&t->link);
    t->is_queued = false; /* it is the caller's now: voided meanwhile, it waits to be given back */
    return t;
}

/* An operation that is answered may at once queue a new ticket here: `due` keeps that one out of
 * this round. A ticket that is voided meanwhile leaves `due` as it would have left the queue. */
void tickets_answer(struct list *queue)
{
    struct list due;
    struct ticket *t;

    list_init(&due);
    while ((t = list_first(queue, struct ticket, link))) {
        list_remove(&t->link);
        list_append(&due, &t->link);
    }
    while ((t = ticket_next(&due)))
        ticket_answer(t, NULL);
}

/* The operation's wait is over without its answer: from now on an answer is late. A queue lets go
 * of the ticket at once; any other carrier gives it back when it answers, or when the step's undo
 * has told it to. */
void ticket_void(struct op *op)
{
    struct ticket *t = op->ticket;

    if (!t)
        return;
    t->is_void = true;
    if (t->is_queued)
        give_back(t);
}

/* The operation goes on without the ticket, which stays with its carrier until given back. */
void ticket_detach(struct op *op)
{
    if (op->ticket)
        op->ticket->op = NULL;
    op->ticket = NULL;
}

void op_recall_ticket(struct op *op)
{
    ASSERT_LOOP();
    if (!op->ticket)
        return;
    ASSERT(op->ticket->is_void);
    give_back(op->ticket);
}
