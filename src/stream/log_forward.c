/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on their way to a server. Works a batch off as the disk worker of a log with a file does,
 * and says in the record how far it has come: the state that stands behind a message takes over
 * when the socket has the message. So a SIGKILL in between sends one message again, and nothing
 * is lost that stands in a slot or a spool. Loop thread; only the spool is read by a worker.
 *
 * Trap: a server that does not take anything stops here, with the message in hand; the slots of
 * such a log are parked, since others need them.
 */
#include "log_forward.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "log_forward_spool.h"
#include "log_inner.h"

#define MESSAGES_PER_TURN 32 /* messages a turn of the loop: many logs may have theirs in one */

struct log_forward {
    struct log *log;
    struct log_forward_style style;
    struct outlet *outlet;
    struct land_record *record;
    bool is_shared;
    struct land_state *next; /* holds when `message` is sent */
    struct cutter cut;
    int64_t wall_ns; /* of the bytes that are cut */
    bool at_eof;
    struct buf message;
    size_t text_n; /* bytes of log in it */
    size_t done;   /* of the memory in hand */
    struct timer next_turn;
    struct log_forward_spool *spool;
    bool spool_works, is_removing;
    bool is_waiting, is_finished, is_abandoned;
};

enum step { STEP_ON, STEP_WAIT, STEP_END };

/* ---- the state ---- */

static const struct land_state *state_of(const struct log_forward *f)
{
    return land_state(f->record);
}

static void begin(struct log_forward *f)
{
    ASSERT(f->record);
    if (f->next)
        return;
    f->next = land_begin(f->record);
    for (int i = 0; i < 2; i++) {
        f->cut.line[i] = &f->next->line[i];
        f->cut.text[i] = land_text(f->record, f->next, i);
    }
}

static void commit(struct log_forward *f)
{
    if (f->next)
        land_flip(f->record);
    f->next = NULL;
}

void log_forward_share(struct log_forward *f, struct land_record *r)
{
    ASSERT(!f->next && !f->is_shared);
    land_record_discard(f->record);
    f->record = r;
    f->is_shared = true;
}

void log_forward_unshare(struct log_forward *f)
{
    ASSERT(!f->next && f->is_shared);
    f->record = NULL;
    f->is_shared = false;
}

/* ---- messages ---- */

static void on_piece(void *ctx, const struct log_piece *p)
{
    struct log_forward *f = ctx;
    bool is_partial = !p->ends_line && !f->at_eof;
    struct log_forward_line line = {p->stream, f->wall_ns, p->text, p->n, is_partial};

    if (!p->n && !is_partial)
        return; /* Docker's drivers send no empty lines */
    if (p->time != f->cut.stamp)
        clock_from_rfc3339(p->time, &line.wall_ns); /* of the line's beginning */
    f->text_n = p->n;
    f->style.write(&f->style, &line, &f->message);
}

static void tell_dropped(struct log_forward *f)
{
    char text[96];
    struct log_forward_line line = {
        .stream = STREAM_STDERR, .wall_ns = clock_wall_ns(), .text = text};

    begin(f);
    line.n = (size_t)snprintf(text, sizeof(text), "berth: %llu bytes of log were dropped here",
                              (unsigned long long)f->next->dropped);
    f->next->dropped = 0;
    f->text_n = 0;
    f->style.write(&f->style, &line, &f->message);
}

/* False: not now. */
static bool send_message(struct log_forward *f)
{
    ASSERT(f->message.len);
    switch (outlet_send(f->outlet, f->message.data, f->message.len)) {
    case OUTLET_LATER:
        return false;
    case OUTLET_TOO_LONG:
        f->next->dropped += f->text_n;
        break;
    case OUTLET_TAKEN:
        break;
    }
    f->message.len = 0;
    commit(f);
    return true;
}

/* ---- what the batch holds: each call makes a message or comes a little further ---- */

/* The chunk that the batch stands at is done. */
static void pass(struct log_forward *f)
{
    struct log_batch *b = &f->log->flying;

    f->done = 0;
    log_batch_next(b, &b->at);
}

static size_t cut(struct log_forward *f, int stream, int64_t wall_ns, const char *p, size_t n)
{
    begin(f);
    f->wall_ns = wall_ns;
    return cutter_next(&f->cut, stream, wall_ns, p, n);
}

static enum step step_bytes(struct log_forward *f, struct chunk *c)
{
    if (f->done < c->n) {
        f->done += cut(f, c->stream, c->wall_ns, (char *)(c + 1) + f->done, c->n - f->done);
        return STEP_ON;
    }
    f->log->flying.payload -= c->n;
    pass(f);
    return STEP_ON;
}

/* A piece of a slot. `base` of the state says how much of it is sent, so the next engine goes on
 * behind it. */
static enum step step_slot(struct log_forward *f, struct chunk *c)
{
    uint64_t base = state_of(f)->base;

    ASSERT(c->kind == CHUNK_SLOT && c->landed.slot != LAND_NO_SLOT);
    if (base < c->landed.n_bytes) {
        begin(f);
        f->next->base +=
            cut(f, c->stream, c->wall_ns, c->landed.bytes + base, c->landed.n_bytes - (size_t)base);
        return STEP_ON;
    }
    begin(f);
    f->next->seq = c->landed.seq;
    f->next->base = 0;
    commit(f);
    pass(f);
    log_drop_slot(f->log, c);
    return STEP_ON;
}

/* The beginning of a line that is held back (its end has not come) is sent as a line of its own.
 * False: the stream has none. */
static bool end_line(struct log_forward *f, int stream, int64_t wall_ns)
{
    const struct land_line *h = &state_of(f)->line[stream == STREAM_STDERR];

    if (!h->n && !h->is_continued)
        return false;
    begin(f);
    f->wall_ns = wall_ns;
    f->at_eof = true;
    cutter_end(&f->cut, stream, wall_ns);
    f->at_eof = false;
    return true;
}

static bool end_lines(struct log_forward *f, int64_t wall_ns)
{
    return end_line(f, STREAM_STDOUT, wall_ns) || end_line(f, STREAM_STDERR, wall_ns);
}

static enum step step_lost(struct log_forward *f, const struct chunk *c)
{
    if (end_lines(f, c->wall_ns))
        return STEP_ON;
    begin(f);
    f->next->dropped += c->lost;
    commit(f);
    pass(f);
    return STEP_ON;
}

static void on_spool(void *ctx);

static enum step read_spool(struct log_forward *f)
{
    ASSERT(f->spool && !f->spool_works);
    f->spool_works = true;
    f->log->n_holds++;
    log_forward_spool_read(f->spool, state_of(f));
    return STEP_WAIT;
}

/* All of it is sent: first the file goes, then comes what the keeper had no place for. */
static enum step end_spool(struct log_forward *f, const char *path)
{
    uint64_t lost = f->record->lost;

    if (path[0] && !f->is_removing) {
        f->is_removing = f->spool_works = true;
        f->log->n_holds++;
        log_forward_spool_remove(f->spool);
        return STEP_WAIT;
    }
    if (lost > state_of(f)->told && end_lines(f, clock_wall_ns()))
        return STEP_ON;
    begin(f);
    f->next->dropped += lost > f->next->told ? lost - f->next->told : 0;
    f->next->told = lost;
    commit(f);
    log_forward_spool_destroy(f->spool);
    f->spool = NULL;
    f->is_removing = false;
    pass(f);
    log_merged(f->log);
    return STEP_ON;
}

static enum step step_chunk(struct log_forward *f, const char *path)
{
    const struct land_state *s = state_of(f);
    struct spool_chunk c;
    const char *bytes;

    switch (log_forward_spool_chunk(f->spool, s->spool_off, &c, &bytes)) {
    case SPOOL_MORE:
        return read_spool(f);
    case SPOOL_END:
        return end_spool(f, path);
    case SPOOL_CHUNK:
        break;
    }
    begin(f);
    if (s->base < c.n) {
        f->next->base += cut(f, c.stream, c.wall_ns, bytes + s->base, c.n - (size_t)s->base);
        return STEP_ON;
    }
    f->next->spool_off += sizeof(c) + c.n;
    f->next->base = 0;
    return STEP_ON;
}

static enum step step_spool(struct log_forward *f, const char *path)
{
    uint64_t gen;

    if (f->spool_works)
        return STEP_WAIT;
    if (!path[0] || f->is_removing)
        return end_spool(f, path);
    if (!f->spool) {
        f->spool = log_forward_spool_create(f->log->pools, path, on_spool, f);
        return read_spool(f);
    }
    gen = log_forward_spool_gen(f->spool);
    if (!gen)
        return end_spool(f, path);
    if (state_of(f)->spool_gen != gen) {
        begin(f);
        f->next->spool_gen = gen;
        f->next->spool_off = sizeof(struct spool_head);
        f->next->base = 0;
        return STEP_ON;
    }
    return step_chunk(f, path);
}

static enum step step_on(struct log_forward *f)
{
    size_t at = f->log->flying.at;
    struct chunk *c = log_batch_next(&f->log->flying, &at);

    if (!c && !state_of(f)->dropped)
        return STEP_END;
    if (state_of(f)->dropped && (!c || c->kind != CHUNK_LOST)) {
        tell_dropped(f);
        return STEP_ON;
    }
    switch (c->kind) {
    case CHUNK_BYTES:
        return step_bytes(f, c);
    case CHUNK_SLOT:
        return step_slot(f, c);
    case CHUNK_SPOOL:
        return step_spool(f, (char *)(c + 1));
    case CHUNK_EOF:
        if (!end_line(f, c->stream, c->wall_ns))
            pass(f);
        return STEP_ON;
    case CHUNK_LOST:
        return step_lost(f, c);
    case CHUNK_MARK: /* marks are places in files */
        break;
    }
    pass(f);
    return STEP_ON;
}

/* ---- turns ---- */

static void on_next_turn(struct timer *t);

/* Sends up to MESSAGES_PER_TURN messages. The state that goes with a message holds from the moment
 * the socket has it. */
static void go_on(struct log_forward *f)
{
    enum step step = STEP_ON;

    if (!f->log->job_runs || f->is_abandoned)
        return;
    f->is_waiting = false;
    for (int n = 0; n < MESSAGES_PER_TURN && step == STEP_ON; n++) {
        if (f->message.len && !send_message(f)) {
            f->is_waiting = true;
            log_park_slots(f->log);
            return;
        }
        step = step_on(f);
        if (!f->message.len)
            commit(f);
    }
    if (step == STEP_ON)
        timer_set(f->log->loop, &f->next_turn, 0, on_next_turn);
    if (step != STEP_END)
        return;
    buf_finish(&f->message);
    if (f->is_finished && !f->log->pending.n)
        outlet_close(f->outlet);
    log_batch_done(f->log);
}

static void on_next_turn(struct timer *t)
{
    go_on(container_of(t, struct log_forward, next_turn));
}

static void on_ready(void *ctx)
{
    go_on(ctx);
}

static void on_spool(void *ctx)
{
    struct log_forward *f = ctx;
    struct log *g = f->log;

    ASSERT(f->spool_works && g->n_holds > 0);
    f->spool_works = false;
    g->landed.since_ns = clock_boot_ns();
    go_on(f);
    g->n_holds--;
    log_try_free(g);
}

void log_forward_run(struct log_forward *f)
{
    if (!f->record)
        f->record = land_record_private();
    ASSERT(f->record && f->log->job_runs && !f->is_abandoned);
    timer_set(f->log->loop, &f->next_turn, 0, on_next_turn);
}

bool log_forward_is_waiting(const struct log_forward *f)
{
    return f->is_waiting;
}

void log_forward_finish(struct log_forward *f)
{
    if (!f)
        return;
    f->is_finished = true;
    if (!f->log->job_runs)
        outlet_close(f->outlet);
}

void log_forward_begin_run(struct log_forward *f)
{
    f->is_finished = false;
}

void log_forward_abandon(struct log_forward *f)
{
    timer_clear(f->log->loop, &f->next_turn);
    f->is_abandoned = true;
    f->next = NULL;
}

struct log_forward *log_forward_create(struct log *g, const struct outlet_target *target,
                                       const struct log_forward_style *style)
{
    struct log_forward *f = mem_new(struct log_forward);

    f->log = g;
    f->style = *style;
    f->outlet = outlet_create(g->loop, g->pools, target, on_ready, f);
    f->cut.emit = on_piece;
    f->cut.ctx = f;
    return f;
}

void log_forward_destroy(struct log_forward *f)
{
    if (!f)
        return;
    ASSERT(!f->spool_works); /* it holds the log */
    timer_clear(f->log->loop, &f->next_turn);
    outlet_destroy(f->outlet);
    log_forward_spool_destroy(f->spool);
    if (!f->is_shared)
        land_record_discard(f->record);
    buf_finish(&f->message);
    free(f->style.tag);
    free(f->style.host);
    free(f->style.fixed);
    free(f);
}
