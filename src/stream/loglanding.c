/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's part in landing: its record for the time of a run, its slots on their way to
 * the disk worker, and what an engine before has left. Loop thread.
 *
 * At most LAND_DEPTH slots of a log are on their way: some are filled while the worker
 * lands the others. Trap: until what was left (slots, then the keeper's spool) is in the
 * log nothing new is taken, since the next engine would put it in the wrong order.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "log_forward.h"
#include "log_inner.h"

#define LAND_DEPTH 4
#define SEND_DEPTH 2 /* of a log that sends: a server may take nothing for ever */
/* Of one that sends, once its process is dead: for all that is in its pipes. */
#define ENDING_DEPTH 8

/* Another log gave its slot back: this one's container, which waited for it, is read again. */
static void on_slot_free(struct landing_wait *w)
{
    log_tell_room(container_of(w, struct log, landed.wait));
}

static void add_slot(struct log *g, unsigned slot, size_t n)
{
    const struct land *memory = landing_memory(g->landed.landing);
    const struct land_slot *s = land_slot(memory, slot);
    struct chunk *c = log_batch_add(&g->pending, CHUNK_SLOT, NULL, 0);

    ASSERT(slot < LAND_SLOTS + LAND_RECORDS && n && n <= LAND_WINDOW);
    c->stream = s->stream;
    c->wall_ns = s->wall_ns;
    c->landed.bytes = land_bytes(memory, slot);
    c->landed.n_bytes = (uint32_t)n;
    c->landed.seq = s->seq;
    c->landed.slot = slot;
    if (!g->landed.n_slots++)
        g->landed.since_ns = clock_boot_ns();
    g->landed.seq = s->seq;
}

static void on_left_slot(void *ctx, unsigned slot, size_t n)
{
    add_slot(ctx, slot, n);
}

/* Told to the keeper by the record: while no engine is there a blocking container waits for its
 * full spool, another one goes on and its output is counted as lost. */
static enum land_mode mode_of(const struct log *g)
{
    return g->is_blocking ? LAND_BLOCK : LAND_DROP;
}

static void share_record(struct log *g, bool is_adopted)
{
    struct land_record *r =
        land_record(landing_memory(g->landed.landing), (unsigned)g->landed.record);

    ASSERT(g->landed.record >= 0 && !g->job_runs);
    r->mode = mode_of(g); /* another version may have thought otherwise */
    if (g->has_file)
        logdisk_share(&g->disk, r, is_adopted);
    else
        log_forward_share(g->forward, r);
    if (!g->landed.n_slots)
        g->landed.seq = land_state(r)->seq;
}

/* A chunk of the queue that stands for the keeper's spool, so it comes behind the slots and before
 * what is appended from now on. An empty name: only what the keeper lost is to be told. */
static void merge(struct log *g, const char *spool)
{
    ASSERT(!g->landed.is_merging);
    log_batch_add(&g->pending, CHUNK_SPOOL, spool, strlen(spool) + 1);
    g->landed.is_merging = true;
    g->landed.since_ns = clock_boot_ns();
}

/* What an engine before left: its slots, then what the keeper took after it. */
static bool adopt(struct log *g, const char *spool)
{
    struct landed *a = &g->landed;

    a->record = landing_adopt_record(a->landing, a->id, on_left_slot, g);
    if (a->record < 0)
        return false;
    share_record(g, true);
    merge(g, spool ? spool : "");
    return true;
}

static void take_fresh(struct log *g, const char *spool)
{
    struct landed *a = &g->landed;

    a->record = landing_take_record(a->landing, a->id, mode_of(g));
    if (a->record < 0)
        return;
    share_record(g, false);
    if (spool)
        merge(g, spool);
}

/* The record is taken while no worker has the old one. */
static void try_take_record(struct log *g)
{
    struct landed *a = &g->landed;
    autofree char *spool = NULL;

    if (a->has_record || !a->landing || !a->id || g->job_runs || g->is_stuck || g->flying.n ||
        g->is_closing)
        return;
    a->has_record = true; /* or there is none: then it does not land */
    spool = landing_take_spool(a->landing, a->id);
    if (!adopt(g, spool))
        take_fresh(g, spool);
    if (a->is_merging)
        log_start_job(g);
}

/* What the driver `none` was left has no place. The record tells the keeper to drop what comes
 * while no engine is there: its container must not wait for a spool that nobody empties. */
static void drop_left_slot(void *ctx, unsigned slot, size_t n)
{
    struct log *g = ctx;

    (void)n;
    landing_give_slot(g->landed.landing, slot);
}

static void begin_nothing(struct log *g)
{
    struct landed *a = &g->landed;

    autofree char *spool = NULL;

    if (a->has_record || !a->landing || !a->id)
        return;
    a->has_record = true;
    spool = landing_take_spool(a->landing, a->id);
    if (spool)
        unlink(spool);
    a->record = landing_adopt_record(a->landing, a->id, drop_left_slot, g);
    if (a->record < 0)
        a->record = landing_take_record(a->landing, a->id, LAND_NONE);
}

void log_begin_run(struct log *g)
{
    ASSERT_LOOP();
    log_state_check(g);
    ASSERT(!g->landed.is_in_run && !g->is_closing);
    g->landed.is_in_run = true;
    g->landed.is_ending = false;
    if (g->forward)
        log_forward_begin_run(g->forward);
    if (g->has_file || g->forward)
        try_take_record(g);
    else
        begin_nothing(g);
}

void log_recover(struct log *g)
{
    ASSERT_LOOP();
    if (g->landed.is_in_run)
        return;
    log_begin_run(g);
    if (g->forward) { /* its exit did not wait for the last line */
        log_append_eof(g, STREAM_STDOUT);
        log_append_eof(g, STREAM_STDERR);
    }
    log_end_run(g);
    log_finish(g);
}

/* Between runs nothing of a log is in the shared memory. */
static void try_give_record(struct log *g)
{
    struct landed *a = &g->landed;

    if (a->is_in_run || !a->has_record || g->job_runs || g->is_stuck || a->n_slots ||
        a->is_merging || g->flying.n || g->pending.n)
        return;
    a->has_record = false;
    if (a->record < 0)
        return;
    if (g->has_file)
        logdisk_unshare(&g->disk);
    else if (g->forward)
        log_forward_unshare(g->forward);
    landing_give_record(a->landing, (unsigned)a->record);
    a->record = -1;
}

void log_end_run(struct log *g)
{
    ASSERT_LOOP();
    ASSERT(g->landed.is_in_run);
    g->landed.is_in_run = false;
    landing_forget(&g->landed.wait);
    try_give_record(g);
    log_state_check(g);
}

bool log_lands(const struct log *g)
{
    return (g->has_file || g->forward) && g->landed.landing && g->landed.id &&
           (!g->landed.has_record || g->landed.record >= 0);
}

void log_on_exit(struct log *g)
{
    ASSERT_LOOP();
    ASSERT(g->landed.is_in_run);
    g->landed.is_ending = g->forward;
    log_tell_room(g);
}

bool log_must_land(const struct log *g)
{
    return g->has_file && log_lands(g);
}

/* How many slots may be on their way: few for a log that sends, since its server may take nothing
 * for hours and 64 slots serve all containers. */
bool log_is_busy(const struct log *g)
{
    int depth = g->has_file ? LAND_DEPTH : g->landed.is_ending ? ENDING_DEPTH : SEND_DEPTH;

    return log_lands(g) && (!g->landed.has_record || g->landed.is_merging ||
                            g->landed.n_slots >= depth || g->is_stuck);
}

bool log_never_blocks(const struct log *g)
{
    return !g->is_blocking && log_lands(g);
}

/* For LAND_PATIENCE_MS a container with a non-blocking log is held like any other: a disk that is
 * only slow loses nothing. */
bool log_has_patience(const struct log *g)
{
    return g->is_blocking || !(g->landed.n_slots || (g->forward && g->landed.is_merging)) ||
           clock_boot_ns() - g->landed.since_ns < LAND_PATIENCE_MS * NS_PER_MS;
}

ssize_t log_land(struct log *g, int stream, int pipe, char **out_bytes)
{
    struct landed *a = &g->landed;
    int slot;
    ssize_t n;

    ASSERT(!g->is_closing && g->landed.is_in_run && pipe >= 0);
    try_take_record(g);
    if (!log_lands(g))
        return -EAGAIN; /* there was no record for it: from now on it is appended to */
    if (log_is_busy(g) || log_backlog(g) >= LOG_BACKLOG_HIGH)
        return -EBUSY;
    ASSERT(a->has_record && a->record >= 0);
    slot = landing_take_slot(a->landing);
    if (slot < 0) {
        a->wait.fn = on_slot_free;
        landing_await(a->landing, &a->wait);
        return -EBUSY;
    }
    n = land_fill(landing_memory(a->landing), (unsigned)slot, (unsigned)a->record, a->seq + 1,
                  stream, clock_wall_ns(), pipe);
    if (n <= 0) {
        landing_give_slot(a->landing, (unsigned)slot);
        return n;
    }
    add_slot(g, (unsigned)slot, (size_t)n);
    *out_bytes = land_bytes(landing_memory(a->landing), (unsigned)slot);
    log_start_job(g);
    if (g->forward && log_forward_is_waiting(g->forward))
        log_park_slots(g);
    return n;
}

/* Of a batch that is not done: others may wait for it. */
void log_drop_slot(struct log *g, struct chunk *c)
{
    unsigned slot = c->landed.slot;

    ASSERT(c->kind == CHUNK_SLOT && slot != LAND_NO_SLOT && g->landed.n_slots > 0);
    c->landed.slot = LAND_NO_SLOT;
    g->landed.n_slots--;
    g->landed.since_ns = clock_boot_ns();
    landing_give_slot(g->landed.landing, slot);
    log_tell_room(g);
}

void log_merged(struct log *g)
{
    ASSERT(g->landed.is_merging);
    g->landed.is_merging = false;
    log_tell_room(g);
}

/* A slot of a log whose server does not answer is copied away into a record of its own, so that
 * others can have it. */
static void park_slots_of(struct log *g, const struct log_batch *b)
{
    const struct land *memory = landing_memory(g->landed.landing);
    struct chunk *c;
    size_t at = b->at;

    while ((c = log_batch_next(b, &at))) {
        if (c->kind != CHUNK_SLOT)
            continue;
        c->landed.slot = landing_park(g->landed.landing, c->landed.slot);
        c->landed.bytes = land_bytes(memory, c->landed.slot);
    }
}

void log_park_slots(struct log *g)
{
    if (!g->landed.landing)
        return;
    park_slots_of(g, &g->flying);
    park_slots_of(g, &g->pending);
}

void log_drop_slots(struct log *g, const struct log_batch *b)
{
    struct chunk *c;
    size_t at = 0;

    while ((c = log_batch_next(b, &at))) {
        if (c->kind == CHUNK_SPOOL)
            g->landed.is_merging = false;
        if (c->kind != CHUNK_SLOT || c->landed.slot == LAND_NO_SLOT)
            continue;
        ASSERT(g->landed.n_slots > 0);
        g->landed.n_slots--;
        g->landed.since_ns = clock_boot_ns();
        landing_give_slot(g->landed.landing, c->landed.slot);
    }
}

void log_after_job(struct log *g)
{
    if (g->landed.is_in_run)
        try_take_record(g);
    else
        try_give_record(g);
}

/* A log that goes in the middle of a run (the engine ends) leaves its record to the next engine. */
void log_leave_landing(struct log *g)
{
    landing_forget(&g->landed.wait);
    try_give_record(g);
    free(g->landed.id);
}
