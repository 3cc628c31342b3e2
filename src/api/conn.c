/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: phases, reading and its pauses, sending, the end. Loop thread.
 *
 * What a newcomer would get wrong: the watch always asks for UV_PRIORITIZED, which on a socket
 * means "nothing but a hang-up" (libuv adds it to a lone EPOLLHUP). That tells a client that is
 * gone from one that has only half-closed (EPOLLRDHUP), in every phase. And nothing closes a
 * connection from below a sender: a failed send marks it broken and closes it a loop turn later.
 */
#include "conn_inner.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "reply.h"
#include "status.h"
#include "stream/sink.h"

#define READ_BYTES 65536
#define BODY_READ_BYTES (256u << 10)
#define OUT_HIGH (256u << 10) /* above it no further request is begun */
#define END_FLUSH_MS 60000    /* a client that does not take the last bytes */
#define END_LINGER_MS 500     /* a client that does not close its half */
#define HANGUP UV_PRIORITIZED

static void update_watch(struct conn *c);
static void advance(struct conn *c);

/* ---- memory and the end ---- */

/* A phase says what may be there: a request from its head to its answer, a taker instead of one. */
static void conn_check(const struct conn *c)
{
    ASSERT_DEBUG(c->magic == CONN_MAGIC && c->pins >= 0);
    ASSERT_DEBUG(c->is_closed == (c->fd < 0) && (c->is_closed || c->watch));
    ASSERT_DEBUG(c->in_at <= c->in.len);
    ASSERT_DEBUG(!c->request || c->request->conn == c);
    ASSERT_DEBUG(!c->body || c->request || c->is_closed);
    ASSERT_DEBUG(c->is_closed || c->phase == PHASE_HEAD || c->phase == PHASE_ENDING || c->request);
    ASSERT_DEBUG(c->phase != PHASE_TAKEN || c->taken.input);
}

/* Callbacks of handlers may close the connection: whoever still uses it afterwards pins it. */
static void pin(struct conn *c)
{
    ASSERT(c->magic == CONN_MAGIC);
    c->pins++;
}

static void unpin(struct conn *c)
{
    ASSERT(c->pins > 0);
    if (--c->pins > 0 || !c->is_closed)
        return;
    parse_finish(c);
    c->magic = 0;
    free(c);
}

/* The current request loses its connection; its handler, when it still owes an answer, is told. */
static void drop_request(struct conn *c)
{
    struct request *r = steal_ptr(&c->request);
    void (*on_gone)(void *ctx);

    if (!r)
        return;
    r->conn = NULL;
    on_gone = r->on_gone;
    r->on_gone = NULL;
    if (on_gone && r->is_dispatched && !r->is_answered)
        on_gone(r->gone_ctx);
    request_unref(r);
}

void conn_close(struct conn *c)
{
    struct front *f = c->front;

    ASSERT_LOOP();
    if (c->is_closed)
        return;
    pin(c);
    c->is_closed = true;
    list_remove(&c->link);
    ASSERT(f->n_conns > 0);
    f->n_conns--;
    ops_leave_room(&c->room);
    share_close(steal_ptr(&c->share));
    timer_clear(f->loop, &c->deadline);
    patience_finish(c);
    watch_close(c->watch);
    close(steal_fd(&c->fd));
    outq_finish(&c->out);
    if (c->phase == PHASE_TAKEN)
        c->taken.gone(c->taken.ctx);
    drop_request(c); /* before the body's pipe: a cancelled reader takes EOF for no end */
    body_close(c->body);
    err_drop(steal_ptr(&c->refused));
    if (f->on_closed)
        f->on_closed(f);
    unpin(c);
}

static void on_broken(void *arg)
{
    struct conn *c = arg;

    conn_close(c);
    unpin(c);
}

/* A send failed somewhere below a writer, who must not lose the connection under his feet: it is
 * closed in a turn of its own. */
static void mark_broken(struct conn *c)
{
    if (c->is_broken || c->is_closed)
        return;
    c->is_broken = true;
    outq_finish(&c->out);
    pin(c);
    loop_post(c->front->loop, on_broken, c);
}

/* ---- sending ---- */

void conn_queue(struct conn *c, const void *p, size_t n)
{
    if (c->is_broken || c->is_closed)
        return;
    outq_add(&c->out, p, n);
    c->was_high |= c->out.bytes > SINK_HIGH;
}

/* A queue that the socket did not take waits for its event: a writer's many small pieces do not
 * try one by one. */
void conn_write(struct conn *c, const struct iovec *v, size_t n)
{
    if (c->is_broken || c->is_closed)
        return;
    if (c->out.bytes > 0 || c->is_corked) {
        for (size_t i = 0; i < n; i++)
            outq_add(&c->out, v[i].iov_base, v[i].iov_len);
        if (!c->is_full)
            conn_flush(c);
    } else if (!outq_write(&c->out, c->fd, v, n)) {
        mark_broken(c);
    }
    c->is_full = c->out.bytes > 0;
    c->was_high |= c->out.bytes > SINK_HIGH;
    if (c->is_full || c->is_broken)
        update_watch(c);
}

void conn_queue_buf(struct conn *c, struct buf *b)
{
    if (c->is_broken || c->is_closed) {
        buf_finish(b);
        return;
    }
    outq_take(&c->out, b);
    c->was_high |= c->out.bytes > SINK_HIGH;
}

static void finish_ending(struct conn *c);

void conn_flush(struct conn *c)
{
    if (c->is_corked || c->is_broken || c->is_closed)
        return;
    if (!outq_send(&c->out, c->fd))
        mark_broken(c);
    else if (c->phase == PHASE_ENDING && c->out.bytes == 0)
        finish_ending(c);
    c->is_full = c->out.bytes > 0;
    update_watch(c);
}

/* Only on the socket's own event: writers are not called back from within their writes. */
static void tell_room(struct conn *c)
{
    while (!c->is_closed && c->was_high && c->out.bytes < SINK_HIGH / 2) {
        c->was_high = false;
        if (c->on_room)
            c->on_room(c->room_ctx);
    }
}

size_t conn_queued(const struct conn *c)
{
    return c->out.bytes;
}

void conn_on_room(struct conn *c, void (*fn)(void *ctx), void *ctx)
{
    c->on_room = fn;
    c->room_ctx = ctx;
}

static void on_deadline(struct timer *t)
{
    conn_close(container_of(t, struct conn, deadline));
}

/* Everything is sent: half-close, and give the client a moment to close first, so that it
 * meets EOF and not a reset. */
static void finish_ending(struct conn *c)
{
    if (c->is_shut || c->is_closed || c->is_broken)
        return;
    c->is_shut = true;
    shutdown(c->fd, SHUT_WR);
    timer_set(c->front->loop, &c->deadline, END_LINGER_MS, on_deadline);
}

void conn_end(struct conn *c)
{
    if (c->is_closed || c->phase == PHASE_ENDING)
        return;
    c->phase = PHASE_ENDING;
    buf_finish(&c->in);
    c->in_at = 0;
    timer_set(c->front->loop, &c->deadline, END_FLUSH_MS, on_deadline);
    conn_flush(c);
}

/* ---- requests ---- */

/* There is no request yet whose answer this could be: plain text, and the end. */
static void refuse_head(struct conn *c)
{
    autobuf struct buf b = {0};

    buf_printf(&b,
               "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Connection: close\r\n\r\n%d %s",
               c->refusal, status_reason(c->refusal), c->refusal, status_reason(c->refusal));
    conn_queue(c, b.data, b.len);
    drop_request(c);
    conn_end(c);
}

/* A malformed or too large message. A handler that runs already (streaming) only learns that its
 * client is gone. */
static void refuse_message(struct conn *c)
{
    struct request *r = c->request;

    if (!r || (!r->is_dispatched && !c->is_head_complete)) {
        refuse_head(c);
    } else if (r->is_dispatched) {
        conn_close(c);
    } else {
        r->is_dispatched = true;
        r->refs++;
        c->phase = PHASE_ANSWER;
        reply_err(
            r, c->refusal == 413
                   ? err_new(ERR_TOO_LARGE, "request body is larger than %u bytes", BODY_BYTES_MAX)
                   : err_new(ERR_INVALID, "malformed request body"));
    }
}

void conn_give_up(struct conn *c)
{
    if (c->owed == OWES_HEAD || c->owed == OWES_BODY) {
        c->refusal = 408;
        refuse_head(c);
    } else {
        conn_close(c); /* a handler that reads the body learns that its client is gone */
    }
}

/* What it begins is for this client, in the place in which the request has waited. */
static void call_handler(struct conn *c, struct request *r)
{
    struct ops *ops = c->front->ops;
    struct share *share = c->share ? share_ref(c->share) : NULL; /* c may be closed meanwhile */
    struct asking before = {0};

    if (ops)
        before = ops_ask(ops, (struct asking){share, c->room.rank});
    c->room.rank = 0;
    if (!reply_failed(r, c->front->admit ? c->front->admit(r) : NULL))
        r->match.route->handler(r);
    if (ops)
        ops_ask(ops, before);
    share_close(share);
}

/* One reference is the handler's until it has answered, which may be long after the connection is
 * gone. */
static void dispatch(struct conn *c)
{
    struct request *r = c->request;

    ASSERT(r && !r->is_dispatched && r->match.route);
    c->phase = r->is_body_complete ? PHASE_ANSWER : PHASE_BODY;
    r->is_dispatched = true;
    r->refs++;
    turn_enter(c->front->loop, r->match.route->method, r->match.route->pattern);
    call_handler(c, r);
}

/* The engine has room for another operation: parked requests go on, one of each client in turns. */
static void on_ops_room(struct op_room *room)
{
    struct conn *c = container_of(room, struct conn, room);

    ASSERT(c->phase == PHASE_PARKED && !c->is_closed);
    pin(c);
    dispatch(c);
    advance(c);
    unpin(c);
}

/* Too many operations wait: the request waits here, unread behind it the connection, and the client
 * feels it. */
static void dispatch_or_park(struct conn *c)
{
    struct front *f = c->front;

    if (f->ops && (c->request->match.route->flags & ROUTE_QUEUES) && ops_are_full(f->ops)) {
        c->phase = PHASE_PARKED;
        c->room.fn = on_ops_room;
        ops_wait_room(f->ops, &c->room, c->share);
        return;
    }
    dispatch(c);
}

static void answer_refusal(struct conn *c, struct err *err)
{
    struct request *r = c->request;

    ASSERT(!r->is_dispatched && err);
    c->phase = PHASE_ANSWER;
    r->is_dispatched = true;
    r->refs++;
    reply_err(r, err);
}

/* Without waiting for a body, which closes the connection; an empty one is taken first, so that
 * the parser stands behind the message. */
static void refuse_route(struct conn *c, struct err *err)
{
    if (c->request->content_length == 0) {
        c->phase = PHASE_BODY;
        c->refused = err;
    } else {
        answer_refusal(c, err);
    }
}

/* The route is known before the body comes: a body that nobody wants is not waited for. */
static void on_head(struct conn *c)
{
    struct front *f = c->front;
    struct request *r = c->request;
    const char *expect = request_header(r, "expect");
    struct err *err = request_resolve(r, f->routes, f->oldest, f->newest);
    bool streams = !err && (r->match.route->flags & ROUTE_STREAMS);

    ASSERT(r && c->phase == PHASE_HEAD);
    if (!err && !streams && r->content_length > (int64_t)BODY_BYTES_MAX)
        err = err_new(ERR_TOO_LARGE, "request body is larger than %u bytes", BODY_BYTES_MAX);
    if (err) {
        refuse_route(c, err);
        return;
    }
    c->phase = PHASE_BODY;
    if (expect && !strcasecmp(expect, "100-continue") && !r->is_http10 && r->content_length != 0) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

        conn_queue(c, go_on, sizeof(go_on) - 1);
        conn_flush(c);
    }
    if (streams && r->content_length != 0)
        dispatch(c);
}

/* The answer is out. What the client has sent behind its request is parsed now (RFC 9112,
 * 9.3.2). */
static void begin_next(struct conn *c)
{
    bool keeps_alive = c->request->keeps_alive && c->request->is_body_complete;

    ASSERT(c->request && c->request->is_answered);
    drop_request(c);
    body_close(c->body);
    c->body = NULL;
    if (!conn_unparsed(c))
        buf_finish(&c->in);
    conn_on_room(c, NULL, NULL);
    c->is_head_complete = c->is_message_complete = c->is_input_paused = false;
    if (!keeps_alive) {
        conn_end(c);
        return;
    }
    c->phase = PHASE_HEAD;
    c->idle_since_ns = clock_boot_ns();
    list_remove(&c->link); /* the longest idle stand first */
    list_append(&c->front->conns, &c->link);
}

static void on_message(struct conn *c)
{
    ASSERT(c->request);
    c->is_message_complete = false;
    if (c->body)
        body_end(c->body);
    if (c->refused)
        answer_refusal(c, steal_ptr(&c->refused));
    else if (c->request->is_dispatched)
        c->phase = PHASE_ANSWER;
    else
        dispatch_or_park(c);
}

/* Not while an answer is owed: pipelined requests wait unparsed, and a client that does not read
 * its answers gets no further. */
static bool may_parse(const struct conn *c)
{
    if (conn_unparsed(c) == 0)
        return false;
    if (c->phase == PHASE_HEAD)
        return c->out.bytes < OUT_HIGH;
    return c->phase == PHASE_BODY && !c->is_input_paused && !(c->body && body_is_full(c->body));
}

/* What came together with the request's head: the first bytes of an attached client's stdin. */
static void feed_input(struct conn *c)
{
    size_t n = conn_unparsed(c);
    struct buf given = c->in;
    size_t at = c->in_at;

    ASSERT(c->phase == PHASE_TAKEN && n > 0);
    c->in = (struct buf){0};
    c->in_at = 0;
    c->is_input_paused = !c->taken.input(c->taken.ctx, given.data + at, n);
    buf_finish(&given);
}

/* One step; false when there is nothing to do now. */
static bool step(struct conn *c)
{
    if (c->request && c->request->is_answered && c->phase != PHASE_TAKEN) {
        begin_next(c);
        return true;
    }
    if (c->phase == PHASE_TAKEN) {
        if (c->is_corked || c->is_input_paused || conn_unparsed(c) == 0)
            return false;
        feed_input(c);
        return true;
    }
    /* An empty message may be complete without a byte more to parse. */
    if (!may_parse(c) && !(c->phase == PHASE_BODY && c->request->content_length == 0 &&
                           !c->request->is_body_complete))
        return false;
    if (!parse_some(c)) {
        refuse_message(c);
        return true;
    }
    if (c->is_message_complete)
        on_message(c);
    else if (c->is_head_complete && c->phase == PHASE_HEAD)
        on_head(c);
    return true;
}

static void advance(struct conn *c)
{
    if (c->is_advancing || c->is_closed)
        return;
    pin(c);
    c->is_advancing = true;
    while (!c->is_closed && c->phase != PHASE_ENDING && step(c))
        ;
    c->is_advancing = false;
    conn_check(c);
    update_watch(c);
    unpin(c);
}

void conn_request_done(struct conn *c)
{
    conn_flush(c);
    advance(c);
}

static void on_body_room(void *ctx)
{
    advance(ctx);
}

struct err *conn_body_pipe(struct conn *c, int *out_fd)
{
    ASSERT(!c->body);
    TRY(body_open(c->front->loop, on_body_room, c, &c->body, out_fd));
    if (c->request->is_body_complete)
        body_end(c->body);
    return NULL;
}

void conn_body_pieces(struct conn *c, struct copy_input *out)
{
    ASSERT(!c->body);
    body_open_pieces(c->front->loop, on_body_room, c, &c->body, out);
    if (c->request->is_body_complete)
        body_end(c->body);
}

/* ---- hijacking ---- */

/* Corked until the next turn: the head must be a write of its own, because the docker CLI reads its
 * first packet for the head alone. */
void conn_take_over(struct conn *c, const struct takeover *t)
{
    ASSERT(!c->is_closed && c->phase != PHASE_TAKEN && t->input && t->gone);
    conn_flush(c); /* the head is a write of its own */
    c->taken = *t;
    c->phase = PHASE_TAKEN;
    c->is_corked = true;
    update_watch(c);
}

void conn_uncork(struct conn *c)
{
    if (c->is_closed || !c->is_corked)
        return;
    pin(c);
    c->is_corked = false;
    conn_flush(c);
    advance(c);
    unpin(c);
}

void conn_hold_input(struct conn *c)
{
    c->is_input_paused = true;
}

void conn_resume_input(struct conn *c)
{
    c->is_input_paused = false;
    advance(c);
}

/* ---- readiness ---- */

/* What is not read stays in the socket, and the client has to wait. */
static bool wants_read(const struct conn *c)
{
    if (c->saw_eof || c->is_broken)
        return false;
    if (c->phase == PHASE_ENDING)
        return true;
    if (conn_unparsed(c) > 0)
        return false;
    if (c->phase == PHASE_TAKEN)
        return !c->is_corked && !c->is_input_paused;
    if (c->phase == PHASE_HEAD)
        return c->out.bytes < OUT_HIGH;
    return c->phase == PHASE_BODY && !c->is_input_paused && !(c->body && body_is_full(c->body));
}

/* A client that waits for its answer mostly sends nothing meanwhile: so the watch is told to look
 * away only when something has come that is not to be read yet. Each change of it is four system
 * calls of libuv's. */
static void update_watch(struct conn *c)
{
    int events = HANGUP;
    bool reads = true;

    if (c->is_closed)
        return;
    patience_renew(c);
    if (wants_read(c))
        c->has_unread = false;
    else if (!c->is_reading || c->has_unread)
        reads = false;
    if (reads)
        events |= UV_READABLE;
    if ((c->out.bytes > 0 || c->was_high) && !c->is_corked)
        events |= UV_WRITABLE;
    if (c->phase == PHASE_ANSWER && c->request && c->request->on_gone)
        events |= UV_DISCONNECT;
    c->is_reading = reads && !c->is_broken;
    watch_set(c->watch, c->is_broken ? 0 : events);
}

static void on_eof(struct conn *c)
{
    c->saw_eof = true;
    if (c->phase == PHASE_ENDING && !c->is_shut)
        return; /* what is queued still goes out */
    if (c->phase == PHASE_TAKEN)
        c->taken.input_eof(c->taken.ctx);
    else if (c->phase == PHASE_HEAD && !c->request)
        conn_end(c);
    else
        conn_close(c); /* inside a request, or the client's last word */
}

/* Into the connection's own memory when much will come, else there is none before something has. */
static ssize_t read_body(struct conn *c)
{
    ssize_t n;

    ASSERT(c->in.len == 0);
    buf_reserve(&c->in, BODY_READ_BYTES);
    n = recv(c->fd, c->in.data, BODY_READ_BYTES, MSG_DONTWAIT);
    if (n > 0)
        c->in.len = (size_t)n;
    return n;
}

static void on_readable(struct conn *c)
{
    unwritten char data[READ_BYTES];
    bool is_body = c->body && c->phase == PHASE_BODY;
    ssize_t n = is_body ? read_body(c) : recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

    ASSERT(c->fd >= 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        conn_close(c);
        return;
    }
    if (n == 0) {
        on_eof(c);
        return;
    }
    if (c->phase == PHASE_TAKEN) /* nothing is unparsed, corked or paused: see wants_read */
        c->is_input_paused = !c->taken.input(c->taken.ctx, data, (size_t)n);
    else if (c->phase != PHASE_ENDING && !is_body)
        buf_add(&c->in, data, (size_t)n);
}

static void on_ready(void *arg, int events)
{
    struct conn *c = arg;

    pin(c);
    if (events & UV_WRITABLE) {
        conn_flush(c);
        tell_room(c);
    }
    if (!c->is_closed && (events & UV_READABLE) && !wants_read(c))
        c->has_unread = true;
    if (!c->is_closed && (events & UV_READABLE) && wants_read(c))
        on_readable(c);
    else if (!c->is_closed && (events & (HANGUP | UV_DISCONNECT)))
        conn_close(c);
    advance(c);
    update_watch(c);
    unpin(c);
}

/* ---- opening ---- */

void conn_groups(const struct conn *c, struct arena *a, const gid_t **out, size_t *out_n)
{
    socklen_t len = 0;
    gid_t *groups;

    *out = NULL;
    *out_n = 0;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
        return;
    groups = arena_alloc(a, len);
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return;
    *out = groups;
    *out_n = len / sizeof(gid_t);
}

void conn_peer(struct conn *c, struct peer *out)
{
    if (!c->has_peer)
        peer_read(c->fd, c->pid, &c->peer);
    c->has_peer = true;
    *out = c->peer;
}

struct conn *conn_open(struct front *f, int fd)
{
    struct conn *c = mem_new(struct conn);
    struct ucred peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t len = sizeof(peer);

    ASSERT_LOOP();
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        log_warn("cannot tell the peer of a connection", KV("error", strerror(errno)));
    c->magic = CONN_MAGIC;
    c->front = f;
    c->fd = fd;
    c->uid = peer.uid;
    c->gid = peer.gid;
    c->pid = peer.pid;
    c->share = f->ops ? share_open(f->ops, peer.pid) : NULL;
    c->phase = PHASE_HEAD;
    c->idle_since_ns = clock_boot_ns();
    outq_init(&c->out);
    parse_init(c);
    list_append(&f->conns, &c->link);
    f->n_conns++;
    c->watch = watch_open(f->loop, fd, HANGUP | UV_READABLE, on_ready, c);
    c->is_reading = true;
    patience_renew(c);
    return c;
}
