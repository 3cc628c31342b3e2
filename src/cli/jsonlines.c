/* SPDX-License-Identifier: Apache-2.0 */
/* Objects are cut at newlines; a stream may run for days, so each object has its own arena. */
#include "jsonlines.h"

#include "http.h"

#include <string.h>

#define LINE_MAX_BYTES (4u << 20)

static struct err *take_line(const char *text, size_t len, jsonlines_fn fn, void *ctx)
{
    autoarena struct arena *a = arena_create();
    const struct json *object = NULL;

    if (len && text[len - 1] == '\r')
        len--;
    if (!len)
        return NULL;
    TRY(json_parse(a, text, len, &object));
    return fn(ctx, a, object);
}

static struct err *take_lines(struct buf *b, jsonlines_fn fn, void *ctx)
{
    struct err *e = NULL;
    size_t at = 0;
    char *eol;

    while (!e && b->len > at && (eol = memchr(b->data + at, '\n', b->len - at))) {
        e = take_line(b->data + at, (size_t)(eol - b->data) - at, fn, ctx);
        at = (size_t)(eol - b->data) + 1;
    }
    buf_drop_front(b, at);
    if (!e && b->len > LINE_MAX_BYTES)
        e = err_new(ERR_TOO_LARGE, "the engine sent a message that is too long");
    return e;
}

struct err *jsonlines_each(struct http_conn *c, jsonlines_fn fn, void *ctx)
{
    autobuf struct buf b = {0};

    while (!c->reply.is_done) {
        TRY(http_conn_read_some(c, &b));
        TRY(take_lines(&b, fn, ctx));
    }
    buf_putc(&b, '\n');
    return take_lines(&b, fn, ctx);
}
