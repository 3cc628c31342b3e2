/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /events. A client that reads slowly is not skipped: it leaves the live feed and continues
 * from the history when it has read what it was sent. Where the history does not have what comes
 * next, a record says which numbers are missing: a gap is never silent. `after` (ours) is the
 * number of the last event that the client has seen. Loop thread.
 */
#include "api.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/events.h"
#include "event_filter.h"

#define SLICE_NS (NS_PER_MS / 2)
#define UNTIL_MAX_NS (10LL * 365 * 86400 * NS_PER_S) /* later is never */

struct event_feed {
    struct events_sub sub; /* linked while live */
    struct request *request;
    struct filters filters;
    int64_t since_ns, until_ns; /* 0: none */
    uint64_t last_seq;          /* 0: no event was seen yet */
    bool has_after;
    bool tells_gaps; /* by `after`: whatever number is missing */
    bool is_live, is_full, may_gap, is_paused;
    int64_t slice_end_ns; /* of the replay */
    struct timer until, slice;
};

static void stop(struct event_feed *f)
{
    events_unsubscribe(&f->sub);
    timer_clear(parts_of(f->request)->loop, &f->until);
    timer_clear(parts_of(f->request)->loop, &f->slice);
}

static void end_feed(struct event_feed *f)
{
    stop(f);
    reply_end(f->request);
}

static void write_event(struct event_feed *f, const struct event *e)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    event_write(e, &w, f->request->api_version);
    buf_putc(&b, '\n');
    reply_write(f->request, b.data, b.len);
    f->is_full = reply_queued(f->request) > SINK_HIGH;
}

static void send_event(struct event_feed *f, const struct event *e)
{
    f->last_seq = e->seq;
    if (event_matches(e, &f->filters) && !(f->until_ns && e->wall_ns > f->until_ns))
        write_event(f, e);
}

/* The numbers up to `to` are lost, to every filter: nobody knows what they were. */
static void send_gap(struct event_feed *f, uint64_t to)
{
    struct request *r = f->request;
    char from[24], missed[24], until[24];
    struct pair attrs[] = {{"from", from}, {"missed", missed}, {"to", until}};

    snprintf(from, sizeof(from), "%llu", (unsigned long long)f->last_seq + 1);
    snprintf(missed, sizeof(missed), "%llu", (unsigned long long)(to - f->last_seq));
    snprintf(until, sizeof(until), "%llu", (unsigned long long)to);
    log_info("a client of events has missed some", KV_INT("pid", r->pid),
             KV_INT("missed", (int64_t)(to - f->last_seq)));
    write_event(f, &(struct event){.seq = to,
                                   .type = "daemon",
                                   .action = "gap",
                                   .id = parts_of(r)->engine_id,
                                   .attrs = {attrs, ARRAY_LEN(attrs)},
                                   .wall_ns = clock_wall_ns()});
    f->last_seq = to;
}

static void on_live(void *ctx, const struct event *e)
{
    struct event_feed *f = ctx;

    send_event(f, e);
    if (!f->is_full)
        return;
    f->is_live = false;
    events_unsubscribe(&f->sub);
}

static void on_replay(void *ctx, const struct event *e)
{
    struct event_feed *f = ctx;

    if (f->is_full || f->is_paused)
        return;
    if ((f->may_gap || f->tells_gaps) && e->seq != f->last_seq + 1)
        send_gap(f, e->seq - 1);
    f->may_gap = false;
    if (!f->is_full)
        send_event(f, e);
    f->is_paused = clock_boot_ns() >= f->slice_end_ns;
}

static void on_slice(struct timer *t);

static void replay(struct event_feed *f)
{
    struct events *ev = parts_of(f->request)->events;

    f->is_full = f->is_paused = false;
    f->slice_end_ns = clock_boot_ns() + SLICE_NS;
    f->may_gap = f->last_seq != 0; /* the history may have moved on */
    events_replay(ev, f->last_seq ? 0 : f->since_ns, f->last_seq, on_replay, f);
    if (!f->is_full && !f->is_paused && f->tells_gaps && f->last_seq < events_last(ev))
        send_gap(f, events_last(ev)); /* an engine that was killed may have told of more */
    if (!f->is_full && f->is_paused) {
        timer_set(parts_of(f->request)->loop, &f->slice, 0, on_slice);
    } else if (!f->is_full && f->until_ns && f->until_ns <= clock_wall_ns()) {
        end_feed(f);
    } else if (!f->is_full) {
        f->is_live = true;
        events_subscribe(ev, &f->sub);
    }
}

static void on_slice(struct timer *t)
{
    replay(container_of(t, struct event_feed, slice));
}

static void on_room(void *ctx)
{
    struct event_feed *f = ctx;

    if (!f->is_live && !f->slice.due_ns)
        replay(f);
}

static void on_until(struct timer *t)
{
    struct event_feed *f = container_of(t, struct event_feed, until);

    if (f->is_live)
        end_feed(f);
}

static void on_feed_gone(void *ctx)
{
    struct event_feed *f = ctx;

    stop(f);
    request_abandon(f->request);
}

/* 0: everything that is kept. */
static struct err *read_after(struct request *r, struct event_feed *f)
{
    uint64_t last = events_last(parts_of(r)->events);
    int64_t after;

    TRY(query_i64(&r->query, "after", -1, &after));
    if (after < 0 && *request_param(r, "after"))
        return err_new(ERR_INVALID, "invalid value for after: %s is below 0",
                       request_param(r, "after"));
    if (after >= 0 && f->since_ns)
        return err_new(ERR_INVALID, "`since` and `after` exclude each other");
    if (after > 0 && (uint64_t)after > last)
        return err_new(ERR_INVALID,
                       "after: this engine has not come to event %lld: its last is %llu",
                       (long long)after, (unsigned long long)last);
    f->tells_gaps = after > 0;
    f->last_seq = after > 0 ? (uint64_t)after : 0;
    f->has_after = after >= 0;
    return NULL;
}

static struct err *read_feed_params(struct request *r, struct event_feed *f)
{
    TRY(query_time(&r->query, "since", &f->since_ns));
    TRY(query_time(&r->query, "until", &f->until_ns));
    TRY(read_after(r, f));
    if (f->since_ns && f->until_ns && f->since_ns > f->until_ns)
        return err_new(ERR_INVALID, "`since` time (%s) cannot be after `until` time (%s)",
                       request_param(r, "since"), request_param(r, "until"));
    return event_filters_parse(r->arena, request_param(r, "filters"), &f->filters);
}

void handle_events(struct request *r)
{
    struct event_feed *f = arena_new(r->arena, struct event_feed);
    int64_t now = clock_wall_ns();

    if (reply_failed(r, read_feed_params(r, f)))
        return;
    f->request = r;
    f->sub.fn = on_live;
    f->sub.ctx = f;
    request_on_gone(r, on_feed_gone, f);
    reply_begin(r, 200, r->api_version < 152 ? TYPE_JSON : "application/jsonl");
    reply_on_room(r, on_room, f);
    if (f->until_ns > now && f->until_ns - now < UNTIL_MAX_NS)
        timer_set(parts_of(r)->loop, &f->until, (f->until_ns - now) / NS_PER_MS + 1, on_until);
    if (!f->since_ns && !f->until_ns && !f->has_after)
        f->since_ns = now; /* only what is to come */
    replay(f);
}
