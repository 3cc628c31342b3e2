/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a log a window at a time and renders its records for a client. Runs on a
 * disk worker, one window a job, so a reader that its client does not empty costs
 * nothing. What is no record (torn by a power cut, zero-filled, written by hand) is
 * skipped up to the next newline and the rest is served. Trap: the last bytes before
 * the limit may be a record that is not ended yet; pos stays in front of it.
 */
#include "readdisk.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

void readdisk_init(struct readdisk *d, struct logfiles *files, const struct log_format *format,
                   const struct log_query *q)
{
    d->files = files;
    d->format = format;
    d->q = *q;
    d->view = LOGVIEW_CLOSED;
}

static void close_file(struct readdisk *d)
{
    logview_close(&d->view);
}

void readdisk_finish(struct readdisk *d)
{
    close_file(d);
    free(d->out);
}

/* The crowd's reader has read the window for this one. */
void readdisk_move(struct readdisk *d, const struct readdisk *to)
{
    close_file(d);
    d->pos = to->pos;
    d->limit = to->limit;
    d->at_limit = to->at_limit;
}

size_t readdisk_pread(int fd, char *p, size_t n, int64_t off)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = pread(fd, p + done, n - done, off + (int64_t)done);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    return done;
}

bool readdisk_wants(const struct readdisk *d, const struct log_record *r)
{
    return r->stream == STREAM_STDERR ? d->q.want_stderr : d->q.want_stdout;
}

bool readdisk_is_in_time(const struct readdisk *d, const struct log_record *r)
{
    int64_t ns;

    if ((!d->q.since_ns && !d->q.until_ns) || !d->format->time(r, &ns))
        return true;
    return ns >= d->q.since_ns && (!d->q.until_ns || ns <= d->q.until_ns);
}

/* `since` and `until` are looked at record by record: the search may have found a place a little
 * too early. */
static bool is_in_time(struct readdisk *d, const struct log_record *r)
{
    int64_t ns;

    if (d->q.until_ns && !d->has_steps && d->format->time(r, &ns) && ns > d->q.until_ns)
        d->is_past_until = true;
    return readdisk_is_in_time(d, r);
}

/* At least `more` bytes behind out_n. */
static void out_reserve(struct readdisk *d, size_t more)
{
    size_t room = d->out_room ? d->out_room : 4096;

    while (room < d->out_n + more)
        room *= 2;
    if (room == d->out_room)
        return;
    d->out = realloc(d->out, room); /* not zeroed: only what was rendered is looked at */
    ASSERT(d->out);
    d->out_room = room;
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return strcmp(x->key, y->key);
}

/* As Go's QueryEscape: a space is a plus. */
static void add_escaped(struct buf *out, struct arena *a, const char *s)
{
    const char *text = text_to_query(a, s);

    for (const char *at = text; *at; at++) {
        bool is_space = !strncmp(at, "%20", 3);

        buf_putc(out, is_space ? '+' : *at);
        at += is_space ? 2 : 0;
    }
}

/* "k=v,k2=v2 " as `logs --details` prints attributes: sorted, each part query-escaped. */
static void add_details(struct readdisk *d, const struct log_record *r)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    const struct json *doc = NULL;
    struct pairs attrs = {0};

    if (r->attrs)
        err_drop(json_parse(a, r->attrs, r->attrs_n, &doc));
    for (const struct json *j = json_first(doc); j; j = json_next(j)) {
        if (json_key(j) && json_str(j))
            pairs_set(a, &attrs, json_key(j), json_str(j));
    }
    if (attrs.n)
        qsort(attrs.v, attrs.n, sizeof(*attrs.v), by_key);
    for (size_t i = 0; i < attrs.n; i++) {
        if (i)
            buf_putc(&text, ',');
        add_escaped(&text, a, attrs.v[i].key);
        buf_putc(&text, '=');
        add_escaped(&text, a, attrs.v[i].value);
    }
    buf_putc(&text, ' ');
    out_reserve(d, text.len);
    memcpy(d->out + d->out_n, text.data, text.len);
    d->out_n += text.len;
}

static void add_record(struct readdisk *d, const struct log_record *r)
{
    size_t start = d->out_n;

    out_reserve(d, FRAME_HEADER + RFC3339_MAX + 1);
    if (d->q.framed)
        d->out_n += FRAME_HEADER;
    if (d->q.timestamps) {
        d->out_n += d->format->time_fixed(r, d->out + d->out_n);
        d->out[d->out_n++] = ' ';
    }
    if (d->q.details)
        add_details(d, r);
    out_reserve(d, r->log_n + 1);
    d->out_n += d->format->text(r, d->out + d->out_n);
    ASSERT(d->out_n <= d->out_room);
    if (d->q.framed)
        frame_header((unsigned char *)d->out + start, r->stream, d->out_n - start - FRAME_HEADER);
}

/* Renders whole lines of p; returns the length of what is done with. */
static size_t render(struct readdisk *d, const char *p, size_t n)
{
    const char *at = p, *end = p + n, *newline;
    struct log_record r;

    out_reserve(d, n); /* the rendered form is almost never longer */
    while ((newline = memchr(at, d->format->end, (size_t)(end - at)))) {
        if (d->format->parse(at, (size_t)(newline - at), &r) && readdisk_wants(d, &r) &&
            is_in_time(d, &r))
            add_record(d, &r);
        if (d->is_past_until)
            break;
        at = newline + 1;
    }
    return (size_t)(at - p);
}

/* False: the log has no file. A rotation may have taken the file that was read (max-file): reading
 * goes on at the oldest that is left. */
static bool open_file(struct readdisk *d)
{
    int64_t gen = d->pos.gen;

    if (d->view.fd >= 0)
        return true;
    logview_open(&d->view, logfiles_open(d->files, &gen));
    if (d->view.fd < 0)
        return false;
    if (gen != d->pos.gen)
        d->pos = (struct log_pos){gen, 0};
    return true;
}

/* Where reading of the open file ends for now: at its end, and in the newest file at the limit,
 * since behind it a write may be under way. */
static int64_t end_of_file(struct readdisk *d)
{
    int64_t size = logview_size(&d->view);

    ASSERT(d->view.fd >= 0);
    if (d->pos.gen == d->limit.gen && size > d->limit.off)
        return d->limit.off;
    return size;
}

/* Bytes without a newline: junk to skip, a torn end of a rotated file, or the unended end. */
static void pass_fragment(struct readdisk *d, const char *p, size_t n, bool is_end)
{
    struct log_record r;
    bool is_rotated = d->pos.gen < d->limit.gen;

    ASSERT(n);
    if (!is_end) {
        d->pos.off += (int64_t)n;
        return;
    }
    if (is_rotated || !d->q.follow) {
        if (d->format->parse(p, n, &r) && readdisk_wants(d, &r) && is_in_time(d, &r))
            add_record(d, &r);
        d->pos.off += (int64_t)n;
    }
    d->at_limit = !is_rotated;
}

static void read_window(struct readdisk *d, int64_t end)
{
    size_t want = (size_t)(end - d->pos.off), n, used;
    bool is_end = want <= READ_WINDOW;
    autofree char *in = malloc(is_end ? want : READ_WINDOW); /* not zeroed: it is overwritten */

    ASSERT(in);
    n = logview_pread(&d->view, in, is_end ? want : READ_WINDOW, d->pos.off);
    if (!n) { /* cut short by somebody, or the disk fails: do not come again for ever */
        d->at_limit = d->pos.gen >= d->limit.gen;
        d->pos.off = end;
        return;
    }
    used = render(d, in, n);
    ASSERT(used <= n);
    d->pos.off += (int64_t)used;
    if (!used && !d->is_past_until)
        pass_fragment(d, in, n, is_end);
}

void readdisk_window(struct readdisk *d)
{
    int64_t end;

    d->out_n = 0;
    d->at_limit = false;
    while (!d->out_n && !d->at_limit && !d->is_past_until) {
        if (d->pos.gen > d->limit.gen || !open_file(d)) {
            d->at_limit = true;
            break;
        }
        end = end_of_file(d);
        if (d->pos.gen == d->limit.gen && d->pos.off > end)
            d->pos.off = d->q.follow ? 0 : end; /* truncated by an operator */
        if (d->pos.off < end) {
            read_window(d, end);
        } else if (d->pos.gen < d->limit.gen) {
            close_file(d);
            d->pos = (struct log_pos){d->pos.gen + 1, 0};
        } else {
            d->at_limit = true;
        }
    }
    if (d->at_limit)
        close_file(d); /* idle followers hold no fd */
}
