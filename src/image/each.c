/* SPDX-License-Identifier: Apache-2.0 */
#include "each.h"

static void on_progress(void *ctx, const char *json)
{
    const struct each *e = ctx;

    if (e->job->progress.fn)
        e->job->progress.fn(e->job->progress.ctx, json);
}

static void begin_next(struct each *e);

static void on_done(void *ctx, struct err *err, struct image *image)
{
    struct each *e = ctx;

    e->running = NULL;
    if (!err && image)
        e->job->image = image;
    if (!err && ++e->at < e->n)
        begin_next(e);
    else
        ticket_answer(steal_ptr(&e->job->ticket), err);
}

static void begin_next(struct each *e)
{
    ASSERT(!e->running && e->job->ticket && e->at < e->n);
    e->running = e->begin(e, on_progress, on_done);
}

void each_start(struct each *e)
{
    e->job->ticket = op_wait(&e->job->op);
    begin_next(e);
}

void each_cancel(struct each *e)
{
    if (e->running) {
        e->running->done = NULL;
        e->running->progress.fn = NULL;
        image_job_cancel(steal_ptr(&e->running));
    }
    op_recall_ticket(&e->job->op);
}
