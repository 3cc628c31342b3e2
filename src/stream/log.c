/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a log, whatever its driver: made by the table of drivers (logdrivers.c), fed through
 * its queue (logqueue.c), and gone when what it holds is written and its readers have read, or have
 * been given their time. Trap: a log that is destroyed lives on until the last of its jobs, holds,
 * marks and readers is over; log_try_free is asked after each. Loop thread.
 */
#include "stream/log.h"

#include <unistd.h>

#include "log_forward.h"
#include "log_inner.h"

#define FORWARD_GRACE_MS 500
#define FORWARD_STEP_MS 10
#define GRACE_MS 2000 /* a log that goes lets its readers read to the end that long */

struct err *log_create(struct loop *l, struct pools *p, const struct log_spec *s, struct log **out)
{
    static const struct pairs none;
    struct log_spec spec = *s;
    autofree struct log *g = NULL;

    ASSERT_LOOP();
    if (!spec.options)
        spec.options = &none;
    g = mem_new(struct log);
    g->magic = LOG_MAGIC;
    g->loop = l;
    g->pools = p;
    list_init(&g->readers);
    g->marks_end = &g->marks;
    TRY(log_open_driver(g, &spec));
    g->landed.landing = s->landing; /* without a file of ours: to say that nothing is to be kept */
    g->landed.id = s->container_id ? mem_strdup(s->container_id) : NULL;
    g->landed.record = -1;
    *out = steal_ptr(&g);
    return NULL;
}

/* Slots and the record are of the shared memory: who has some must know the memory. A batch that
 * flies is never empty, or its end would never be told. */
void log_state_check(const struct log *g)
{
    const struct landed *a = &g->landed;

    ASSERT_DEBUG(g->magic == LOG_MAGIC && g->n_holds >= 0);
    ASSERT_DEBUG(!g->has_file || !g->forward);
    ASSERT_DEBUG(!g->job_runs || g->flying.n);
    ASSERT_DEBUG(!g->is_flushed || g->is_closing);
    ASSERT_DEBUG(!g->zip_runs || g->n_holds);
    ASSERT_DEBUG(!g->marks == (g->marks_end == &g->marks));
    ASSERT_DEBUG(a->record < 0 || (a->landing && a->has_record));
    ASSERT_DEBUG(a->n_slots >= 0 && (!a->n_slots || a->landing));
    ASSERT_DEBUG(!a->is_merging || a->has_record);
}

const char *log_path(const struct log *g)
{
    return g->has_file ? g->files.path : "";
}

/* Followers end when the run is over (`docker logs -f` returns with the exit); a log that sends
 * closes its socket instead, since it has no readers. */
void log_finish(struct log *g)
{
    ASSERT_LOOP();
    log_state_check(g);
    if (g->has_file)
        readers_finish(g);
    else
        log_forward_finish(g->forward);
}

void log_try_free(struct log *g)
{
    void (*fn)(void *ctx) = g->on_destroyed;
    void *ctx = g->destroyed_ctx;

    ASSERT(g->magic == LOG_MAGIC);
    if (!g->is_closing || !g->is_flushed || g->job_runs || g->n_holds || g->marks ||
        !list_is_empty(&g->readers))
        return;
    timer_clear(g->loop, &g->retry);
    timer_clear(g->loop, &g->rest);
    timer_clear(g->loop, &g->grace);
    log_leave_landing(g);
    if (g->has_file) {
        logdisk_finish(&g->disk);
        logfiles_finish(&g->files);
    }
    log_forward_destroy(g->forward);
    log_batch_finish(&g->pending);
    log_batch_finish(&g->flying);
    g->magic = 0;
    free(g);
    if (fn)
        fn(ctx);
}

/* Readers that did not come to the end in GRACE_MS have clients that do not read: they are cut. */
static void on_grace(struct timer *t)
{
    struct log *g = container_of(t, struct log, grace);

    ASSERT(g->is_closing);
    readers_cut(g);
    log_try_free(g);
}

static void on_last_flush(void *ctx, const struct log_mark *m)
{
    struct log *g = ctx;

    ASSERT(g->is_closing && !g->is_flushed);
    (void)m;
    g->is_flushed = true; /* on_job_done goes on to free it */
}

/* The container is removed and its server took nothing: what it had left in slots and in a spool
 * must not wait for an engine that knows no such container. */
static void drop_batch(struct log *g, struct log_batch *b)
{
    struct chunk *c;
    size_t at = 0;

    while ((c = log_batch_next(b, &at)))
        if (c->kind == CHUNK_SPOOL && *(char *)(c + 1))
            unlink((char *)(c + 1));
    log_drop_slots(g, b);
    b->n = b->at = b->payload = 0;
}

static void give_up_on_server(struct log *g)
{
    ASSERT(g->is_closing && g->forward);
    log_forward_abandon(g->forward);
    g->job_runs = false;
    if (!g->is_discarded)
        return; /* the next engine goes on */
    drop_batch(g, &g->flying);
    drop_batch(g, &g->pending);
}

/* Without a file; what is on its way to a server that takes it has a moment to get there. */
static void on_none_closed(struct timer *t)
{
    struct log *g = container_of(t, struct log, grace);

    ASSERT(g->is_closing && !g->has_file);
    if (g->job_runs && g->n_closing++ < FORWARD_GRACE_MS / FORWARD_STEP_MS) {
        timer_set(g->loop, &g->grace, FORWARD_STEP_MS, on_none_closed);
        return;
    }
    if (g->job_runs)
        give_up_on_server(g);
    g->is_flushed = true;
    log_try_free(g);
}

void log_discard(struct log *g)
{
    ASSERT_LOOP();
    ASSERT(g->magic == LOG_MAGIC);
    g->is_discarded = true;
}

void log_destroy(struct log *g, void (*done)(void *ctx), void *ctx)
{
    ASSERT_LOOP();
    if (!g)
        return;
    ASSERT(g->magic == LOG_MAGIC && !g->is_closing);
    log_state_check(g);
    g->on_destroyed = done;
    g->destroyed_ctx = ctx;
    g->on_room = NULL;
    if (!g->has_file) {
        if (g->forward)
            log_append_lost(g);
        g->is_closing = true;
        timer_set(g->loop, &g->grace, 0, on_none_closed);
        return;
    }
    log_append_lost(g);
    readers_finish(g);
    log_mark_add(g, on_last_flush, g, false, true);
    g->is_closing = true;
    timer_set(g->loop, &g->grace, GRACE_MS, on_grace);
    if (g->is_stuck) { /* one more try, now */
        timer_clear(g->loop, &g->retry);
        log_start_job(g);
    }
}
