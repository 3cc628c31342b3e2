/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of replies: heads and the three kinds of bodies. Pure: fed with bytes, never reads.
 * Trap: input may end at any byte, so the chunked decoder keeps its state between calls.
 */
#include "http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

size_t http_head_len(const char *text, size_t len)
{
    const char *end = len ? memmem(text, len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - text) + 4 : 0;
}

static char *header_value(struct arena *a, const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);

    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
        return NULL;
    return text_trim(arena_strndup(a, line + n + 1, len - n - 1));
}

static struct err *parse_header(struct arena *a, const char *line, size_t len,
                                struct http_head *out)
{
    char *value;

    if ((value = header_value(a, line, len, "Content-Type"))) {
        out->type = value;
    } else if ((value = header_value(a, line, len, "Api-Version"))) {
        out->api_version = value;
    } else if ((value = header_value(a, line, len, "Ostype"))) {
        out->os_type = value;
    } else if ((value = header_value(a, line, len, "Content-Length"))) {
        if (!text_to_i64(value, &out->length) || out->length < 0)
            return err_new(ERR_INVALID, "the engine sent a bad Content-Length: %s", value);
    } else if ((value = header_value(a, line, len, "Transfer-Encoding"))) {
        out->is_chunked = strcasecmp(value, "chunked") == 0;
    } else if ((value = header_value(a, line, len, "Connection"))) {
        out->closes = strcasecmp(value, "close") == 0;
    }
    return NULL;
}

static struct err *parse_status_line(struct arena *a, const char *line, size_t len,
                                     struct http_head *out)
{
    autofree char *text = mem_alloc(len + 1);
    int64_t status;

    memcpy(text, line, len);
    if (len < 12 || strncmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
        return err_new(ERR_INVALID, "the engine sent no HTTP reply");
    out->reason = arena_strdup(a, len > 13 ? text + 13 : "");
    text[12] = '\0';
    if (!text_to_i64(text + 9, &status) || status < 100 || status > 599)
        return err_new(ERR_INVALID, "the engine sent a bad HTTP status");
    out->status = (int)status;
    return NULL;
}

struct err *http_parse_head(struct arena *a, const char *text, size_t len, struct http_head *out)
{
    const char *line = text, *end = text + len;
    struct http_head h = {.length = -1};

    while (line < end) {
        const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t n = eol ? (size_t)(eol - line) : (size_t)(end - line);

        if (line == text)
            TRY(parse_status_line(a, line, n, &h));
        else
            TRY(parse_header(a, line, n, &h));
        line = eol ? eol + 2 : end;
    }
    if (!h.status)
        return err_new(ERR_INVALID, "the engine sent no HTTP reply");
    *out = h;
    return NULL;
}

void http_body_init(struct http_body *b, const struct http_head *h, const char *method)
{
    *b = (struct http_body){.left = h->length};
    if (h->status == 101)
        b->kind = BODY_UNTIL_CLOSE;
    else if (strcmp(method, "HEAD") == 0 || h->status == 204 || h->status == 304)
        b->kind = BODY_NONE;
    else if (h->is_chunked)
        b->kind = BODY_CHUNKED;
    else if (h->length >= 0)
        b->kind = BODY_LENGTH;
    else
        b->kind = BODY_UNTIL_CLOSE;
    b->is_done = b->kind == BODY_NONE || (b->kind == BODY_LENGTH && b->left == 0);
}

enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER };

static void take(struct buf *in, size_t *at, struct buf *out, struct http_body *b)
{
    size_t have = in->len - *at;
    size_t n = (uint64_t)b->left < have ? (size_t)b->left : have;

    buf_add(out, in->data + *at, n);
    *at += n;
    b->left -= (int64_t)n;
}

static struct err *parse_chunk_size(const char *line, size_t len, int64_t *out)
{
    int64_t size = 0;
    size_t n = 0;

    for (; n < len && isxdigit((unsigned char)line[n]); n++) {
        int digit = line[n] <= '9' ? line[n] - '0' : (line[n] | 0x20) - 'a' + 10;

        if (n >= 14)
            return err_new(ERR_INVALID, "the engine sent a chunk that is too large");
        size = size * 16 + digit;
    }
    if (!n || (n < len && line[n] != ';' && line[n] != ' '))
        return err_new(ERR_INVALID, "the engine sent a broken chunk");
    *out = size;
    return NULL;
}

/* One line of the framing; false: the line is not complete yet. */
static struct err *feed_line(struct http_body *b, struct buf *in, size_t *at, bool *out_got)
{
    const char *line = in->data + *at;
    const char *eol = memmem(line, in->len - *at, "\r\n", 2);
    size_t len = eol ? (size_t)(eol - line) : 0;

    *out_got = eol != NULL;
    if (!eol && in->len - *at > HTTP_HEAD_MAX)
        return err_new(ERR_INVALID, "the engine sent a broken chunk");
    if (!eol)
        return NULL;
    *at += len + 2;
    if (b->state == CHUNK_SIZE) {
        TRY(parse_chunk_size(line, len, &b->left));
        b->state = b->left ? CHUNK_DATA : CHUNK_TRAILER;
    } else if (b->state == CHUNK_DATA_END) {
        if (len)
            return err_new(ERR_INVALID, "the engine sent a broken chunk");
        b->state = CHUNK_SIZE;
    } else if (len == 0) {
        b->is_done = true;
    }
    return NULL;
}

static struct err *feed_chunks(struct http_body *b, struct buf *in, size_t *at, struct buf *out)
{
    bool goes_on = true;

    while (goes_on && !b->is_done && *at < in->len) {
        if (b->state != CHUNK_DATA) {
            TRY(feed_line(b, in, at, &goes_on));
            continue;
        }
        take(in, at, out, b);
        if (b->left == 0)
            b->state = CHUNK_DATA_END;
    }
    return NULL;
}

struct err *http_body_feed(struct http_body *b, struct buf *in, struct buf *out)
{
    struct err *e = NULL;
    size_t at = 0;

    if (b->is_done || !in->len)
        return NULL;
    if (b->kind == BODY_UNTIL_CLOSE) {
        buf_add(out, in->data, in->len);
        at = in->len;
    } else if (b->kind == BODY_LENGTH) {
        take(in, &at, out, b);
        b->is_done = b->left == 0;
    } else {
        e = feed_chunks(b, in, &at, out);
    }
    buf_drop_front(in, at);
    return e;
}
