/* SPDX-License-Identifier: Apache-2.0 */
#include "in_turn.h"

struct in_turn {
    size_t n, at;
    struct op *(*make)(void *ctx, size_t i);
    void *ctx;
    struct op *running; /* NULL: none */
    struct ticket *ticket;
    bool is_stopped;
};

static void begin(struct in_turn *t);

static void on_ended(struct op *op, struct err *err, void *ctx)
{
    struct in_turn *t = ctx;

    (void)op;
    t->running = NULL;
    t->at++;
    if (err || t->is_stopped || t->at == t->n)
        ticket_answer(steal_ptr(&t->ticket), err);
    else
        begin(t);
}

static void begin(struct in_turn *t)
{
    struct op *op = t->make(t->ctx, t->at);

    t->running = op;
    op_start(op, on_ended, t);
}

struct in_turn *in_turn_create(struct arena *a, size_t n, struct op *(*make)(void *ctx, size_t i),
                               void *ctx)
{
    struct in_turn *t = arena_new(a, struct in_turn);

    *t = (struct in_turn){.n = n, .make = make, .ctx = ctx};
    return t;
}

struct err *in_turn_await(struct in_turn *t, struct op *op)
{
    ASSERT(t->n && !t->at && !t->ticket);
    t->ticket = op_wait(op);
    begin(t);
    return NULL;
}

void in_turn_stop(struct in_turn *t)
{
    if (!t)
        return;
    t->is_stopped = true;
    if (t->running)
        op_cancel(t->running);
}
