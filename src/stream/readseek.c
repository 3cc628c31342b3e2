/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where reading begins and ends: by time with a binary search over each file
 * (records are in order of time; where the clock was set back a file is marked, and
 * each record is looked at instead), by count backwards from the end in blocks. The cost
 * follows the answer, not the log. Disk workers only. Trap: `tail` counts lines a
 * person sees: pieces of one long line count once.
 */
#include "readdisk.h"

#include <string.h>

#define BLOCK (64u << 10)
#define BLOCK_MAX (1u << 20)

struct log_block {
    const struct log_format *format;
    char *p;
    size_t n;
    int64_t off;
};

static void block_read(struct log_block *b, struct logview *v, int64_t off, int64_t end)
{
    size_t want = end - off > BLOCK ? BLOCK : (size_t)(end - off);

    b->off = off;
    b->n = logview_pread(v, b->p, want, off);
}

/* The first line from b's byte `at` on that has a time. Returns its offset in the block or -1. */
static int64_t next_timed(const struct log_block *b, size_t at, int64_t *out_ns)
{
    struct log_record r;

    while (at < b->n) {
        const char *newline = memchr(b->p + at, b->format->end, b->n - at);

        if (!newline)
            return -1;
        if (b->format->parse(b->p + at, (size_t)(newline - (b->p + at)), &r) &&
            b->format->time(&r, out_ns))
            return (int64_t)at;
        at = (size_t)(newline - b->p) + 1;
    }
    return -1;
}

/* From lo, where a record begins: the first record that is not before t. */
static int64_t scan_time(struct logview *v, struct log_block *b, int64_t lo, int64_t end, int64_t t)
{
    int64_t ns, found;

    while (lo < end) {
        size_t at = 0;
        const char *last;

        block_read(b, v, lo, end);
        while ((found = next_timed(b, at, &ns)) >= 0) {
            if (ns >= t)
                return lo + found;
            at = (size_t)((char *)memchr(b->p + found, b->format->end, b->n - (size_t)found) -
                          b->p) +
                 1;
        }
        last = memrchr(b->p, b->format->end, b->n);
        if (!b->n || lo + (int64_t)b->n >= end)
            return end;
        lo += last ? last - b->p + 1 : (int64_t)b->n;
    }
    return end;
}

/* The first record of [0, end) that is not before t; end: all are. */
static int64_t find_time(const struct log_format *format, struct logview *v, int64_t end, int64_t t)
{
    autofree char *space = mem_alloc(BLOCK);
    struct log_block b = {.format = format, .p = space};
    int64_t lo = 0, hi = end, ns = 0;

    while (hi - lo > BLOCK) {
        int64_t mid = lo + (hi - lo) / 2, found = -1;
        const char *newline;

        block_read(&b, v, mid, hi);
        newline = memchr(b.p, b.format->end, b.n);
        if (newline)
            found = next_timed(&b, (size_t)(newline - b.p) + 1, &ns);
        /* A hole: search on before it. Too early is harmless, too late would lose lines. */
        if (found < 0 || ns >= t)
            hi = mid;
        else
            lo = mid + found;
    }
    return scan_time(v, &b, lo, end, t);
}

/* The place in the file of `gen`, or the next that is there, where t is; sets *gen to it. False:
 * all of it is before t, or there is no file. */
static bool seek_in_file(struct readdisk *d, int64_t *gen, int64_t t, int64_t *out_off)
{
    struct logview v;
    int64_t end;

    logview_open(&v, logfiles_open(d->files, gen));
    if (v.fd < 0)
        return false;
    end = logview_size(&v);
    if (*gen == d->limit.gen && end > d->limit.off)
        end = d->limit.off;
    *out_off = find_time(d->format, &v, end, t);
    logview_close(&v);
    return *out_off < end;
}

/* Whether the file begins before t. One that cannot be read does not: too early is harmless. */
static bool begins_before(struct readdisk *d, int64_t gen, int64_t t)
{
    autofree char *space = mem_alloc(BLOCK);
    struct log_block b = {.format = d->format, .p = space};
    int64_t ns, got = gen;
    struct logview v;
    bool is_before;

    logview_open(&v, logfiles_open(d->files, &got));
    if (v.fd < 0)
        return false;
    block_read(&b, &v, 0, logview_size(&v));
    is_before = got == gen && next_timed(&b, 0, &ns) >= 0 && ns < t;
    logview_close(&v);
    return is_before;
}

/* The place of the first record at or after t between from and limit: in the last file that begins
 * before t, or at the start of the one after it. Few of them are opened. */
static struct log_pos seek_time(struct readdisk *d, struct log_pos from, int64_t t)
{
    int64_t lo = from.gen, hi = d->limit.gen, off;

    while (lo < hi) {
        int64_t mid = lo + (hi - lo + 1) / 2;

        if (begins_before(d, mid, t))
            lo = mid;
        else
            hi = mid - 1;
    }
    for (; lo <= d->limit.gen; lo++) {
        if (seek_in_file(d, &lo, t, &off))
            return (struct log_pos){lo, off};
    }
    return d->limit;
}

struct tail {
    const struct readdisk *d;
    int64_t left;
    bool has_seen[2]; /* stdout, stderr: a later piece of the line counted already */
};

/* Counts a line, newest first. True: it is one too many. */
static bool count_line(struct tail *t, const char *p, size_t n)
{
    struct log_record r;
    bool *has_seen;

    if (!t->d->format->parse(p, n, &r) || !readdisk_wants(t->d, &r))
        return false;
    if (t->d->has_steps && !readdisk_is_in_time(t->d, &r))
        return false;
    has_seen = &t->has_seen[r.stream == STREAM_STDERR];
    if (*has_seen && !t->d->format->ends_line(&r))
        return false;
    *has_seen = true;
    if (!t->left)
        return true;
    t->left--;
    return false;
}

/* Lines of [begin, begin + n) from its end; *out_start: of the first line that is whole in it.
 * Returns whether the count is full, then *out_start is where to begin. */
static bool tail_block(struct tail *t, const char *p, size_t n, bool is_first, size_t *out_start)
{
    size_t end = n;

    while (end > 0) {
        size_t body = p[end - 1] == t->d->format->end ? end - 1 : end;
        const char *newline = memrchr(p, t->d->format->end, body);
        size_t start = newline ? (size_t)(newline - p) + 1 : 0;

        if (!newline && !is_first)
            break;
        *out_start = end;
        if (count_line(t, p + start, body - start))
            return true;
        end = start;
    }
    *out_start = end;
    return false;
}

/* Walks back in [begin, end) of one file. True: *out is where the last lines begin. */
static bool tail_file(struct tail *t, struct logview *v, int64_t begin, int64_t end, int64_t *out)
{
    autofree char *p = mem_alloc(BLOCK_MAX);
    size_t size = BLOCK;

    while (end > begin) {
        int64_t start = end - begin > (int64_t)size ? end - (int64_t)size : begin;
        size_t n = logview_pread(v, p, (size_t)(end - start), start), first = n;

        if (n < (size_t)(end - start))
            return false;
        if (tail_block(t, p, n, start == begin, &first)) {
            *out = start + (int64_t)first;
            return true;
        }
        if (first < n) {
            end = start + (int64_t)first;
            size = BLOCK;
        } else if (size < BLOCK_MAX) {
            size *= 4; /* a line longer than the block */
        } else {
            end = start; /* junk */
        }
    }
    return false;
}

static struct log_pos seek_tail(struct readdisk *d, struct log_pos from)
{
    struct tail t = {.d = d, .left = d->q.tail};

    for (int64_t gen = d->limit.gen; gen >= from.gen; gen--) {
        int64_t got = gen, end, off, begin = gen == from.gen ? from.off : 0;
        struct logview v;
        bool is_found;

        logview_open(&v, logfiles_open(d->files, &got));
        if (v.fd < 0 || got != gen) {
            logview_close(&v);
            continue; /* gone, or none yet */
        }
        end = logview_size(&v);
        if (gen == d->limit.gen && end > d->limit.off)
            end = d->limit.off;
        is_found = tail_file(&t, &v, begin, end, &off);
        logview_close(&v);
        if (is_found)
            return (struct log_pos){gen, off};
    }
    return from;
}

void readdisk_locate(struct readdisk *d)
{
    struct log_pos from = {logfiles_oldest(d->files), 0};

    d->has_steps = (d->q.since_ns || d->q.until_ns) && logfiles_have_step(d->files);
    if (d->q.until_ns && !d->q.follow && !d->has_steps)
        d->limit = seek_time(d, from, d->q.until_ns + 1);
    if (d->q.since_ns && !d->has_steps)
        from = seek_time(d, from, d->q.since_ns);
    if (d->q.tail >= 0)
        from = d->q.tail ? seek_tail(d, from) : d->limit;
    d->pos = from;
}
