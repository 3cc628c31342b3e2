/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a stream to pieces of lines: a piece ends at a newline or after
 * 16 KiB, whatever the chunks were, so the result is a function of the bytes alone.
 * Pieces of one line carry the time of the first, as in Docker. Pure; used by one
 * worker at a time. Trap: `held` is what `logs` cannot show yet, since it is not in
 * the file.
 */
#include "cutter.h"

#include <string.h>

#include "stream/log.h"

static const char *stamp_of(struct cutter *c, int64_t wall_ns)
{
    if (!c->stamp[0] || c->stamp_ns != wall_ns) {
        clock_rfc3339(wall_ns, c->stamp);
        c->stamp_ns = wall_ns;
    }
    return c->stamp;
}

static void emit(struct cutter *c, struct held *h, int stream, int64_t wall_ns, const char *p,
                 size_t n, bool ends_line)
{
    struct piece piece = {.stream = stream, .text = p, .n = n, .ends_line = ends_line};

    if (!ends_line && !h->is_continued) {
        memcpy(h->time, stamp_of(c, wall_ns), sizeof(h->time));
        h->is_continued = true;
    }
    piece.time = h->is_continued ? h->time : stamp_of(c, wall_ns);
    c->emit(c->ctx, &piece);
    if (ends_line)
        h->is_continued = false;
}

static void hold(struct held *h, const char *p, size_t n)
{
    if (!h->text)
        h->text = mem_alloc(RECORD_PIECE);
    memcpy(h->text + h->n, p, n);
    h->n += n;
}

/* Completes the held piece from p. Returns how much of p was used. */
static size_t fill_held(struct cutter *c, struct held *h, int stream, int64_t wall_ns,
                        const char *p, size_t n)
{
    size_t room = RECORD_PIECE - h->n;
    size_t look = n < room ? n : room;
    const char *newline = memchr(p, '\n', look);

    hold(h, p, newline ? (size_t)(newline - p) : look);
    if (!newline && h->n < RECORD_PIECE)
        return look;
    emit(c, h, stream, wall_ns, h->text, h->n, newline);
    h->n = 0;
    return newline ? (size_t)(newline - p) + 1 : look;
}

void cutter_add(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n)
{
    struct held *h = &c->held[stream == STREAM_STDERR];
    const char *end = p + n;

    while (p < end) {
        size_t left = (size_t)(end - p);
        size_t look = left < RECORD_PIECE ? left : RECORD_PIECE;
        const char *newline;

        if (h->n) {
            p += fill_held(c, h, stream, wall_ns, p, left);
            continue;
        }
        newline = memchr(p, '\n', look);
        if (newline) {
            emit(c, h, stream, wall_ns, p, (size_t)(newline - p), true);
            p = newline + 1;
        } else if (look == RECORD_PIECE) {
            emit(c, h, stream, wall_ns, p, look, false);
            p += look;
        } else {
            hold(h, p, look);
            p += look;
        }
    }
}

void cutter_end(struct cutter *c, int stream, int64_t wall_ns)
{
    struct held *h = &c->held[stream == STREAM_STDERR];

    if (h->n)
        emit(c, h, stream, wall_ns, h->text, h->n, false);
    h->n = 0;
    h->is_continued = false;
}

void cutter_trim(struct cutter *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->held[i].n)
            continue;
        free(c->held[i].text);
        c->held[i].text = NULL;
    }
}

void cutter_finish(struct cutter *c)
{
    for (int i = 0; i < 2; i++) {
        free(c->held[i].text);
        c->held[i].text = NULL;
    }
}
