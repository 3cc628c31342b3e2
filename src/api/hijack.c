/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach and exec: a request whose connection becomes a stream in both directions. Answered with
 * 101 when the client asks to upgrade, else with 200, as Docker does it. Loop thread.
 *
 * The client's EOF is the end of its input, not of the client; a hang-up in both directions is.
 * The hijack holds the request's duty to answer until its sink is ended or the client is gone,
 * and one reference more until the client has read the head.
 */
#include "hijack.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "stream/log.h"

#include "conn.h"
#include "reply.h"
#include "websocket.h"

#define HEAD_TURNS 16         /* of the loop, some µs each: most clients read at once */
#define HEAD_PATIENCE_MS 1000 /* then who does not read gets it all at once */

struct ws_session {
    struct ws_reader reader;
    unsigned close_code;
    char accept[WS_ACCEPT_SIZE];
};

static struct hijack *of(struct sink *s)
{
    return container_of(s, struct hijack, sink);
}

/* Before the head is out everything is kept: a client must not get bytes of the stream in front of
 * it. */
static void queue(struct hijack *h, const void *p, size_t n)
{
    if (!h->is_accepted)
        buf_add(&h->early, p, n);
    else if (h->request->conn)
        conn_queue(h->request->conn, p, n);
}

static void queue_frame(struct hijack *h, enum ws_opcode opcode, const void *p, size_t n)
{
    unsigned char header[WS_HEADER_MAX];

    ASSERT(h->ws);
    queue(h, header, ws_frame_header(header, opcode, n));
    queue(h, p, n);
}

/* Frames of at most WS_PAYLOAD_MAX: a browser gives a message to its page when the whole of it is
 * there. */
static void queue_frames(struct hijack *h, const char *p, size_t n)
{
    for (size_t at = 0; at < n; at += WS_PAYLOAD_MAX)
        queue_frame(h, WS_BINARY, p + at, n - at < WS_PAYLOAD_MAX ? n - at : WS_PAYLOAD_MAX);
}

static void sink_write(struct sink *s, const void *p, size_t n)
{
    struct hijack *h = of(s);
    struct conn *c = h->is_accepted ? h->request->conn : NULL;

    if (h->ws) {
        queue_frames(h, p, n);
        if (c)
            conn_flush(c);
    } else if (c) {
        conn_write(c, &(struct iovec){(void *)p, n}, 1);
    } else if (!h->is_accepted) {
        buf_add(&h->early, p, n);
    }
}

static size_t sink_queued(const struct sink *s)
{
    const struct hijack *h = container_of((struct sink *)s, struct hijack, sink);

    if (!h->is_accepted)
        return h->early.len;
    return h->request->conn ? conn_queued(h->request->conn) : 0;
}

static void queue_close(struct hijack *h)
{
    unsigned code = h->ws->close_code;
    unsigned char text[2] = {(unsigned char)(code >> 8), (unsigned char)code};

    queue_frame(h, WS_CLOSE, text, code == WS_NO_CODE ? 0 : sizeof(text));
}

/* The duty is done: the stream has ended, or its client has. */
static void finish(struct hijack *h)
{
    struct request *r = h->request;

    ASSERT(!r->is_answered);
    r->is_answered = true;
    buf_finish(&h->early);
    request_unref(r);
}

static void end_stream(struct hijack *h)
{
    struct conn *c = h->request->conn;

    if (h->ws)
        queue_close(h);
    if (c)
        conn_end(c);
    finish(h);
}

/* The hub has no more output. Before the head is out this waits for hijack_accept. */
static void sink_end(struct sink *s)
{
    struct hijack *h = of(s);

    h->attachment = NULL;
    if (h->is_ended)
        return;
    h->is_ended = true;
    if (h->is_accepted)
        end_stream(h);
}

static void on_room(void *ctx)
{
    struct hijack *h = ctx;

    if (!h->is_ended && h->sink.on_room)
        h->sink.on_room(h->sink.ctx);
}

struct hijack *hijack_create(struct request *r, bool has_tty)
{
    struct hijack *h = arena_new(r->arena, struct hijack);

    h->request = r;
    h->has_tty = has_tty;
    h->sink.write = sink_write;
    h->sink.queued = sink_queued;
    h->sink.end = sink_end;
    return h;
}

void hijack_use_websocket(struct hijack *h, const char *accept)
{
    h->ws = arena_new(h->request->arena, struct ws_session);
    h->ws->close_code = WS_NORMAL;
    snprintf(h->ws->accept, sizeof(h->ws->accept), "%s", accept);
}

void hijack_gone(void *hijack)
{
    struct hijack *h = hijack;

    h->attachment = NULL;
    sink_end(&h->sink);
}

/* ---- what the client sends ---- */

static void on_stdin_ready(void *ctx)
{
    struct hijack *h = ctx;

    if (h->request->conn)
        conn_resume_input(h->request->conn);
}

static bool give_input(struct hijack *h, const void *p, size_t n)
{
    return !h->attachment || attach_input(h->attachment, p, n, on_stdin_ready);
}

/* The client has closed, or broken the protocol: it leaves, after what is queued for it. */
static void close_websocket(struct hijack *h, unsigned code)
{
    struct attachment *a = steal_ptr(&h->attachment);

    if (h->is_ended)
        return;
    h->is_ended = true;
    h->ws->close_code = code;
    if (a)
        attach_leave(a);
    end_stream(h);
}

/* A client that only asks is not answered without bound: a later pong stands for all before. */
static void answer_ping(struct hijack *h, size_t n)
{
    struct conn *c = h->request->conn;

    if (h->is_ended || conn_queued(c) > SINK_HIGH)
        return;
    queue_frame(h, WS_PONG, h->ws->reader.control, n);
    conn_flush(c);
}

/* The payloads of all frames in what came, as one piece of input: many tiny frames cost one write.
 */
static bool on_frames(struct hijack *h, const unsigned char *p, size_t n)
{
    autofree unsigned char *data = mem_alloc(n);
    size_t used = 0, n_data = 0;
    struct ws_piece piece = {0};
    bool may_go_on;

    while (piece.event != WS_MORE && piece.event != WS_CLOSED && piece.event != WS_BROKEN) {
        used += ws_read(&h->ws->reader, p + used, n - used, data + n_data, &piece);
        if (piece.event == WS_DATA)
            n_data += piece.n;
        else if (piece.event == WS_PINGED)
            answer_ping(h, piece.n);
    }
    may_go_on = n_data == 0 || give_input(h, data, n_data);
    if (piece.event == WS_MORE)
        return may_go_on;
    close_websocket(h, piece.code);
    return false;
}

static bool on_input(void *ctx, const void *p, size_t n)
{
    struct hijack *h = ctx;

    return h->ws ? on_frames(h, p, n) : give_input(h, p, n);
}

static void on_input_eof(void *ctx)
{
    struct hijack *h = ctx;

    if (h->attachment)
        attach_input_eof(h->attachment);
}

/* A hang-up in both directions. The container goes on; with StdinOnce its input has ended. */
static void on_client_gone(void *ctx)
{
    struct hijack *h = ctx;
    struct attachment *a = steal_ptr(&h->attachment);

    if (h->is_ended)
        return;
    h->is_ended = true;
    if (h->unread.due_ns) { /* nobody reads the head any more */
        timer_clear(h->request->front->loop, &h->unread);
        request_unref(h->request);
    }
    if (a)
        attach_leave(a);
    finish(h);
}

/* ---- the head ---- */

static void on_unread(struct timer *t);

/* A client that is slow to run must not find the head and the first output in one read: those that
 * read the head with a buffer and the stream without it lose what the buffer has. */
static void on_next_turn(void *arg)
{
    struct hijack *h = arg;
    struct request *r = h->request;
    int64_t more_ms = 1 + h->waited_ms / 4;

    ASSERT(r->refs > 0);
    if (!r->conn || h->ws || h->waited_ms >= HEAD_PATIENCE_MS || !conn_is_unread(r->conn)) {
        if (r->conn)
            conn_uncork(r->conn);
        request_unref(r);
    } else if (h->turns++ < HEAD_TURNS) {
        loop_post(r->front->loop, on_next_turn, h);
    } else {
        h->waited_ms += more_ms;
        timer_set(r->front->loop, &h->unread, more_ms, on_unread);
    }
}

static void on_unread(struct timer *t)
{
    on_next_turn(container_of(t, struct hijack, unread));
}

/* 200 without an upgrade: old clients hijack a plain answer (API before 1.24). */
static void send_head(struct hijack *h, bool with_headers)
{
    struct request *r = h->request;
    bool framed_type = r->wants_upgrade && r->api_version >= 142 && !h->has_tty;
    const char *type = framed_type ? TYPE_MUX_STREAM : TYPE_RAW_STREAM;
    struct buf head = {0};

    ASSERT(r->conn);
    if (with_headers)
        reply_head(r, &head, r->wants_upgrade ? 101 : 200, type, "");
    else
        buf_printf(&head, "HTTP/1.1 %s\r\nContent-Type: %s\r\n",
                   r->wants_upgrade ? "101 UPGRADED" : "200 OK", type);
    if (r->wants_upgrade)
        buf_puts(&head, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
    buf_puts(&head, "\r\n");
    conn_queue_buf(r->conn, &head);
}

static void send_handshake(struct hijack *h)
{
    struct buf head = {0};

    buf_printf(&head,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
               h->ws->accept);
    conn_queue_buf(h->request->conn, &head);
}

void hijack_accept(struct hijack *h, bool with_headers)
{
    struct request *r = h->request;
    struct takeover t = {on_input, on_input_eof, on_client_gone, h};

    ASSERT(!h->is_accepted);
    h->is_accepted = true;
    r->status = r->wants_upgrade || h->ws ? 101 : 200;
    if (!r->conn) {
        if (h->is_ended)
            finish(h);
        else
            on_client_gone(h);
        return;
    }
    r->is_begun = true;
    r->refs++; /* until it is uncorked */
    if (h->ws)
        send_handshake(h);
    else
        send_head(h, with_headers);
    conn_take_over(r->conn, &t);
    conn_on_room(r->conn, on_room, h);
    conn_queue_buf(r->conn, &h->early);
    loop_post(r->front->loop, on_next_turn, h);
    if (h->is_ended)
        end_stream(h);
}

/* The head is out, so the error can only be shown in the stream, as Docker does it. */
void hijack_fail(struct hijack *h, struct err *e)
{
    unsigned char frame[FRAME_HEADER];
    struct attachment *a = steal_ptr(&h->attachment);
    size_t n = strlen(err_text(e)) + 2;

    if (a)
        attach_leave(a);
    if (!h->is_ended) {
        frame_header(frame, STREAM_STDOUT, n);
        if (!h->has_tty)
            sink_write(&h->sink, frame, sizeof(frame));
        sink_write(&h->sink, err_text(e), n - 2);
        sink_write(&h->sink, "\r\n", 2);
        sink_end(&h->sink);
    }
    err_drop(e);
}

/* The request is answered with an ordinary error: as if there had been no stream. */
void hijack_withdraw(struct hijack *h)
{
    struct attachment *a = steal_ptr(&h->attachment);

    ASSERT(!h->is_accepted);
    h->is_ended = true;
    if (a)
        attach_leave(a);
    buf_finish(&h->early);
}
