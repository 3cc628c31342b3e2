/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The common part of pull, load and import. Loop thread. A cancel may come from
 * within a progress callback, deep in our own stack, so it is only noted there
 * and carried out from the loop.
 */
#include "job.h"

#include "registry.h"

struct image_job *image_job_create(struct image_table *t, const struct op_type *type,
                                   image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = (struct image_job *)op_create(t->ops, type);

    ASSERT_LOOP();
    j->table = t;
    list_append(&t->jobs, &j->link);
    j->progress = (struct progress){progress, ctx};
    j->done = done;
    j->ctx = ctx;
    return j;
}

static void on_op_done(struct op *op, struct err *err, void *ctx)
{
    struct image_job *j = (struct image_job *)op;

    (void)ctx;
    j->progress.fn = NULL;
    if (j->done)
        j->done(j->ctx, err, err ? NULL : j->image);
    else
        err_drop(err);
    j->done = NULL;
    j->forget = NULL;
}

void image_job_start(struct image_job *j)
{
    ASSERT_LOOP();
    op_start(&j->op, on_op_done, NULL);
}

void image_job_finish(struct image_job *j)
{
    list_remove(&j->link);
    timer_clear(j->table->loop, &j->cancel_timer);
}

struct err *image_job_begin(struct op *op)
{
    op_wait_ms(op, 0);
    return NULL;
}

static void on_cancel(struct timer *t)
{
    struct image_job *j = container_of(t, struct image_job, cancel_timer);

    if (j->stop)
        j->stop(j);
    op_cancel(&j->op);
}

void image_job_cancel(struct image_job *j)
{
    ASSERT_LOOP();
    j->is_cancelled = true;
    if (!j->cancel_timer.due_ns)
        timer_set(j->table->loop, &j->cancel_timer, 0, on_cancel);
}

void image_table_stop(struct image_table *t)
{
    ASSERT_LOOP();
    list_each (j, &t->jobs, struct image_job, link) {
        j->is_cancelled = true;
        if (j->stop)
            j->stop(j);
    }
    /* A cancel may end others with it, so each time from the start. Oldest first: a job that began
     * others, and knows them, goes before them. */
    for (bool has_cancelled = true; has_cancelled;) {
        has_cancelled = false;
        list_each (j, &t->jobs, struct image_job, link) {
            if (j->forget)
                j->forget(j->ctx);
            j->forget = NULL;
            j->done = NULL;
            j->progress.fn = NULL;
            has_cancelled = op_cancel(&j->op);
            if (has_cancelled)
                break;
        }
    }
    registries_close(&t->closing);
}
