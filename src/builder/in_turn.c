/* SPDX-License-Identifier: Apache-2.0 */
#include "in_turn.h"

static void begin(struct in_turn *t);

static void on_ended(struct op *op, struct err *err, void *ctx)
{
    struct in_turn *t = ctx;

    (void)op;
    t->running = NULL;
    t->at++;
    if (err || t->at == t->n)
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

struct err *in_turn_await(struct in_turn *t, struct op *op)
{
    ASSERT(t->n);
    t->at = 0;
    t->ticket = op_wait(op);
    begin(t);
    return NULL;
}

void in_turn_stop(struct in_turn *t)
{
    if (t->running)
        op_cancel(t->running);
}
