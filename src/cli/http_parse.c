/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of replies with llhttp: the head as a whole, then the body in whatever pieces it comes.
 * Pure: fed with bytes, never reads. The parser pauses behind the head, and behind the message:
 * what comes after it stays where it is.
 * Trap: behind a 101 the bytes are no HTTP any more, and the parser is not asked again.
 */
#include "http.h"

#include <string.h>
#include <strings.h>

size_t http_head_len(const char *text, size_t len)
{
    const char *end = len ? memmem(text, len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - text) + 4 : 0;
}

/* ---- callbacks; a head is in one piece, so each of its parts is, too ---- */

static struct http_reply *reply_of(llhttp_t *p)
{
    return container_of(p, struct http_reply, parser);
}

static int on_status(llhttp_t *p, const char *at, size_t n)
{
    struct http_reply *r = reply_of(p);

    r->head.reason = arena_strndup(r->a, at, n);
    return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    reply_of(p)->field = at;
    reply_of(p)->field_len = n;
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct http_reply *r = reply_of(p);
    const struct {
        const char *name;
        char **value;
    } wanted[] = {
        {"Content-Type", &r->head.type},
        {"Api-Version", &r->head.api_version},
        {"X-Docker-Container-Path-Stat", &r->head.path_stat},
    };

    if (!r->a) /* the trailer of a body */
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (r->field_len == strlen(wanted[i].name) &&
            !strncasecmp(r->field, wanted[i].name, r->field_len))
            *wanted[i].value = text_trim(arena_strndup(r->a, at, n));
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct http_reply *r = reply_of(p);

    r->head.status = p->status_code;
    if (r->is_to_head || p->status_code == 204 || p->status_code == 304)
        p->flags |= F_SKIPBODY; /* whatever length these name */
    r->is_raw = p->status_code == 101;
    r->closes = r->is_raw || !llhttp_should_keep_alive(p);
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    buf_add(reply_of(p)->out, at, n);
    return 0;
}

static int on_message_complete(llhttp_t *p)
{
    reply_of(p)->is_done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_status = on_status,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- head ---- */

/* What is known of the body at once: that there is none. */
static struct err *begin_body(struct http_reply *r)
{
    autobuf struct buf none = {0};

    return http_reply_feed(r, &none, &none);
}

struct err *http_reply_begin(struct http_reply *r, struct arena *a, const char *method,
                             const char *text, size_t len)
{
    llhttp_errno_t code;

    *r = (struct http_reply){.a = a, .is_to_head = strcmp(method, "HEAD") == 0};
    r->head.reason = arena_strdup(a, "");
    llhttp_init(&r->parser, HTTP_RESPONSE, &settings);
    code = llhttp_execute(&r->parser, text, len);
    if (r->parser.http_major != 1 || !r->parser.status_code ||
        (code == HPE_PAUSED && llhttp_get_error_pos(&r->parser) != text + len))
        return err_new(ERR_INVALID, "the engine sent no HTTP reply");
    if (code != HPE_PAUSED)
        return err_new(ERR_INVALID, "the engine sent a bad head: %s",
                       llhttp_get_error_reason(&r->parser));
    if (r->head.status < 100 || r->head.status > 599)
        return err_new(ERR_INVALID, "the engine sent a bad HTTP status");
    r->a = NULL;
    llhttp_resume(&r->parser);
    return begin_body(r);
}

/* ---- body ---- */

struct err *http_reply_feed(struct http_reply *r, struct buf *in, struct buf *out)
{
    const char *data = in->data ? in->data : "";
    size_t taken = in->len;
    llhttp_errno_t code;

    if (r->is_done)
        return NULL;
    if (r->is_raw) {
        buf_add(out, data, in->len);
    } else {
        r->out = out;
        code = llhttp_execute(&r->parser, data, in->len);
        if (code == HPE_PAUSED)
            taken = (size_t)(llhttp_get_error_pos(&r->parser) - data);
        else if (code != HPE_OK)
            return err_new(ERR_INVALID, "the engine sent a broken body: %s",
                           llhttp_get_error_reason(&r->parser));
    }
    buf_drop_front(in, taken);
    return NULL;
}

struct err *http_reply_end(struct http_reply *r)
{
    if (!r->is_raw && !r->is_done && llhttp_finish(&r->parser) != HPE_OK && !r->is_done)
        return err_new(ERR_UNAVAILABLE, "the engine closed the connection: unexpected EOF");
    r->is_done = true;
    return NULL;
}
