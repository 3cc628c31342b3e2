/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats batches and writes them with pwrite at a known offset. Runs on a disk
 * worker, never twice at once for one log. What is formatted and how far the log has
 * come changes in a copy of the record's state; when the bytes are in the file the copy
 * takes over with one store. So whoever finds the record later can do the same again:
 * the file is cut to the offset in it, then come the same bytes.
 *
 * After a short write the file is cut back to the last whole record. A full disk: mode
 * blocking keeps the rest and says "stuck", non-blocking drops it and tells how much in
 * a line of its own. Trap: the file is opened for each batch, since an operator may
 * truncate or remove it, and idle logs must hold no fd.
 */
#include "logdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "stream/log.h"

#define STEP_NS NS_PER_S /* less is the order in which two streams come */

static size_t chunk_span(size_t n)
{
    return (sizeof(struct chunk) + n + 15) & ~(size_t)15;
}

struct chunk *log_batch_add(struct log_batch *b, enum chunk_kind kind, const void *p, size_t n)
{
    size_t span = chunk_span(n);
    struct chunk *c;

    ASSERT(kind >= CHUNK_BYTES && kind <= CHUNK_MARK && n <= UINT32_MAX);
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
    b->payload += kind == CHUNK_BYTES ? n : 0;
    return c;
}

struct chunk *log_batch_next(const struct log_batch *b, size_t *at)
{
    struct chunk *c;

    if (*at >= b->n)
        return NULL;
    c = (struct chunk *)(void *)(b->data + *at);
    ASSERT(c->kind >= CHUNK_BYTES && c->kind <= CHUNK_MARK);
    *at += chunk_span(c->n);
    ASSERT(*at <= b->n);
    return c;
}

void log_batch_finish(struct log_batch *b)
{
    free(b->data);
    *b = (struct log_batch){0};
}

/* What stands behind the record's offset was written by an engine that died before it could say
 * so: it comes again. Another file than the record's begins where it ends. */
static bool place(struct logdisk *d, const struct stat *st)
{
    const struct land_state *s = land_state(d->record);

    ASSERT(d->fd >= 0 && d->record);
    d->end.off = st->st_size;
    if (!d->is_placed && s->ino == st->st_ino && s->off < st->st_size) {
        if (ftruncate(d->fd, s->off))
            return false;
        d->end.off = s->off;
    }
    d->is_placed = true;
    return true;
}

/* By an engine before this one, or while nothing was logged. */
static bool is_from_later(const struct stat *st)
{
    int64_t written_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;

    return st->st_size && written_ns > clock_wall_ns() + STEP_NS;
}

static void close_file(struct logdisk *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

/* Opened for each batch, and the length looked at: an operator may have truncated the file
 * (`truncate -s0`), and pwrite at the old end would leave a hole of zeros in front. */
static bool open_file(struct logdisk *d)
{
    struct stat st;

    if (d->fd >= 0)
        return true;
    d->fd = logfiles_open_current(d->files);
    if (d->fd < 0)
        return false;
    if (fstat(d->fd, &st) < 0 || !place(d, &st)) {
        close_file(d);
        return false;
    }
    if (is_from_later(&st))
        logfiles_note_step(d->fd);
    d->end.gen = logfiles_current(d->files);
    d->ino = st.st_ino;
    return true;
}

/* Ends a record that an earlier engine left torn, so that ours begins on a line of its own. */
static bool mend_tail(struct logdisk *d)
{
    char end = d->format->end, last = end;

    ASSERT(d->fd >= 0 && d->end.off >= 0);
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
    if (d->has_stepped)
        logfiles_note_step(d->fd);
    d->has_stepped = false;
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
    struct log_piece p = {.stream = STREAM_STDERR, .text = text, .ends_line = true, .time = time};

    clock_rfc3339(clock_wall_ns(), time);
    p.n = (size_t)snprintf(text, sizeof(text), "berth: %llu bytes of log were dropped here",
                           (unsigned long long)lost);
    ASSERT(d->format->room(&p, d->attrs_n) <= room);
    return d->format->write(out, &p, d->attrs, d->attrs_n);
}

/* The record names the file and its length before anything is written to it, or an engine that
 * dies behind the write would leave bytes that the next one takes for somebody else's. */
bool logdisk_settle(struct logdisk *d)
{
    const struct land_state *s = land_state(d->record);
    struct land_state *next;

    if (!open_file(d))
        return false;
    if (s->ino == d->ino && s->off == d->end.off)
        return true;
    next = land_begin(d->record);
    next->ino = d->ino;
    next->off = d->end.off;
    land_flip(d->record);
    return true;
}

void logdisk_begin(struct logdisk *d)
{
    ASSERT(d->record);
    if (d->next)
        return;
    if (d->is_shared && d->fd < 0 && !logdisk_settle(d))
        d->error = errno; /* the write will fail as well */
    d->next = land_begin(d->record);
    for (int i = 0; i < 2; i++) {
        d->cut.line[i] = &d->next->line[i];
        d->cut.text[i] = land_text(d->record, d->next, i);
    }
}

static bool put_lost(struct logdisk *d)
{
    size_t room = 1024 + d->attrs_n, done, n;
    autofree char *line = NULL;

    if (!d->next->dropped)
        return true;
    line = mem_alloc(room);
    n = lost_record(d, line, room, d->next->dropped);
    if (!put(d, line, n, &done))
        return false;
    d->next->dropped = 0;
    return true;
}

/* Brings `out` to the file or, in non-blocking mode, drops it. False: stuck. */
static bool flush(struct logdisk *d)
{
    size_t done = 0;

    if (!d->out_n)
        return true;
    logdisk_begin(d);
    if (put_lost(d) && put(d, d->out, d->out_n, &done)) {
        d->out_n = 0;
        return true;
    }
    d->error = errno;
    ASSERT(done <= d->out_n);
    memmove(d->out, d->out + done, d->out_n - done);
    d->out_n -= done;
    if (d->is_blocking)
        return false;
    d->next->dropped += d->out_n;
    d->out_n = 0;
    return true;
}

bool logdisk_commit(struct logdisk *d)
{
    if (!flush(d))
        return false;
    if (!d->next)
        return true;
    if (d->is_placed) {
        d->next->ino = d->ino;
        d->next->off = d->end.off;
    }
    land_flip(d->record);
    d->next = NULL;
    return true;
}

/* As Docker: NAME goes to NAME.1 and so on. The record says so first: whatever is in the file that
 * is left behind has been noted. */
static void rotate(struct logdisk *d)
{
    if (!logdisk_commit(d)) {
        d->is_stuck = true;
        return;
    }
    if (d->end.off >= d->max_size && logfiles_rotate(d->files)) {
        close_file(d);
        d->end = (struct log_pos){d->end.gen + 1, 0};
        d->is_placed = logdisk_settle(d);
    }
    logdisk_begin(d);
}

/* At least `more` bytes behind out_n; the room doubles, so that a burst is copied a few times
 * only. */
static void out_reserve(struct logdisk *d, size_t more)
{
    size_t room = d->out_room ? d->out_room : 8192;

    while (room < d->out_n + more)
        room *= 2;
    if (room == d->out_room)
        return;
    d->out = realloc(d->out, room); /* not zeroed: only what was formatted is written */
    ASSERT(d->out);
    d->out_room = room;
}

static void on_piece(void *ctx, const struct log_piece *p)
{
    struct logdisk *d = ctx;

    out_reserve(d, d->format->room(p, d->attrs_n));
    d->out_n += d->format->write(d->out + d->out_n, p, d->attrs, d->attrs_n);
    ASSERT(d->out_n <= d->out_room); /* the format promised that its room is enough */
}

/* As Docker: a file that has reached the size is rotated before the next record. When stuck the
 * rest of this chunk is still formatted (bounded by one chunk) and waits in `out`. */
static bool is_full(const struct logdisk *d)
{
    return d->max_size && !d->is_stuck && d->end.off + (int64_t)d->out_n >= d->max_size;
}

/* The bytes from `at` on. When they come out of a slot or a spool (counts), a rotation in between
 * notes in the record how far they have come. */
void logdisk_feed(struct logdisk *d, const struct log_feed *f, size_t at)
{
    logdisk_begin(d);
    d->has_stepped = d->has_stepped || f->wall_ns + STEP_NS < d->newest_ns;
    d->newest_ns = f->wall_ns;
    while (at < f->n) {
        if (is_full(d) && cutter_will_emit(&d->cut, f->stream, f->bytes + at, f->n - at)) {
            if (f->counts)
                d->next->base = at;
            rotate(d);
        }
        at += cutter_next(&d->cut, f->stream, f->wall_ns, f->bytes + at, f->n - at);
    }
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
    ASSERT(d->fd < 0);
    close_file(d);
    if (!d->is_shared)
        land_record_discard(d->record);
    free(d->attrs);
    free(d->out);
}

/* Between the shared record and the private one: where the log stands, and the lines that are held
 * back. */
static void copy_state(struct land_record *to, struct land_record *from)
{
    const struct land_state *s = land_state(from);
    struct land_state *next = land_begin(to);

    *next = *s;
    for (int i = 0; i < 2; i++)
        memcpy(land_text(to, next, i), land_text(from, s, i), s->line[i].n);
    land_flip(to);
}

void logdisk_share(struct logdisk *d, struct land_record *r, bool is_adopted)
{
    ASSERT(!d->next && !d->out_n && !d->is_shared);
    if (d->record && !is_adopted)
        copy_state(r, d->record);
    land_record_discard(d->record);
    d->record = r;
    d->is_shared = true;
}

void logdisk_unshare(struct logdisk *d)
{
    struct land_record *mine = land_record_private();

    ASSERT(mine && !d->next && d->is_shared);
    copy_state(mine, d->record);
    d->record = mine;
    d->is_shared = false;
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

/* A mark tells where the log stands, so what is before it must be in the file first. */
static bool pass_mark(struct logdisk *d, struct log_mark *m)
{
    const struct land_state *s;

    ASSERT(!m->is_passed);
    if (!logdisk_commit(d))
        return false;
    look(d);
    m->pos = d->end;
    s = land_state(d->record);
    for (int i = 0; m->wants_held && i < 2; i++)
        buf_add(&m->held[i], land_text(d->record, s, i), s->line[i].n);
    m->is_passed = true;
    return true;
}

void logdisk_add_lost(struct logdisk *d, uint64_t lost)
{
    size_t room = 1024 + d->attrs_n;
    int64_t now = clock_wall_ns();

    logdisk_begin(d);
    cutter_end(&d->cut, STREAM_STDOUT, now);
    cutter_end(&d->cut, STREAM_STDERR, now);
    out_reserve(d, room);
    d->out_n += lost_record(d, d->out + d->out_n, room, lost);
}

static void land_slot_bytes(struct logdisk *d, const struct chunk *c)
{
    struct log_feed f = {c->stream, c->wall_ns, c->landed.bytes, c->landed.n_bytes, true};

    logdisk_begin(d);
    logdisk_feed(d, &f, d->next->base);
    d->next->seq = c->landed.seq;
    d->next->base = 0;
}

static bool run_chunk(struct logdisk *d, struct chunk *c)
{
    struct log_feed f = {c->stream, c->wall_ns, (char *)(c + 1), c->n, false};

    switch (c->kind) {
    case CHUNK_BYTES:
        logdisk_feed(d, &f, 0);
        break;
    case CHUNK_SLOT:
        land_slot_bytes(d, c);
        break;
    case CHUNK_SPOOL:
        return logdisk_merge_spool(d, (char *)(c + 1));
    case CHUNK_EOF:
        logdisk_begin(d);
        cutter_end(&d->cut, c->stream, c->wall_ns);
        break;
    case CHUNK_LOST:
        logdisk_add_lost(d, c->lost);
        break;
    case CHUNK_MARK:
        return pass_mark(d, c->mark);
    }
    return true;
}

bool logdisk_run(struct logdisk *d, struct log_batch *b)
{
    bool is_done;

    ASSERT(b->at <= b->n);
    if (!d->record)
        d->record = land_record_private();
    is_done = d->record && flush(d);
    d->is_stuck = false;
    while (is_done && b->at < b->n) {
        size_t after = b->at;
        struct chunk *c = log_batch_next(b, &after);

        if (!run_chunk(d, c)) {
            is_done = false;
            break;
        }
        b->at = after;
        if (d->is_stuck || (d->out_n >= OUT_HIGH && !logdisk_commit(d)))
            is_done = false;
        d->is_stuck = false;
    }
    is_done = is_done && logdisk_commit(d);
    close_file(d);
    return is_done;
}

void logdisk_trim(struct logdisk *d)
{
    if (d->out_n)
        return;
    free(d->out);
    d->out = NULL;
    d->out_room = 0;
}
