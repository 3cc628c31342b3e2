/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach and exec streams (engine-api.md 3.1, 3.2). Loop thread.
 *
 * The client's EOF is the end of its input, not of the client; a hang-up in both directions is.
 * The hijack holds the request's duty to answer until its sink is ended or the client is gone,
 * and one reference more for the turn of the loop in between.
 */
#include "hijack.h"

#include <string.h>

#include "base/log.h"

#include "conn.h"
#include "reply.h"

static struct hijack *of(struct sink *s)
{
    return container_of(s, struct hijack, sink);
}

static void sink_write(struct sink *s, const void *p, size_t n)
{
    struct hijack *h = of(s);

    if (!h->is_accepted) {
        buf_add(&h->early, p, n);
    } else if (h->request->conn) {
        conn_write(h->request->conn, &(struct iovec){(void *)p, n}, 1);
    }
}

static size_t sink_queued(const struct sink *s)
{
    const struct hijack *h = container_of((struct sink *)s, struct hijack, sink);

    if (!h->is_accepted)
        return h->early.len;
    return h->request->conn ? conn_queued(h->request->conn) : 0;
}

/* The duty is done: the stream has ended, or its client has. */
static void finish(struct hijack *h)
{
    struct request *r = h->request;

    r->is_answered = true;
    buf_finish(&h->early);
    request_unref(r);
}

static void end_stream(struct hijack *h)
{
    struct conn *c = h->request->conn;

    if (c)
        conn_end(c);
    finish(h);
}

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

static bool on_input(void *ctx, const void *p, size_t n)
{
    struct hijack *h = ctx;

    return !h->attachment || attach_input(h->attachment, p, n, on_stdin_ready);
}

static void on_input_eof(void *ctx)
{
    struct hijack *h = ctx;

    if (h->attachment)
        attach_input_eof(h->attachment);
}

static void on_client_gone(void *ctx)
{
    struct hijack *h = ctx;
    struct attachment *a = steal_ptr(&h->attachment);

    if (h->is_ended)
        return;
    h->is_ended = true;
    if (a)
        attach_leave(a);
    finish(h);
}

/* ---- the head ---- */

static void on_next_turn(void *arg)
{
    struct hijack *h = arg;
    struct request *r = h->request;

    if (r->conn)
        conn_uncork(r->conn);
    request_unref(r);
}

static void send_head(struct hijack *h, bool with_headers)
{
    struct request *r = h->request;
    bool framed_type = r->wants_upgrade && r->api_version >= 142 && !h->has_tty;
    const char *type = framed_type ? TYPE_MUX_STREAM : TYPE_RAW_STREAM;
    struct buf head = {0};

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

void hijack_accept(struct hijack *h, bool with_headers)
{
    struct request *r = h->request;
    struct takeover t = {on_input, on_input_eof, on_client_gone, h};

    ASSERT(!h->is_accepted);
    h->is_accepted = true;
    if (!r->conn) {
        if (h->is_ended)
            finish(h);
        else
            on_client_gone(h);
        return;
    }
    r->is_begun = true;
    r->refs++; /* until the next turn */
    send_head(h, with_headers);
    conn_take_over(r->conn, &t);
    conn_on_room(r->conn, on_room, h);
    conn_queue_buf(r->conn, &h->early);
    loop_post(r->front->loop, on_next_turn, h);
    if (h->is_ended)
        end_stream(h);
}

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

void hijack_withdraw(struct hijack *h)
{
    struct attachment *a = steal_ptr(&h->attachment);

    ASSERT(!h->is_accepted);
    h->is_ended = true;
    if (a)
        attach_leave(a);
    buf_finish(&h->early);
}
