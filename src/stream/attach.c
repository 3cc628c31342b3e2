/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attached clients. A client is either live (output goes to its sink as it comes) or
 * still in the replay of logs=1, which goes in rounds: read the log up to a mark, and
 * in the last round keep what comes after the mark in memory, so nothing is missed or
 * doubled; when that grows too large the next round reads it from the log instead.
 * A slow client holds the outputs back while it makes progress and is cut when it
 * makes none for HUB_STALL_MS; the only client of a tty holds them for ever. Where
 * there are others, one that makes none for GRACE_MS holds nothing back, or has never
 * held when it stood still before its queue was full: it is cut when SINK_HIGH more
 * has come.
 * Trap: client_end calls `gone` and frees; attach_input may do that (detach keys).
 */
#include "base/clock.h"

#include <string.h>

#include "hub_inner.h"

#define WATCH_MS 100 /* how often a slow client is looked after */
#define GRACE_MS 300 /* others wait so long for one that does not read */

static void begin_round(struct attachment *a, bool is_last);
static void on_watch(struct timer *t);
static void on_overrun(struct timer *t);

/* Docker sends the output of a terminal as stdout; its two streams are one there. */
static bool wants(const struct attachment *a, int stream)
{
    if (!a->req.stream || a->is_lost)
        return false;
    return stream == STREAM_STDERR ? a->req.want_stderr : a->req.want_stdout;
}

/* From now on it is looked at every WATCH_MS whether its queue moves. */
static void watch_client(struct attachment *a)
{
    a->last_queued = a->sink->queued(a->sink);
    a->progress_ns = clock_boot_ns();
    timer_set(a->hub->loop, &a->timer, WATCH_MS, on_watch);
}

static void hold(struct hub *h, int change)
{
    ASSERT(change == 1 || change == -1);
    h->n_slow += change;
    ASSERT(h->n_slow >= 0);
    if (!h->n_slow)
        pumps_update(h);
}

/* Somebody else takes output and does not stand still. */
static bool has_company(const struct attachment *a)
{
    list_each (other, &a->hub->clients, struct attachment, link) {
        if (other != a && other->req.stream && !other->is_stalled && !other->is_slow &&
            (other->req.want_stdout || other->req.want_stderr))
            return true;
    }
    return false;
}

static void set_slow(struct attachment *a, bool is_slow)
{
    bool was_holding = a->is_slow && !a->is_stalled;

    if (a->is_slow == is_slow)
        return;
    a->is_slow = is_slow;
    a->is_stalled =
        is_slow && clock_boot_ns() - a->moved_ns >= GRACE_MS * NS_PER_MS && has_company(a);
    if (is_slow)
        watch_client(a);
    else
        timer_clear(a->hub->loop, &a->timer);
    if (was_holding || (is_slow && !a->is_stalled))
        hold(a->hub, is_slow ? 1 : -1);
}

/* The client has read its queue down to half: it holds nobody back any more. */
static void on_sink_room(void *ctx)
{
    struct attachment *a = ctx;

    if (!a->is_lost)
        set_slow(a, false);
}

/* Notes that the client takes bytes: its queue was empty, has shrunk since the last write, or did
 * not grow by all n bytes that came on top of `before`. */
static void note_move(struct attachment *a, size_t before, size_t n, size_t queued)
{
    if (queued && (!before || before < a->seen_queued || queued < before + n))
        a->moved_ns = clock_boot_ns();
    a->seen_queued = queued;
}

static void write_client(struct attachment *a, const void *p, size_t n)
{
    size_t before = a->sink->queued(a->sink), queued;

    ASSERT(a->state == CLIENT_LIVE);
    a->sink->write(a->sink, p, n);
    queued = a->sink->queued(a->sink);
    note_move(a, before, n, queued);
    if (queued > SINK_HIGH)
        set_slow(a, true);
    if (!a->is_stalled || queued <= 2 * SINK_HIGH)
        return;
    a->is_lost = true; /* ended in a turn of its own */
    timer_set(a->hub->loop, &a->timer, 0, on_overrun);
}

/* Off the hub; the sink and the owner are not told. */
static void forget(struct attachment *a)
{
    ASSERT(a->magic == ATTACHMENT_MAGIC && list_is_linked(&a->link));
    a->magic = 0;
    set_slow(a, false);
    list_remove(&a->link);
    timer_clear(a->hub->loop, &a->timer);
    log_mark_cancel(a->mark);
    log_read_cancel(a->reader);
    a->sink->on_room = NULL;
    buf_finish(&a->held[0]);
    buf_finish(&a->held[1]);
    buf_finish(&a->queued);
}

/* With StdinOnce a client that is lost has ended its input. */
static void lose_input(struct attachment *a)
{
    if (a->req.want_stdin && !a->has_input_eof && a->hub->is_running && !a->req.tty)
        input_end(a->hub);
}

void client_end(struct attachment *a)
{
    forget(a);
    a->sink->end(a->sink);
    if (a->gone)
        a->gone(a->ctx);
    free(a);
}

static bool is_only_client_of_tty(const struct attachment *a)
{
    const struct hub *h = a->hub;

    return pump_is_open(&h->pumps[PUMP_PTY]) && h->clients.next == h->clients.prev;
}

static void on_overrun(struct timer *t)
{
    struct attachment *a = container_of(t, struct attachment, timer);

    ASSERT(a->is_lost);
    lose_input(a);
    client_end(a);
}

static void on_watch(struct timer *t)
{
    struct attachment *a = container_of(t, struct attachment, timer);
    size_t queued = a->sink->queued(a->sink);
    int64_t now = clock_boot_ns();

    if (queued != a->last_queued || (is_only_client_of_tty(a) && !a->is_ending))
        a->progress_ns = now;
    a->last_queued = queued;
    if (!a->is_stalled && a->is_slow && now - a->progress_ns >= GRACE_MS * NS_PER_MS &&
        has_company(a)) {
        a->is_stalled = true;
        hold(a->hub, -1);
    }
    if (now - a->progress_ns < a->hub->stall_ms * NS_PER_MS) {
        timer_set(a->hub->loop, &a->timer, WATCH_MS, on_watch);
        return;
    }
    lose_input(a);
    client_end(a);
}

/* Output that comes while the last round of the replay is still being read. The client gets it
 * behind the replay; if there is too much of it, another round takes it from the log. */
static void keep_for_later(struct attachment *a, const char *p, size_t n)
{
    if (!a->is_last_round || a->has_overrun)
        return;
    if (a->queued.len + n > SINK_HIGH) {
        a->has_overrun = true;
        buf_finish(&a->queued);
        return;
    }
    buf_add(&a->queued, p, n);
}

void clients_on_output(struct hub *h, int stream, char *framed, size_t n)
{
    ASSERT(n && n <= FRAME_MAX);
    frame_header((unsigned char *)framed, stream, n);
    list_each (a, &h->clients, struct attachment, link) {
        const char *p = a->req.framed ? framed : framed + FRAME_HEADER;
        size_t size = a->req.framed ? n + FRAME_HEADER : n;

        if (!wants(a, stream))
            continue;
        if (a->state == CLIENT_LIVE)
            write_client(a, p, size);
        else
            keep_for_later(a, p, size);
    }
}

/* Tells the next engine, by way of the keeper, that somebody had stdin: with StdinOnce it must
 * close stdin when no client comes back after a takeover. */
void clients_tell_stdin(struct hub *h)
{
    if (h->has_told_stdin || !h->is_running || !h->hooks.stdin_attached)
        return;
    list_each (a, &h->clients, struct attachment, link) {
        if (!a->req.want_stdin)
            continue;
        h->has_told_stdin = true;
        h->hooks.stdin_attached(h->ctx);
        return;
    }
}

/* ---- replay ---- */

/* The unterminated line at the place where the replay ends is not in the file yet: the log holds it
 * back, so it is written from the copy that the mark took. */
static void write_held(struct attachment *a, int stream, const struct buf *held)
{
    unsigned char header[FRAME_HEADER];
    bool is_wanted = stream == STREAM_STDERR ? a->req.want_stderr : a->req.want_stdout;

    if (!held->len || !is_wanted)
        return;
    frame_header(header, stream, held->len);
    if (a->req.framed)
        a->sink->write(a->sink, header, sizeof(header));
    write_client(a, held->data, held->len);
}

static void go_live(struct attachment *a)
{
    ASSERT(a->state == CLIENT_REPLAY && !a->mark && !a->reader);
    a->state = CLIENT_LIVE;
    a->sink->on_room = on_sink_room;
    a->sink->ctx = a;
    write_held(a, STREAM_STDOUT, &a->held[0]);
    write_held(a, STREAM_STDERR, &a->held[1]);
    if (a->queued.len)
        write_client(a, a->queued.data, a->queued.len);
    buf_finish(&a->held[0]);
    buf_finish(&a->held[1]);
    buf_finish(&a->queued);
    if (a->is_ending || (!a->req.stream && !a->req.want_stdin))
        client_end(a);
}

static void on_round_done(void *ctx)
{
    struct attachment *a = ctx;

    ASSERT(a->reader && !a->mark);
    a->reader = NULL;
    if (a->is_last_round && !a->has_overrun)
        go_live(a);
    else
        begin_round(a, true);
}

/* The log has come to the mark: what is between the last round's mark and this one is read from the
 * file. */
static void on_round_mark(void *ctx, const struct log_mark *m)
{
    struct attachment *a = ctx;
    struct log_query q = {.want_stdout = a->req.want_stdout,
                          .want_stderr = a->req.want_stderr,
                          .tail = -1,
                          .framed = a->req.framed};
    struct log_pos from = a->pos;
    bool is_first = !a->is_last_round;

    ASSERT(a->mark == m && !a->reader);
    a->mark = NULL;
    a->pos = m->pos;
    for (int i = 0; i < 2; i++)
        buf_add(&a->held[i], m->held[i].data, m->held[i].len);
    a->reader =
        log_read_range(a->log, &q, is_first ? NULL : &from, &m->pos, a->sink, on_round_done, a);
}

static void begin_round(struct attachment *a, bool is_last)
{
    ASSERT(a->state == CLIENT_REPLAY && !a->mark && !a->reader);
    a->is_last_round = is_last;
    a->has_overrun = false;
    buf_finish(&a->held[0]);
    buf_finish(&a->held[1]);
    buf_finish(&a->queued);
    a->mark = log_mark_add(a->log, on_round_mark, a, is_last, true);
}

/* ---- coming and going ---- */

static void on_end_soon(struct timer *t)
{
    client_end(container_of(t, struct attachment, timer));
}

/* Nothing will ever come from this client or go to it. */
static bool is_pointless(const struct attachment *a)
{
    const struct attach_request *r = &a->req;

    if (a->state == CLIENT_REPLAY || (r->stream && (r->want_stdout || r->want_stderr)))
        return false;
    return !r->want_stdin || (a->hub->is_running && a->hub->input.is_closed);
}

/* They count at a terminal alone, but a bad value is told in any case. */
static struct err *read_keys(const struct attach_request *r, struct detach_keys *out)
{
    TRY(detach_parse(r->detach_keys, out));
    if (!r->tty || !r->want_stdin)
        out->n = 0;
    return NULL;
}

struct err *hub_attach(struct hub *h, const struct attach_request *r, struct log *log,
                       struct sink *sink, void (*gone)(void *ctx), void *ctx,
                       struct attachment **out)
{
    struct detach_keys keys = {0};
    struct attachment *a;

    ASSERT_LOOP();
    TRY(read_keys(r, &keys));
    if (r->logs && log && !log->has_file)
        return err_new(ERR_NOT_IMPLEMENTED, "configured logging driver does not support reading");
    a = mem_new(struct attachment);
    a->magic = ATTACHMENT_MAGIC;
    a->hub = h;
    a->req = *r;
    a->req.detach_keys = NULL; /* the caller's */
    a->sink = sink;
    a->gone = gone;
    a->ctx = ctx;
    a->keys = keys;
    a->log = log;
    a->state = r->logs && log ? CLIENT_REPLAY : CLIENT_LIVE;
    list_append(&h->clients, &a->link);
    if (r->want_stdin && !h->is_running && !h->input.queue.len)
        h->input.has_eof = false; /* of somebody who came and went before */
    if (a->state == CLIENT_REPLAY) {
        begin_round(a, false);
    } else {
        sink->on_room = on_sink_room;
        sink->ctx = a;
    }
    clients_tell_stdin(h);
    if (is_pointless(a))
        timer_set(h->loop, &a->timer, 0, on_end_soon);
    hub_check(h);
    *out = a;
    return NULL;
}

bool attach_input(struct attachment *a, const void *p, size_t n, void (*on_ready)(void *ctx))
{
    struct hub *h = a->hub;
    autofree unsigned char *kept = NULL;
    bool has_detached = false, may_go_on;

    ASSERT_LOOP();
    ASSERT(a->magic == ATTACHMENT_MAGIC && (p || !n));
    if (!a->req.want_stdin || a->has_input_eof)
        return true;
    if (!detach_is_plain(&a->keys, p, n)) {
        kept = mem_alloc(DETACH_ROOM(n));
        has_detached = detach_keys_scan(&a->keys, p, n, kept, &n);
        p = kept;
    }
    may_go_on = input_add(h, p, n);
    if (has_detached) {
        if (h->hooks.detached)
            h->hooks.detached(h->ctx);
        client_end(a);
        return false;
    }
    a->on_ready = may_go_on ? NULL : on_ready;
    return may_go_on;
}

void attach_input_eof(struct attachment *a)
{
    ASSERT_LOOP();
    ASSERT(a->magic == ATTACHMENT_MAGIC);
    if (a->has_input_eof)
        return;
    a->has_input_eof = true;
    if (a->req.want_stdin && !a->req.tty)
        input_end(a->hub);
}

void attach_leave(struct attachment *a)
{
    ASSERT_LOOP();
    ASSERT(a->magic == ATTACHMENT_MAGIC);
    lose_input(a);
    forget(a);
    free(a);
}

static struct attachment *find_waiting(struct hub *h)
{
    list_each (a, &h->clients, struct attachment, link) {
        if (a->on_ready)
            return a;
    }
    return NULL;
}

void clients_on_input_room(struct hub *h)
{
    struct attachment *a;

    while (!input_is_full(h) && (a = find_waiting(h))) {
        void (*on_ready)(void *ctx) = a->on_ready;

        a->on_ready = NULL;
        on_ready(a->ctx);
    }
}

/* Clients that were there before the start; one that wanted nothing but stdin, of a container
 * without it, is ended. */
void clients_on_run(struct hub *h)
{
    list_each (a, &h->clients, struct attachment, link) {
        if (is_pointless(a))
            timer_set(h->loop, &a->timer, 0, on_end_soon);
    }
}

static struct attachment *find_live(struct hub *h)
{
    list_each (a, &h->clients, struct attachment, link) {
        if (a->state == CLIENT_LIVE)
            return a;
    }
    return NULL;
}

/* One that still reads its replay is ended when it is through: `docker start -a` of a process that
 * ends at once shows all of it. */
void hub_end_clients(struct hub *h)
{
    struct attachment *a;

    ASSERT_LOOP();
    while ((a = find_live(h)))
        client_end(a);
    list_each (it, &h->clients, struct attachment, link) {
        it->is_ending = true;
        watch_client(it);
    }
}
