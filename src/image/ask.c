/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question to a registry: the operation. Loop thread. What is asked is the kind's business
 * (login.c, search.c, distribution.c); read the step table at the end first.
 */
#include "ask_inner.h"

#include <string.h>

static struct err *open_registry(struct op *op)
{
    struct ask *k = (struct ask *)op;

    return k->kind->open(k);
}

static void close_registry(struct op *op)
{
    struct ask *k = (struct ask *)op;

    registry_close(steal_ptr(&k->registry));
}

static void on_connected(void *ctx, struct err *err)
{
    struct ask *k = ctx;

    ticket_answer(steal_ptr(&k->job.ticket), err);
}

static struct err *connect_registry(struct op *op)
{
    struct ask *k = (struct ask *)op;

    k->job.ticket = op_wait(op);
    registry_connect(k->registry, on_connected, k);
    return NULL;
}

/* Undo: all that is under way at the registry is told to forget the ticket. */
static void disconnect(struct op *op)
{
    close_registry(op);
    op_recall_ticket(op);
}

static struct err *ask(struct op *op)
{
    struct ask *k = (struct ask *)op;

    k->job.ticket = op_wait(op);
    k->kind->begin(k);
    return NULL;
}

static void drop_fetch(struct op *op)
{
    struct ask *k = (struct ask *)op;

    fetch_cancel(steal_ptr(&k->fetch));
    op_recall_ticket(op);
}

static void finish(struct op *op)
{
    image_job_finish((struct image_job *)op);
    close_registry(op);
}

void ask_end(struct ask *k, struct err *err)
{
    ASSERT(k->job.ticket && (err || k->answer.text));
    ticket_answer(steal_ptr(&k->job.ticket), err);
}

void ask_set_answer(struct ask *k, const void *p, size_t n, const char *type)
{
    char *copy = arena_alloc(k->job.op.arena, n + 1);

    memcpy(copy, p, n);
    k->answer = (struct ask_answer){.text = copy, .len = n, .type = type};
}

void ask_set_json(struct ask *k, const struct buf *b)
{
    ask_set_answer(k, b->data, b->len, "application/json");
}

static const struct op_step ask_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"open", ON_LOOP, open_registry, close_registry, 0},
    {"connect", ON_EVENT, connect_registry, disconnect, -1},
    {"ask", ON_EVENT, ask, drop_fetch, -1},
    {0},
};

static const struct op_type ask_type = {
    .name = "image/ask",
    .class = OP_INTERNAL, /* it waits for the network, and a slot is not for waiting */
    .size = sizeof(struct ask),
    .steps = ask_steps,
    .finish = finish,
};
OP_LISTED(ask_type);

static void on_done(void *ctx, struct err *err, struct image *image)
{
    struct ask *k = ctx;

    (void)image;
    k->done(k->ctx, err, err ? NULL : &k->answer);
}

struct ask *ask_create(struct image_table *t, const struct ask_kind *kind, const char *subject,
                       const struct registry_auth *auth)
{
    struct image_job *j = image_job_create(t, &ask_type, NULL, on_done, NULL);
    struct ask *k = (struct ask *)j;

    j->ctx = k;
    j->op.subject = arena_strdup(j->op.arena, subject);
    k->kind = kind;
    k->auth = registry_auth_copy(j->op.arena, auth);
    return k;
}

struct image_job *ask_start(struct ask *k, ask_done_fn done, void *ctx)
{
    k->done = done;
    k->ctx = ctx;
    image_job_start(&k->job);
    return &k->job;
}
