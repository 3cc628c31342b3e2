/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
/*
 * A log file's bytes, of which a container's output and any operator's editor are
 * the authors: each line is parsed and rendered; then the input is taken as output of
 * a container, cut, written as records and read again, which must give the same text
 * (up to bytes that are not UTF-8, which the format cannot hold).
 */
#include "stream/log.h"

#include <string.h>

#include "base/text.h"

#include "cutter.h"
#include "log_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render_line(const char *p, size_t n)
{
    char time[RFC3339_MAX];
    struct log_record r;
    int64_t ns;

    if (!log_record_parse(p, n, &r))
        return;
    autofree char *text = mem_alloc(r.log_n + 1);

    ASSERT(log_record_text(&r, text) <= r.log_n);
    ASSERT(r.log >= p && r.log + r.log_n <= p + n);
    ASSERT(log_record_time_fixed(&r, time) < sizeof(time));
    log_record_time(&r, &ns);
    log_record_ends_line(&r);
}

static void render(const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t line = (size_t)((newline ? newline : end) - p);

        render_line(p, line);
        p += line + 1;
    }
}

static void on_piece(void *ctx, const struct log_piece *p)
{
    autofree char *line = mem_alloc(log_record_room(p, 0));
    size_t n = log_record_write(line, p, NULL, 0), at;
    struct buf *all = ctx;
    struct log_record r;

    ASSERT(n <= log_record_room(p, 0));
    ASSERT(line[n - 1] == '\n' && !memchr(line, '\n', n - 1));
    ASSERT(log_record_parse(line, n - 1, &r));
    ASSERT(log_record_ends_line(&r) == p->ends_line);
    buf_reserve(all, r.log_n);
    at = log_record_text(&r, all->data + all->len);
    all->len += at;
}

/* All of it. */
static void cut(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n)
{
    for (size_t at = 0; at < n;)
        at += cutter_next(c, stream, wall_ns, p + at, n - at);
}

static void there_and_back(const char *p, size_t n)
{
    autobuf struct buf all = {0};
    autofree char *text = mem_alloc(2 * RECORD_PIECE);
    struct land_line lines[2] = {0};
    struct cutter c = {.line = {&lines[0], &lines[1]},
                       .text = {text, text + RECORD_PIECE},
                       .emit = on_piece,
                       .ctx = &all};
    size_t half = n / 2;

    cut(&c, STREAM_STDOUT, 1, p, half);
    cut(&c, STREAM_STDOUT, 2, p + half, n - half);
    cutter_end(&c, STREAM_STDOUT, 3);
    /* A piece may end inside a character, which makes U+FFFD of valid bytes: short input only. */
    if (n >= RECORD_PIECE || !text_is_utf8(p, n))
        return;
    ASSERT(all.len == n);
    ASSERT(!n || !memcmp(all.data, p, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Of its exact size, so that a read beyond the end is seen. */
    autofree char *copy = mem_alloc(size ? size : 1);

    if (size)
        memcpy(copy, data, size);
    render(copy, size);
    there_and_back(copy, size);
    return 0;
}
