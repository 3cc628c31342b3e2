/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's queue, the loop's half of writing: collects what is appended and keeps one batch
 * under way, to a disk worker (logdisk.c) or a driver's socket (log_forward.c), so a busy log
 * writes large batches by itself and a quiet one at once. `disk` belongs to the worker while
 * job_runs. Marks travel inside the batches: that is how a flush, a reader and logs=1 know an
 * exact place. Trap: marks are called in the loop's turn after the batch, when more may have
 * been appended already; their pos does not move.
 */
#include "base/log.h"

#include <string.h>

#include "log_forward.h"
#include "log_inner.h"

#define RETRY_MS 1000 /* a full disk */
#define REST_MS 1000  /* then the buffers of a burst are freed */
#define FORWARD_MAX (4u << 20)

static void run_job(struct job *job)
{
    struct log *g = container_of(job, struct log, job);

    ASSERT_WORKER();
    ASSERT(g->job_runs && g->has_file);
    if (!logdisk_run(&g->disk, &g->flying))
        g->disk.is_stuck = true;
}

/* The disk was full or failed: the same batch again. Somebody may have made room. */
static void on_retry(struct timer *t)
{
    log_start_job(container_of(t, struct log, retry));
}

/* After REST_MS without output the buffers of a burst are given back: there may be thousands of
 * logs. */
static void on_rest(struct timer *t)
{
    struct log *g = container_of(t, struct log, rest);

    if (g->job_runs || g->is_stuck)
        return;
    logdisk_trim(&g->disk);
    if (!g->pending.n)
        log_batch_finish(&g->pending);
    log_batch_finish(&g->flying);
}

/* Calls the marks that the worker has passed; those of readers also when the disk is stuck. */
static void call_marks(struct log *g)
{
    while (g->marks && g->marks->is_passed) {
        struct log_mark *m = g->marks;

        g->marks = m->next;
        if (!g->marks)
            g->marks_end = &g->marks;
        if (m->fn)
            m->fn(m->ctx, m);
        for (int i = 0; i < 2; i++)
            buf_finish(&m->held[i]);
        free(m);
    }
    for (struct log_mark *m = g->marks; m && g->is_stuck; m = m->next) {
        void (*fn)(void *, const struct log_mark *) = m->fn;

        if (!fn || m->wants_written)
            continue;
        m->fn = NULL;
        m->pos = g->written;
        fn(m->ctx, m);
    }
}

/* One waiter, told once: it asks again when it has to wait again. */
void log_tell_room(struct log *g)
{
    void (*fn)(void *ctx) = g->on_room;

    if (!fn || log_backlog(g) >= LOG_BACKLOG_HIGH / 2 || log_is_busy(g))
        return;
    g->on_room = NULL;
    fn(g->room_ctx);
}

static void give_up_on_disk(struct log *g)
{
    ASSERT(g->is_closing && g->is_stuck && !g->job_runs);
    log_debug("log closed with its disk full", KV("path", g->files.path));
    g->is_stuck = false;
    g->disk.out_n = 0;
    g->disk.next = NULL;
    if (!g->landed.is_in_run) { /* else they are for the next engine */
        log_drop_slots(g, &g->flying);
        log_drop_slots(g, &g->pending);
    }
    g->flying.n = g->flying.at = g->flying.payload = 0;
    g->pending.n = g->pending.payload = 0;
    for (struct log_mark *m = g->marks; m; m = m->next) {
        m->is_passed = true;
        m->pos = g->written;
    }
}

static void run_zip(struct job *job)
{
    ASSERT_WORKER();
    logfiles_compress(&container_of(job, struct log, zip)->files);
}

static void on_zipped(struct job *job)
{
    struct log *g = container_of(job, struct log, zip);

    ASSERT(g->zip_runs && g->n_holds > 0);
    g->zip_runs = false;
    g->n_holds--;
    log_try_free(g);
}

/* A rotation has happened since the last look: the older files are compressed by a worker of their
 * own, beside the one that writes. */
static void compress_rotated(struct log *g)
{
    if (!g->files.compresses || g->zip_runs || g->zipped == g->written.gen || g->is_closing)
        return;
    g->zipped = g->written.gen;
    g->zip_runs = true;
    g->n_holds++;
    g->zip = (struct job){.run = run_zip, .done = on_zipped};
    pool_submit(g->pools, POOL_DISK, &g->zip);
}

void log_batch_done(struct log *g)
{
    ASSERT_LOOP();
    ASSERT(g->job_runs && g->flying.n);
    g->job_runs = false;
    g->n_holds++;
    g->is_stuck = g->disk.is_stuck;
    g->disk.is_stuck = false;
    g->written = g->disk.end;
    if (g->is_stuck) {
        log_debug("cannot write a log", KV("path", g->files.path),
                  KV("error", strerror(g->disk.error)));
        timer_set(g->loop, &g->retry, RETRY_MS, on_retry);
        if (g->is_closing)
            give_up_on_disk(g);
    }
    if (!g->is_stuck) {
        log_drop_slots(g, &g->flying);
        g->flying.n = g->flying.at = g->flying.payload = 0;
        log_after_job(g);
    }
    call_marks(g);
    log_tell_room(g);
    readers_on_written(g);
    compress_rotated(g);
    log_start_job(g);
    if (!g->job_runs)
        timer_set(g->loop, &g->rest, REST_MS, on_rest);
    log_state_check(g);
    g->n_holds--;
    log_try_free(g);
}

static void on_job_done(struct job *job)
{
    log_batch_done(container_of(job, struct log, job));
}

void log_start_job(struct log *g)
{
    struct log_batch spare;

    ASSERT(g->magic == LOG_MAGIC);
    if (g->job_runs || (g->is_stuck && g->retry.due_ns))
        return;
    if (!g->flying.n) {
        if (!g->pending.n)
            return;
        spare = g->flying;
        g->flying = g->pending;
        g->pending = spare;
    }
    ASSERT(g->flying.n && g->flying.at <= g->flying.n);
    g->job_runs = true;
    if (g->forward) {
        log_forward_run(g->forward);
        return;
    }
    g->job = (struct job){.run = run_job, .done = on_job_done};
    pool_submit(g->pools, POOL_DISK, &g->job);
}

size_t log_backlog(const struct log *g)
{
    return g->pending.payload + g->flying.payload;
}

bool log_is_full(const struct log *g)
{
    return g->is_blocking && log_backlog(g) >= LOG_BACKLOG_HIGH;
}

/* Blocking: the container is paused long before, but for what is left after its exit. A disk takes
 * that, a server may not, run after run. */
static size_t memory_limit(const struct log *g)
{
    if (!g->is_blocking)
        return g->max_buffer;
    return g->forward ? FORWARD_MAX : SIZE_MAX;
}

void log_append(struct log *g, int stream, int64_t wall_ns, const void *p, size_t n)
{
    struct chunk *c;

    ASSERT_LOOP();
    ASSERT(stream == STREAM_STDOUT || stream == STREAM_STDERR);
    if (!(g->has_file || g->forward) || !n)
        return;
    ASSERT(g->magic == LOG_MAGIC && !g->is_closing);
    if (log_backlog(g) + n > memory_limit(g)) {
        g->lost += n;
        return;
    }
    if (g->lost) {
        c = log_batch_add(&g->pending, CHUNK_LOST, NULL, 0);
        c->lost = g->lost;
        c->wall_ns = wall_ns;
        g->lost = 0;
    }
    c = log_batch_add(&g->pending, CHUNK_BYTES, p, n);
    c->stream = stream;
    c->wall_ns = wall_ns;
    log_start_job(g);
}

/* Non-blocking mode dropped output (Docker does so in silence): a line says how much, at the place
 * where it is missing. */
void log_append_lost(struct log *g)
{
    struct chunk *c;

    if (!g->lost)
        return;
    c = log_batch_add(&g->pending, CHUNK_LOST, NULL, 0);
    c->lost = g->lost;
    c->wall_ns = clock_wall_ns();
    g->lost = 0;
}

void log_append_eof(struct log *g, int stream)
{
    struct chunk *c;

    ASSERT_LOOP();
    if (!g->has_file && !g->forward)
        return;
    log_append_lost(g);
    c = log_batch_add(&g->pending, CHUNK_EOF, NULL, 0);
    c->stream = stream;
    c->wall_ns = clock_wall_ns();
    log_start_job(g);
}

struct log_mark *log_mark_add(struct log *g, void (*fn)(void *ctx, const struct log_mark *m),
                              void *ctx, bool wants_held, bool wants_written)
{
    struct log_mark *m = mem_new(struct log_mark);

    ASSERT_LOOP();
    ASSERT(g->magic == LOG_MAGIC && !*g->marks_end);
    m->fn = fn;
    m->ctx = ctx;
    m->wants_held = wants_held;
    m->wants_written = wants_written;
    *g->marks_end = m;
    g->marks_end = &m->next;
    log_batch_add(&g->pending, CHUNK_MARK, NULL, 0)->mark = m;
    log_start_job(g);
    return m;
}

void log_mark_cancel(struct log_mark *m)
{
    if (m)
        m->fn = NULL;
}

struct flush {
    void (*fn)(void *ctx);
    void *ctx;
    struct loop *loop;
    struct timer soon;
};

static void call_flush(struct flush *f)
{
    f->fn(f->ctx);
    free(f);
}

static void on_flushed(void *ctx, const struct log_mark *m)
{
    (void)m;
    call_flush(ctx);
}

static void on_soon(struct timer *t)
{
    call_flush(container_of(t, struct flush, soon));
}

void log_flush(struct log *g, void (*fn)(void *ctx), void *ctx)
{
    struct flush *f = mem_new(struct flush);

    ASSERT_LOOP();
    f->fn = fn;
    f->ctx = ctx;
    if (g->has_file)
        log_mark_add(g, on_flushed, f, false, true);
    else
        timer_set(g->loop, &f->soon, 0, on_soon);
}

void log_on_room(struct log *g, void (*fn)(void *ctx), void *ctx)
{
    g->on_room = fn;
    g->room_ctx = ctx;
    if (fn && (g->has_file || g->forward) && !g->job_runs && !g->is_stuck)
        log_start_job(g);
}
