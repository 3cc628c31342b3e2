/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a stream to pieces of lines: a piece ends at a newline or after
 * 16 KiB, whatever the chunks were, so the result is a function of the bytes alone. A
 * character of UTF-8 that a piece has no room for begins the next one: json-file would
 * write its halves as U+FFFD.
 * Pieces of one line carry the time of the first, as in Docker. Pure: what it holds back
 * is its caller's memory, so that it can be done again from a copy; one worker at a time.
 * Trap: what is held back is what `logs` cannot show yet, since it is not in the file.
 */
#include "cutter.h"

#include <string.h>

#include "stream/log.h"

_Static_assert(RECORD_PIECE == LAND_LINE, "a held line has room");
_Static_assert(sizeof(((struct land_line *)0)->time) == RFC3339_MAX, "a time has room");

static const char *stamp_of(struct cutter *c, int64_t wall_ns)
{
    if (!c->stamp[0] || c->stamp_ns != wall_ns) {
        clock_rfc3339(wall_ns, c->stamp);
        c->stamp_ns = wall_ns;
    }
    return c->stamp;
}

static void emit(struct cutter *c, struct land_line *h, int stream, int64_t wall_ns, const char *p,
                 size_t n, bool ends_line)
{
    struct log_piece piece = {.stream = stream, .text = p, .n = n, .ends_line = ends_line};

    if (!ends_line && !h->is_continued) {
        memcpy(h->time, stamp_of(c, wall_ns), sizeof(h->time));
        h->is_continued = true;
    }
    piece.time = h->is_continued ? h->time : stamp_of(c, wall_ns);
    piece.time_ns = h->is_continued ? 0 : wall_ns;
    c->emit(c->ctx, &piece);
    if (ends_line)
        h->is_continued = false;
}

/* Bytes at the end of a full piece that are the beginning of a character. */
static size_t begun_character(const char *p, size_t n)
{
    for (size_t back = 1; back <= 3 && back < n; back++) {
        unsigned char b = (unsigned char)p[n - back];

        if ((b & 0xc0) == 0x80)
            continue;
        if (b < 0xc2 || b > 0xf4)
            return 0;
        return back < (b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2) ? back : 0;
    }
    return 0;
}

static void hold(struct cutter *c, int at, const char *p, size_t n)
{
    ASSERT(n <= RECORD_PIECE - c->line[at]->n);
    memcpy(c->text[at] + c->line[at]->n, p, n);
    c->line[at]->n += (uint32_t)n;
}

/* Completes the held piece from p. Returns how much of p was used. */
static size_t fill_held(struct cutter *c, int at, int stream, int64_t wall_ns, const char *p,
                        size_t n)
{
    struct land_line *h = c->line[at];
    size_t room = RECORD_PIECE - h->n;
    size_t look = n < room ? n : room;
    const char *newline = memchr(p, '\n', look);
    size_t tail;

    hold(c, at, p, newline ? (size_t)(newline - p) : look);
    if (!newline && h->n < RECORD_PIECE)
        return look;
    tail = newline ? 0 : begun_character(c->text[at], h->n);
    emit(c, h, stream, wall_ns, c->text[at], h->n - tail, newline);
    memmove(c->text[at], c->text[at] + h->n - tail, tail);
    h->n = (uint32_t)tail;
    return newline ? (size_t)(newline - p) + 1 : look;
}

size_t cutter_next(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n)
{
    int at = stream == STREAM_STDERR;
    struct land_line *h = c->line[at];
    size_t look = n < RECORD_PIECE ? n : RECORD_PIECE;
    const char *newline;

    ASSERT(c->line[at] && c->text[at] && n);
    if (h->n)
        return fill_held(c, at, stream, wall_ns, p, n);
    newline = memchr(p, '\n', look);
    if (newline) {
        emit(c, h, stream, wall_ns, p, (size_t)(newline - p), true);
        return (size_t)(newline - p) + 1;
    }
    if (look == RECORD_PIECE) {
        look -= begun_character(p, look);
        emit(c, h, stream, wall_ns, p, look, false);
    } else {
        hold(c, at, p, look);
    }
    return look;
}

bool cutter_will_emit(const struct cutter *c, int stream, const char *p, size_t n)
{
    size_t room = RECORD_PIECE - c->line[stream == STREAM_STDERR]->n;

    return n >= room || memchr(p, '\n', n);
}

void cutter_end(struct cutter *c, int stream, int64_t wall_ns)
{
    int at = stream == STREAM_STDERR;
    struct land_line *h = c->line[at];

    if (h->n)
        emit(c, h, stream, wall_ns, c->text[at], h->n, false);
    h->n = 0;
    h->is_continued = false;
}
