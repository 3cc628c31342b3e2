/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats batches and writes them with pwrite at a known offset. Runs on a disk
 * worker, never twice at once for one log. After a short write the file is cut back
 * to the last whole record. A full disk: mode blocking keeps the rest and says
 * "stuck", non-blocking drops it and tells how much in a line of its own. Trap: the
 * file is opened for each batch, since an operator may truncate or remove it, and
 * idle logs must hold no fd.
 */
#include "logdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "stream/log.h"

#define OUT_HIGH (1u << 20) /* written when that much is formatted */

static size_t chunk_span(size_t n)
{
    return (sizeof(struct chunk) + n + 15) & ~(size_t)15;
}

struct chunk *batch_add(struct batch *b, enum chunk_kind kind, const void *p, size_t n)
{
    size_t span = chunk_span(n);
    struct chunk *c;

    if (b->n + span > b->room) {
        size_t room = b->room ? b->room : 4096;

        while (room < b->n + span)
            room *= 2;
        b->data = mem_resize(b->data, b->room, room);
        b->room = room;
    }
    c = (struct chunk *)(void *)(b->data + b->n);
    *c = (struct chunk){.kind = kind, .n = (uint32_t)n};
    if (n)
        memcpy(c + 1, p, n);
    b->n += span;
    b->payload += n;
    return c;
}

void batch_finish(struct batch *b)
{
    free(b->data);
    *b = (struct batch){0};
}

static bool open_file(struct logdisk *d)
{
    struct stat st;

    if (d->fd >= 0)
        return true;
    d->fd = logfiles_open_current(d->files);
    if (d->fd < 0 || fstat(d->fd, &st) < 0)
        return false;
    d->end.gen = logfiles_current(d->files);
    d->end.off = st.st_size;
    return true;
}

/* Ends a record that an earlier engine left torn, so that ours begins on a line of its own. */
static bool mend_tail(struct logdisk *d)
{
    char end = d->format->end, last = end;

    if (d->is_ready)
        return true;
    if (d->end.off && pread(d->fd, &last, 1, d->end.off - 1) != 1)
        return false;
    if (last != end && pwrite(d->fd, &end, 1, d->end.off) != 1)
        return false;
    if (last != end)
        d->end.off++;
    d->is_ready = true;
    return true;
}

/* Writes whole records; *out_done is the length of those that are in the file. */
static bool put(struct logdisk *d, const char *p, size_t n, size_t *out_done)
{
    size_t done = 0;
    const char *last;

    *out_done = 0;
    if (!open_file(d) || !mend_tail(d))
        return false;
    while (done < n) {
        ssize_t w = pwrite(d->fd, p + done, n - done, d->end.off + (int64_t)done);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            break;
        done += (size_t)w;
    }
    if (done < n) {
        int error = errno;

        last = memrchr(p, d->format->end, done);
        done = last ? (size_t)(last - p) + 1 : 0;
        if (ftruncate(d->fd, d->end.off + (int64_t)done))
            d->is_ready = false; /* a torn record stays: mended before the next write */
        errno = error;
    }
    d->end.off += (int64_t)done;
    *out_done = done;
    return done == n;
}

/* The line that stands where bytes are missing. */
static size_t lost_record(struct logdisk *d, char *out, size_t room, uint64_t lost)
{
    char text[96], time[RFC3339_MAX];
    struct piece p = {.stream = STREAM_STDERR, .text = text, .ends_line = true, .time = time};

    clock_rfc3339(clock_wall_ns(), time);
    p.n = (size_t)snprintf(text, sizeof(text), "berth: %llu bytes of log were dropped here",
                           (unsigned long long)lost);
    ASSERT(d->format->room(&p, d->attrs_n) <= room);
    return d->format->write(out, &p, d->attrs, d->attrs_n);
}

static bool put_lost(struct logdisk *d)
{
    size_t room = 1024 + d->attrs_n, done, n;
    autofree char *line = NULL;

    if (!d->lost)
        return true;
    line = mem_alloc(room);
    n = lost_record(d, line, room, d->lost);
    if (!put(d, line, n, &done))
        return false;
    d->lost = 0;
    return true;
}

/* Brings `out` to the file or, in non-blocking mode, drops it. False: stuck. */
static bool flush(struct logdisk *d)
{
    size_t done = 0;

    if (!d->out_n)
        return true;
    if (put_lost(d) && put(d, d->out, d->out_n, &done)) {
        d->out_n = 0;
        return true;
    }
    d->error = errno;
    memmove(d->out, d->out + done, d->out_n - done);
    d->out_n -= done;
    if (d->is_blocking)
        return false;
    d->lost += d->out_n;
    d->out_n = 0;
    return true;
}

static void close_file(struct logdisk *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

static void rotate(struct logdisk *d)
{
    if (!flush(d)) {
        d->is_stuck = true;
        return;
    }
    if (d->end.off < d->max_size || !logfiles_rotate(d->files))
        return;
    close_file(d);
    d->end = (struct log_pos){d->end.gen + 1, 0};
}

static void out_reserve(struct logdisk *d, size_t more)
{
    size_t room = d->out_room ? d->out_room : 8192;

    while (room < d->out_n + more)
        room *= 2;
    if (room == d->out_room)
        return;
    d->out = mem_resize(d->out, d->out_room, room);
    d->out_room = room;
}

static void on_piece(void *ctx, const struct piece *p)
{
    struct logdisk *d = ctx;

    /* As Docker: a file that has reached the size is rotated before the next record. When stuck
     * the rest of this chunk is still formatted (bounded by one chunk) and waits in `out`. */
    if (d->max_size && !d->is_stuck && d->end.off + (int64_t)d->out_n >= d->max_size)
        rotate(d);
    out_reserve(d, d->format->room(p, d->attrs_n));
    d->out_n += d->format->write(d->out + d->out_n, p, d->attrs, d->attrs_n);
}

void logdisk_init(struct logdisk *d, struct logfiles *files)
{
    d->files = files;
    d->format = &format_json;
    d->fd = -1;
    d->cut.emit = on_piece;
    d->cut.ctx = d;
}

void logdisk_finish(struct logdisk *d)
{
    close_file(d);
    cutter_finish(&d->cut);
    free(d->attrs);
    free(d->out);
}

/* Without a file there is nothing to read: it is not created for a mark. */
static void look(struct logdisk *d)
{
    struct stat st;

    if (d->fd >= 0 || d->out_n)
        return;
    d->end.gen = logfiles_current(d->files);
    d->end.off = stat(d->files->path, &st) ? 0 : st.st_size;
}

static bool pass_mark(struct logdisk *d, struct log_mark *m)
{
    if (!flush(d))
        return false;
    look(d);
    m->pos = d->end;
    for (int i = 0; m->wants_held && i < 2; i++)
        buf_add(&m->held[i], d->cut.held[i].text, d->cut.held[i].n);
    m->is_passed = true;
    return true;
}

static void add_lost(struct logdisk *d, const struct chunk *c)
{
    size_t room = 1024 + d->attrs_n;

    cutter_end(&d->cut, STREAM_STDOUT, c->wall_ns);
    cutter_end(&d->cut, STREAM_STDERR, c->wall_ns);
    out_reserve(d, room);
    d->out_n += lost_record(d, d->out + d->out_n, room, c->lost);
}

static bool run_chunk(struct logdisk *d, struct chunk *c)
{
    switch (c->kind) {
    case CHUNK_BYTES:
        cutter_add(&d->cut, c->stream, c->wall_ns, (char *)(c + 1), c->n);
        break;
    case CHUNK_EOF:
        cutter_end(&d->cut, c->stream, c->wall_ns);
        break;
    case CHUNK_LOST:
        add_lost(d, c);
        break;
    case CHUNK_MARK:
        return pass_mark(d, c->mark);
    }
    return true;
}

bool logdisk_run(struct logdisk *d, struct batch *b)
{
    bool is_done = flush(d);

    d->is_stuck = false;
    while (is_done && b->at < b->n) {
        struct chunk *c = (struct chunk *)(void *)(b->data + b->at);

        if (!run_chunk(d, c)) {
            is_done = false;
            break;
        }
        b->at += chunk_span(c->n);
        if (d->is_stuck || (d->out_n >= OUT_HIGH && !flush(d)))
            is_done = false;
        d->is_stuck = false;
    }
    is_done = is_done && flush(d);
    close_file(d);
    return is_done;
}

void logdisk_trim(struct logdisk *d)
{
    cutter_trim(&d->cut);
    if (d->out_n)
        return;
    free(d->out);
    d->out = NULL;
    d->out_room = 0;
}
