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

#include "log_inner.h"

#define LAND_DEPTH 4

static void on_slot_free(struct landing_wait *w)
{
    log_tell_room(container_of(w, struct log, landed.wait));
}

static void add_slot(struct log *g, unsigned slot, size_t n)
{
    const struct land *memory = landing_memory(g->landed.landing);
    const struct land_slot *s = land_slot(memory, slot);
    struct chunk *c = batch_add(&g->pending, CHUNK_SLOT, NULL, 0);

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

/* What an engine before left: its slots, then what the keeper took after it. */
static bool adopt(struct log *g, const char *spool)
{
    struct landed *a = &g->landed;
    const char *path = spool ? spool : "";

    a->record = landing_adopt_record(a->landing, a->id, on_left_slot, g);
    if (a->record < 0)
        return false;
    logdisk_share(&g->disk, land_record(landing_memory(a->landing), (unsigned)a->record), true);
    a->seq = a->n_slots ? a->seq : land_state(g->disk.record)->seq;
    batch_add(&g->pending, CHUNK_SPOOL, path, strlen(path) + 1);
    a->is_merging = true;
    return true;
}

static void take_fresh(struct log *g, const char *spool)
{
    struct landed *a = &g->landed;

    a->record = landing_take_record(a->landing, a->id, g->is_blocking ? LAND_BLOCK : LAND_DROP);
    if (a->record < 0)
        return;
    logdisk_share(&g->disk, land_record(landing_memory(a->landing), (unsigned)a->record), false);
    a->seq = land_state(g->disk.record)->seq;
    if (!spool)
        return;
    batch_add(&g->pending, CHUNK_SPOOL, spool, strlen(spool) + 1);
    a->is_merging = true;
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

/* What a log without a file was left has no place. The record tells the keeper to drop what comes
 * while no engine is there: its container must not wait for a spool that nobody empties. */
static void drop_left_slot(void *ctx, unsigned slot, size_t n)
{
    struct log *g = ctx;

    (void)n;
    landing_give_slot(g->landed.landing, slot);
}

static void begin_without_file(struct log *g)
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
    g->landed.is_in_run = true;
    if (g->has_file)
        try_take_record(g);
    else
        begin_without_file(g);
}

void log_recover(struct log *g)
{
    ASSERT_LOOP();
    if (g->landed.is_in_run)
        return;
    log_begin_run(g);
    log_end_run(g);
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
    landing_give_record(a->landing, (unsigned)a->record);
    a->record = -1;
}

void log_end_run(struct log *g)
{
    g->landed.is_in_run = false;
    landing_forget(&g->landed.wait);
    try_give_record(g);
}

bool log_lands(const struct log *g)
{
    return g->has_file && g->landed.landing && g->landed.id &&
           (!g->landed.has_record || g->landed.record >= 0);
}

bool log_is_busy(const struct log *g)
{
    return log_lands(g) && (!g->landed.has_record || g->landed.is_merging ||
                            g->landed.n_slots >= LAND_DEPTH || g->is_stuck);
}

bool log_never_blocks(const struct log *g)
{
    return g->has_file && !g->is_blocking;
}

bool log_has_patience(const struct log *g)
{
    return g->is_blocking || !g->landed.n_slots ||
           clock_boot_ns() - g->landed.since_ns < LAND_PATIENCE_MS * NS_PER_MS;
}

ssize_t log_land(struct log *g, int stream, int pipe, char **out_bytes)
{
    struct landed *a = &g->landed;
    int slot;
    ssize_t n;

    ASSERT(!g->is_closing);
    try_take_record(g);
    if (log_is_busy(g) || log_backlog(g) >= LOG_BACKLOG_HIGH)
        return -EBUSY;
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
    return n;
}

void log_drop_slots(struct log *g, const struct batch *b)
{
    struct chunk *c;
    size_t at = 0;

    while ((c = batch_next(b, &at))) {
        if (c->kind == CHUNK_SPOOL)
            g->landed.is_merging = false;
        if (c->kind != CHUNK_SLOT)
            continue;
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
