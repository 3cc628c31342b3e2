/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to requests with llhttp. The parser pauses after each head, so that the route is
 * known before the body is taken, and after each message: pipelined requests wait unparsed.
 * Bounds on everything the client controls are kept here. Loop thread.
 */
#include "conn_inner.h"

#include <string.h>

static struct conn *conn_of(llhttp_t *p)
{
    return container_of(p, struct conn, parser);
}

/* HPE_USER ends the parsing; the status is what the client is told. */
static int refuse(struct conn *c, int status)
{
    c->refusal = status;
    return HPE_USER;
}

/* Every byte of the head counts, so that many tiny headers do not help. */
static int add_head(struct conn *c, struct buf *to, const char *at, size_t n)
{
    c->head_bytes += n;
    if (c->head_bytes > HEAD_BYTES_MAX)
        return refuse(c, 431);
    buf_add(to, at, n);
    return 0;
}

static int on_message_begin(llhttp_t *p)
{
    struct conn *c = conn_of(p);

    c->request = request_create(c->front, c);
    c->request->uid = c->uid;
    c->request->gid = c->gid;
    c->request->pid = c->pid;
    c->head_bytes = 0;
    c->target.len = c->field.len = c->value.len = 0;
    return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    return add_head(conn_of(p), &conn_of(p)->target, at, n);
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    return add_head(conn_of(p), &conn_of(p)->field, at, n);
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    return add_head(conn_of(p), &conn_of(p)->value, at, n);
}

/* Of equal headers the last one counts; none that is used here may come twice. */
static int on_value_complete(llhttp_t *p)
{
    struct conn *c = conn_of(p);
    struct request *r = c->request;

    if (r->headers.n == HEADERS_MAX)
        return refuse(c, 431);
    if (c->field.len > 0) {
        text_lower(c->field.data);
        pairs_set(r->arena, &r->headers, c->field.data, c->value.len ? c->value.data : "");
    }
    c->field.len = c->value.len = 0;
    return 0;
}

/* Pausing stops the parser behind the head (llhttp: HPE_PAUSED). */
static int on_headers_complete(llhttp_t *p)
{
    struct conn *c = conn_of(p);
    struct request *r = c->request;

    ASSERT(r);
    r->method = llhttp_method_name((llhttp_method_t)p->method);
    r->target = arena_strndup(r->arena, c->target.data ? c->target.data : "", c->target.len);
    r->is_http10 = p->http_major == 1 && p->http_minor == 0;
    r->keeps_alive = llhttp_should_keep_alive(p);
    r->content_length = p->flags & F_CHUNKED            ? -1
                        : p->content_length > INT64_MAX ? INT64_MAX
                                                        : (int64_t)p->content_length;
    /* We decide about upgrades: the parser would stop at every "Upgrade: h2c". */
    r->wants_upgrade = request_header(r, "upgrade") != NULL;
    p->upgrade = 0;
    c->is_head_complete = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct conn *c = conn_of(p);
    struct request *r = c->request;

    ASSERT(r);
    if (c->body) {
        body_write(c->body, at, n);
        return 0;
    }
    if (r->body.len + n > BODY_BYTES_MAX)
        return refuse(c, 413);
    buf_add(&r->body, at, n);
    return 0;
}

static int on_message_complete(llhttp_t *p)
{
    struct conn *c = conn_of(p);

    ASSERT(c->request);
    c->request->is_body_complete = true;
    c->is_message_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void parse_init(struct conn *c)
{
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
}

void parse_finish(struct conn *c)
{
    buf_finish(&c->in);
    buf_finish(&c->field);
    buf_finish(&c->value);
    buf_finish(&c->target);
}

static void consume(struct conn *c, size_t n)
{
    c->in_at += n;
    ASSERT(c->in_at <= c->in.len);
    if (c->in_at < c->in.len)
        return;
    c->in_at = 0;
    if (c->body)
        c->in.len = 0; /* the next read goes there */
    else
        buf_finish(&c->in); /* idle connections hold no memory */
}

bool parse_some(struct conn *c)
{
    const char *data = c->in.data ? c->in.data + c->in_at : "";
    llhttp_errno_t e = llhttp_execute(&c->parser, data, conn_unparsed(c));

    if (e == HPE_OK) {
        consume(c, conn_unparsed(c));
        return true;
    }
    if (e == HPE_PAUSED) {
        consume(c, (size_t)(llhttp_get_error_pos(&c->parser) - data));
        llhttp_resume(&c->parser);
        return true;
    }
    if (!c->refusal)
        c->refusal = 400;
    return false;
}
