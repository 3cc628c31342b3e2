/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as bytes: heads, JSON, errors, chunks. Clients compare the Content-Type of errors
 * literally with "application/json". Loop thread.
 */
#include "reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#include "conn.h"
#include "status.h"

static void add_date(struct buf *out)
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    char text[64];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    buf_puts(out, text);
}

void reply_head(struct request *r, struct buf *out, int status, const char *type, const char *more)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, status_reason(status));
    /* The page that is not found has no headers of ours: as Docker's. */
    if (r->conn && (r->match.route || status != 404))
        buf_puts(out, r->front->headers);
    if (type)
        buf_printf(out, "Content-Type: %s\r\n", type);
    buf_puts(out, more);
    add_date(out);
}

static void end_head(struct request *r, struct buf *out)
{
    if (!r->keeps_alive || !r->is_body_complete)
        buf_puts(out, "Connection: close\r\n");
    else if (r->is_http10)
        buf_puts(out, "Connection: keep-alive\r\n");
    buf_puts(out, "\r\n");
}

void reply_is_complete(struct request *r)
{
    struct conn *c = r->conn;

    ASSERT(!r->is_answered);
    r->is_answered = true;
    r->on_gone = NULL;
    request_note(r);
    if (c)
        conn_request_done(c);
    request_unref(r);
}

void reply_body(struct request *r, int status, const char *type, const char *more, struct buf *body)
{
    bool is_head = !strcmp(r->method, "HEAD"), has_body = status != 204 && status != 304;
    struct buf head = {0};

    ASSERT(!r->is_begun);
    r->status = status;
    if (r->conn) {
        reply_head(r, &head, status, has_body ? type : NULL, more);
        if (has_body)
            buf_printf(&head, "Content-Length: %zu\r\n", is_head ? 0 : body->len);
        end_head(r, &head);
        conn_queue_buf(r->conn, &head);
        if (has_body && !is_head)
            conn_queue_buf(r->conn, body);
    }
    buf_finish(body);
    reply_is_complete(r);
}

void reply_empty(struct request *r, int status)
{
    struct buf none = {0};

    reply_body(r, status, NULL, "", &none);
}

void reply_json(struct request *r, int status, struct buf *json)
{
    buf_putc(json, '\n');
    reply_body(r, status, TYPE_JSON, "", json);
}

void reply_json_text(struct request *r, int status, const char *json)
{
    struct buf b = {0};

    buf_puts(&b, json);
    reply_json(r, status, &b);
}

static void reply_plain_err(struct request *r, int status, const char *text)
{
    struct buf b = {0};

    buf_printf(&b, "%s\n", text);
    reply_body(r, status, TYPE_TEXT, "X-Content-Type-Options: nosniff\r\n", &b);
}

void reply_tell_log(struct request *r, const struct err *e)
{
    const char *path = r->path ? r->path : "";
    int status = status_of(err_kind(e));

    if (status != 304)
        r->error = arena_strdup(r->arena, err_text(e));
    if (status >= 500 && err_is_outside(e))
        log_info("request failed", KV("method", r->method), KV("path", path),
                 KV("error", err_text(e)));
    else if (status >= 500 && status != 501 && status != 503)
        log_error("request failed", KV("method", r->method), KV("path", path),
                  KV("error", err_text(e)));
    else
        log_debug("request refused", KV("method", r->method), KV("path", path),
                  KV_INT("status", status), KV("error", err_text(e)));
}

void reply_err(struct request *r, struct err *e)
{
    int status = status_of(err_kind(e));
    struct buf b = {0};
    struct jw w = {.out = &b};

    ASSERT(!r->is_begun);
    if (err_kind(e) == ERR_FORBIDDEN)
        r->forbidden = arena_strdup(r->arena, err_text(e));
    reply_tell_log(r, e);
    if (status == 304) {
        reply_empty(r, status);
    } else if (r->has_plain_errors) {
        reply_plain_err(r, status, err_text(e));
    } else {
        jw_obj(&w, NULL);
        jw_str(&w, "message", err_text(e));
        jw_obj_end(&w);
        reply_json(r, status, &b);
    }
    err_drop(e);
}

bool reply_failed(struct request *r, struct err *e)
{
    if (e)
        reply_err(r, e);
    return e != NULL;
}

void reply_done(void *request, struct err *err)
{
    if (err)
        reply_err(request, err);
    else
        reply_empty(request, 204);
}

/* ---- streams ---- */

void reply_begin(struct request *r, int status, const char *type)
{
    reply_begin_with(r, status, type, "");
}

void reply_begin_with(struct request *r, int status, const char *type, const char *more)
{
    autobuf struct buf lines = {0};
    struct buf head = {0};

    ASSERT(!r->is_begun);
    r->is_begun = true;
    r->status = status;
    r->is_chunked = !r->is_http10;
    if (!r->is_chunked)
        r->keeps_alive = false; /* the end of the connection ends the body */
    if (!r->conn)
        return;
    buf_puts(&lines, more);
    buf_puts(&lines, r->is_chunked ? "Transfer-Encoding: chunked\r\n" : "");
    reply_head(r, &head, status, type, lines.data);
    end_head(r, &head);
    conn_queue_buf(r->conn, &head);
    conn_flush(r->conn);
}

void reply_write(struct request *r, const void *p, size_t n)
{
    char size[24];
    struct iovec v[] = {{size, 0}, {(void *)p, n}, {"\r\n", 2}};

    ASSERT(r->is_begun && !r->is_answered);
    if (!r->conn || n == 0)
        return;
    if (r->is_chunked)
        v[0].iov_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", n);
    else
        v[2].iov_len = 0;
    conn_write(r->conn, v, 3);
}

void reply_end(struct request *r)
{
    ASSERT(r->is_begun);
    if (r->conn && r->is_chunked)
        conn_queue(r->conn, "0\r\n\r\n", 5);
    reply_is_complete(r);
}

/* Without the last chunk, so that the client knows that something is missing. Takes e. */
static void break_off(struct request *r, struct err *e)
{
    ASSERT(r->is_begun && !r->is_answered);
    if (r->conn)
        log_warn("an answer breaks off", KV("method", r->method), KV("path", r->path),
                 KV("error", err_text(e)));
    err_drop(e);
    r->on_gone = NULL;
    if (r->conn)
        conn_close(r->conn);
    request_abandon(r);
}

void reply_json_line(struct request *r, const char *json)
{
    autobuf struct buf line = {0};

    if (!r->is_begun)
        reply_begin(r, 200, TYPE_JSON);
    buf_printf(&line, "%s\r\n", json);
    reply_write(r, line.data, line.len);
}

void reply_json_failure(struct request *r, const struct err *err, int code)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    r->has_failed = true;
    r->error = arena_strdup(r->arena, err_text(err));
    jw_obj(&w, NULL);
    jw_obj(&w, "errorDetail");
    if (code)
        jw_int(&w, "code", code);
    jw_str(&w, "message", err_text(err));
    jw_obj_end(&w);
    jw_str(&w, "error", err_text(err));
    jw_obj_end(&w);
    reply_json_line(r, b.data);
}

size_t reply_queued(const struct request *r)
{
    return r->conn ? conn_queued(r->conn) : 0;
}

void reply_on_room(struct request *r, void (*fn)(void *ctx), void *ctx)
{
    if (r->conn)
        conn_on_room(r->conn, fn, ctx);
}

/* ---- the sink ---- */

static struct reply_sink *of(struct sink *s)
{
    return container_of(s, struct reply_sink, sink);
}

static void begin_once(struct reply_sink *s)
{
    if (!s->request->is_begun)
        reply_begin(s->request, 200, s->type);
}

static void sink_write(struct sink *s, const void *p, size_t n)
{
    begin_once(of(s));
    reply_write(of(s)->request, p, n);
}

static size_t sink_queued(const struct sink *s)
{
    return reply_queued(container_of((struct sink *)s, struct reply_sink, sink)->request);
}

static void sink_end(struct sink *s)
{
    struct reply_sink *rs = of(s);

    begin_once(rs);
    rs->is_ended = true;
    reply_end(rs->request);
}

static void on_sink_room(void *ctx)
{
    struct reply_sink *s = ctx;

    if (!s->is_ended && s->sink.on_room)
        s->sink.on_room(s->sink.ctx);
}

void reply_sink_init(struct reply_sink *s, struct request *r, const char *type)
{
    s->type = type;
    s->sink.write = sink_write;
    s->sink.queued = sink_queued;
    s->sink.end = sink_end;
    s->request = r;
    reply_on_room(r, on_sink_room, s);
}

void reply_sink_finish(struct reply_sink *s, struct err *err)
{
    struct request *r = s->request;

    s->is_ended = true;
    if (!r->is_begun)
        reply_failed(r, err);
    else if (err)
        break_off(r, err);
    else
        reply_end(r);
}
