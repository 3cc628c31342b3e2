/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's half of a log reader: a window is read ahead while the one before goes
 * to the sink, and nothing is read for a sink that is full. A follower at the end
 * waits for readers_on_written and goes on from its own position in the file, so no
 * line can be missed or doubled. Followers that stand at the same place and ask for
 * the same are a crowd: one of them reads, all are given. Trap: a reader whose job runs
 * outlives its cancel; the log counts those.
 */
#include "base/clock.h"

#include "log_inner.h"
#include "readdisk.h"

#define READER_MAGIC 0x72656164u
struct log_reader {
    unsigned magic;
    struct list link;
    struct log *log;
    struct sink *sink;
    void (*done)(void *ctx);
    void *ctx;
    struct job job;
    struct readdisk disk; /* the worker's while job_runs */
    bool job_runs, is_cancelled;
    struct log_pos from;         /* of the window that the job reads, up to disk.limit */
    struct list crowd, in_crowd; /* readers that get it, too */
    bool has_stop;               /* at `stop` it ends; else it follows */
    struct log_pos stop;
    bool has_reached; /* everything up to `reached` is given */
    struct log_pos reached;
    bool is_located, is_paused, is_ready; /* ready: a window waits for the sink */
    bool keeps_sink;
    struct log_mark *start_mark, *stop_mark;
    struct timer until;
};

static void go_on(struct log_reader *r);

static int compare(struct log_pos a, struct log_pos b)
{
    if (a.gen != b.gen)
        return a.gen < b.gen ? -1 : 1;
    return a.off < b.off ? -1 : a.off > b.off;
}

/* A reader is in one place: its own job reads, or it waits in the crowd of another's, or neither.
 */
static void reader_check(const struct log_reader *r)
{
    ASSERT_DEBUG(r->magic == READER_MAGIC && r->log->has_file);
    ASSERT_DEBUG(!r->job_runs || !list_is_linked(&r->in_crowd));
    ASSERT_DEBUG(list_is_empty(&r->crowd) || r->job_runs);
    ASSERT_DEBUG(r->log->leader != r || r->job_runs);
    ASSERT_DEBUG(!r->is_ready || (r->is_paused && !r->job_runs));
    ASSERT_DEBUG(!r->is_cancelled || r->job_runs);
    ASSERT_DEBUG(r->is_cancelled || list_is_linked(&r->link));
}

static void reader_free(struct log_reader *r)
{
    ASSERT(r->magic == READER_MAGIC && !r->job_runs && list_is_empty(&r->crowd));
    r->magic = 0;
    readdisk_finish(&r->disk);
    free(r);
}

/* Out of sight; the memory waits for a running job. */
static void detach(struct log_reader *r)
{
    struct log *g = r->log;

    ASSERT(!r->is_cancelled);
    reader_check(r);
    list_remove(&r->link);
    list_remove(&r->in_crowd);
    log_mark_cancel(r->start_mark);
    log_mark_cancel(r->stop_mark);
    timer_clear(g->loop, &r->until);
    r->sink->on_room = NULL;
    r->is_cancelled = true;
    if (r->job_runs)
        g->n_holds++;
    else
        reader_free(r);
}

/* The reader has given everything: its sink is ended and its owner told. It is detached before, so
 * that the owner may destroy whatever it likes. */
static void end(struct log_reader *r)
{
    struct log *g = r->log;
    struct sink *sink = r->sink;
    bool keeps_sink = r->keeps_sink;
    void (*done)(void *ctx) = r->done;
    void *ctx = r->ctx;

    detach(r);
    if (!keeps_sink)
        sink->end(sink);
    if (done)
        done(ctx);
    log_try_free(g);
}

static void run_job(struct job *job)
{
    struct log_reader *r = container_of(job, struct log_reader, job);

    ASSERT_WORKER();
    ASSERT(r->magic == READER_MAGIC && r->job_runs);
    if (r->is_located)
        readdisk_window(&r->disk);
    else
        readdisk_locate(&r->disk);
}

static void on_job_done(struct job *job);

/* Whether two readers would render the same bytes of the same window. Those with times differ in
 * what they skip. */
static bool is_same_view(const struct log_query *a, const struct log_query *b)
{
    return a->want_stdout == b->want_stdout && a->want_stderr == b->want_stderr &&
           a->timestamps == b->timestamps && a->details == b->details && a->framed == b->framed &&
           !a->since_ns && !a->until_ns && !b->since_ns && !b->until_ns;
}

/* The window is being read already, for another. */
static bool join_crowd(struct log_reader *r, struct log_pos limit)
{
    struct log_reader *leader = r->log->leader;

    if (!leader || !r->is_located || compare(leader->from, r->disk.pos) ||
        compare(leader->disk.limit, limit) || !is_same_view(&leader->disk.q, &r->disk.q) ||
        leader->disk.q.follow != r->disk.q.follow)
        return false;
    list_append(&leader->crowd, &r->in_crowd);
    return true;
}

static void submit(struct log_reader *r, struct log_pos limit)
{
    ASSERT(!r->job_runs && !r->is_cancelled && !list_is_linked(&r->in_crowd));
    if (join_crowd(r, limit))
        return;
    r->disk.limit = limit;
    r->from = r->disk.pos;
    if (r->is_located)
        r->log->leader = r;
    r->job_runs = true;
    r->job = (struct job){.run = run_job, .done = on_job_done};
    pool_submit(r->log->pools, POOL_DISK, &r->job);
}

static void note_limit(struct log_reader *r)
{
    if (!r->disk.at_limit)
        return;
    r->has_reached = true;
    r->reached = r->disk.limit;
}

/* What the leader has read is what each of its crowd would have. */
static void give_crowd(struct log_reader *leader)
{
    const struct readdisk *d = &leader->disk;
    struct log_reader *r;

    while ((r = list_first(&leader->crowd, struct log_reader, in_crowd))) {
        list_remove(&r->in_crowd);
        readdisk_move(&r->disk, d);
        note_limit(r);
        if (d->out_n)
            r->sink->write(r->sink, d->out, d->out_n);
        r->is_paused = r->sink->queued(r->sink) > SINK_HIGH;
        go_on(r);
    }
}

/* A window has come: the next may start before this one is written. */
static void give(struct log_reader *r)
{
    struct readdisk *d = &r->disk;
    autofree char *out = d->out;
    size_t n = d->out_n;

    ASSERT(r->is_located && !r->job_runs && !r->is_ready);
    d->out = NULL;
    d->out_n = d->out_room = 0;
    note_limit(r);
    if (d->is_past_until) { /* a follower too: later lines are not asked for */
        r->has_stop = true;
        r->stop = d->pos;
        r->has_reached = true;
        r->reached = r->stop;
    }
    r->is_paused = r->sink->queued(r->sink) > SINK_HIGH;
    if (!d->at_limit && !d->is_past_until && !r->is_paused)
        submit(r, r->has_stop ? r->stop : r->log->written);
    if (n)
        r->sink->write(r->sink, out, n);
    r->is_paused = r->sink->queued(r->sink) > SINK_HIGH;
    go_on(r);
}

static void on_job_done(struct job *job)
{
    struct log_reader *r = container_of(job, struct log_reader, job);
    struct log *g = r->log;

    ASSERT(r->magic == READER_MAGIC && r->job_runs);
    if (g->leader == r)
        g->leader = NULL;
    give_crowd(r);
    r->job_runs = false;
    if (r->is_cancelled) {
        g->n_holds--;
        reader_free(r);
        log_try_free(g);
        return;
    }
    if (!r->is_located) {
        r->is_located = true;
        if (!r->disk.q.follow)
            r->stop = r->disk.limit; /* lowered by until */
        go_on(r);
    } else if (r->is_paused) {
        r->is_ready = true;
    } else {
        give(r);
    }
}

/* What comes next: another window if there is more to read, the end if that is where it stops, else
 * nothing until the log has written more. */
static void go_on(struct log_reader *r)
{
    struct log_pos target = r->has_stop ? r->stop : r->log->written;

    reader_check(r);
    if (r->job_runs || list_is_linked(&r->in_crowd) || r->is_paused || r->is_ready ||
        !r->is_located)
        return;
    if (!r->has_reached || compare(r->reached, target) < 0 ||
        (!r->has_stop && compare(r->reached, target) != 0)) {
        submit(r, target);
        return;
    }
    if (r->has_stop)
        end(r);
}

static void on_sink_room(void *ctx)
{
    struct log_reader *r = ctx;

    if (!r->is_paused)
        return;
    r->is_paused = false;
    if (r->is_ready) {
        r->is_ready = false;
        give(r);
    } else {
        go_on(r);
    }
}

/* Everything that was appended before log_read is in the file. */
static void on_start_mark(void *ctx, const struct log_mark *m)
{
    struct log_reader *r = ctx;

    ASSERT(r->start_mark == m && !r->job_runs);
    r->start_mark = NULL;
    if (!r->disk.q.follow) {
        r->has_stop = true;
        r->stop = m->pos;
    }
    submit(r, m->pos);
}

/* Followers end here. */
static void on_stop_mark(void *ctx, const struct log_mark *m)
{
    struct log_reader *r = ctx;

    ASSERT(r->stop_mark == m);
    r->stop_mark = NULL;
    r->has_stop = true;
    r->stop = m->pos;
    go_on(r);
}

/* A stop that is under way already lies before what is appended now, so it is replaced. */
static void stop_here(struct log_reader *r)
{
    if (r->has_stop || !r->disk.q.follow)
        return;
    log_mark_cancel(r->stop_mark);
    r->stop_mark = log_mark_add(r->log, on_stop_mark, r, false, false);
}

/* `until` lies in the future: the follower ends with what is appended up to then. */
static void on_until(struct timer *t)
{
    stop_here(container_of(t, struct log_reader, until));
}

static struct log_reader *reader_new(struct log *g, const struct log_query *q, struct sink *sink,
                                     void (*done)(void *ctx), void *ctx)
{
    struct log_reader *r = mem_new(struct log_reader);

    r->magic = READER_MAGIC;
    r->log = g;
    r->sink = sink;
    list_init(&r->crowd);
    r->done = done;
    r->ctx = ctx;
    readdisk_init(&r->disk, &g->files, g->disk.format, q);
    sink->on_room = on_sink_room;
    sink->ctx = r;
    list_append(&g->readers, &r->link);
    return r;
}

struct err *log_read(struct log *g, const struct log_query *q, struct sink *sink,
                     void (*done)(void *ctx), void *ctx, struct log_reader **out)
{
    int64_t left_ns = q->until_ns - clock_wall_ns();
    struct log_reader *r;

    ASSERT_LOOP();
    if (!g->has_file)
        return err_new(ERR_NOT_IMPLEMENTED, "configured logging driver does not support reading");
    ASSERT(!g->is_closing);
    r = reader_new(g, q, sink, done, ctx);
    if (q->until_ns && left_ns <= 0)
        r->disk.q.follow = false;
    r->start_mark = log_mark_add(g, on_start_mark, r, false, false);
    if (q->until_ns && r->disk.q.follow)
        timer_set(g->loop, &r->until, left_ns / NS_PER_MS + 1, on_until);
    *out = r;
    return NULL;
}

/* A part of the log for a client that gets live output behind it (attach.c): from NULL: from the
 * beginning. */
struct log_reader *log_read_range(struct log *g, const struct log_query *q,
                                  const struct log_pos *from, const struct log_pos *to,
                                  struct sink *sink, void (*done)(void *ctx), void *ctx)
{
    struct log_reader *r = reader_new(g, q, sink, done, ctx);

    ASSERT_LOOP();
    r->keeps_sink = true;
    r->has_stop = true;
    r->stop = *to;
    r->is_located = from;
    if (from)
        r->disk.pos = *from;
    submit(r, *to);
    return r;
}

void log_read_cancel(struct log_reader *r)
{
    struct log *g;

    if (!r)
        return;
    ASSERT_LOOP();
    ASSERT(r->magic == READER_MAGIC && !r->is_cancelled);
    g = r->log;
    detach(r);
    log_try_free(g);
}

void readers_on_written(struct log *g)
{
    list_each (r, &g->readers, struct log_reader, link) {
        if (r->is_located && !r->has_stop)
            go_on(r);
    }
}

void readers_finish(struct log *g)
{
    list_each (r, &g->readers, struct log_reader, link)
        stop_here(r);
}

void readers_cut(struct log *g)
{
    g->n_holds++;
    while (!list_is_empty(&g->readers))
        end(list_first(&g->readers, struct log_reader, link));
    g->n_holds--;
}
