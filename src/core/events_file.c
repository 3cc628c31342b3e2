/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of events on disk: a journal of two files, and the number that the next engine begins
 * with.
 *
 *   DIR/log, DIR/log.1    a line an event: number, time, then type, action, id, keys and values
 *   DIR/next              the first number that nobody has seen
 *
 * While an engine runs, `next` is so far ahead that it never comes there: one that is killed may
 * have given numbers that are in no file, and those must not come again. The next engine then
 * leaves a gap in the numbers, which is how a client learns of what is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/journal.h"
#include "core/loop.h"

#include "events_inner.h"

#define FILE_BYTES (2 << 20)
#define FILE_BYTES_MAX (2 * FILE_BYTES)
#define FILES 2
#define PENDING_MAX (1u << 20)
#define NUMBERS_AHEAD                                                                              \
    (1ull << 32) /* more events than an engine tells; 2^53 is what JSON carries                    \
                  */
#define FIELDS_MAX 4096

struct events_file {
    struct journal *journal;
    char *dir;
};

/* ---- a line ---- */

static void put_field(struct buf *out, const char *s)
{
    buf_putc(out, '\t');
    for (; *s; s++) {
        if (*s == '\\' || *s == '\t' || *s == '\n') {
            buf_putc(out, '\\');
            buf_putc(out, *s == '\t' ? 't' : *s == '\n' ? 'n' : '\\');
        } else {
            buf_putc(out, *s);
        }
    }
}

void events_file_add(struct events_file *f, const struct event *e)
{
    autobuf struct buf b = {0};

    buf_printf(&b, "%llu %lld", (unsigned long long)e->seq, (long long)e->wall_ns);
    put_field(&b, e->type);
    put_field(&b, e->action);
    put_field(&b, e->id);
    for (size_t i = 0; i < e->attrs.n && i < FIELDS_MAX / 2 - 8; i++) {
        put_field(&b, e->attrs.v[i].key);
        put_field(&b, e->attrs.v[i].value);
    }
    journal_add(f->journal, b.data, b.len);
}

bool events_file_is_busy(const struct events_file *f)
{
    return journal_is_busy(f->journal);
}

/* In place. */
static void take_field(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* False: it is no event, or was torn. */
static bool read_line(char *line, struct pair *room, struct event *out)
{
    char *fields[FIELDS_MAX], *end = NULL, *rest = line;
    size_t n = 0;

    while (rest && n < FIELDS_MAX) {
        fields[n++] = strsep(&rest, "\t");
        take_field(fields[n - 1]);
    }
    if (n < 4 || n % 2 || rest)
        return false;
    out->seq = strtoull(fields[0], &end, 10);
    if (end == fields[0] || *end != ' ' || !out->seq || !text_to_i64(end + 1, &out->wall_ns))
        return false;
    out->type = fields[1];
    out->action = fields[2];
    out->id = fields[3];
    out->attrs = (struct pairs){room, 0};
    for (size_t i = 4; i < n; i += 2)
        room[out->attrs.n++] = (struct pair){fields[i], fields[i + 1]};
    return true;
}

/* ---- start-up ---- */

/* Numbers rise; a line that is damaged is left out, and shows as a gap. */
static void restore_lines(struct events *ev, struct arena *a, char *text)
{
    struct pair *room = arena_array(a, FIELDS_MAX / 2, sizeof(*room));
    struct event e;

    for (char *line; (line = strsep(&text, "\n"));)
        if (*line && read_line(line, room, &e) && e.seq > events_last(ev))
            events_restore(ev, &e);
}

static void restore_file(struct events *ev, int dir, const char *name)
{
    autoarena struct arena *a = arena_create();
    char *text = NULL;
    size_t len;
    struct err *err = file_read(a, dir, name, FILE_BYTES_MAX, &text, &len);

    if (!err)
        restore_lines(ev, a, text);
    else if (err_kind(err) != ERR_NOT_FOUND)
        log_warn("the history of events cannot be read", KV("file", name),
                 KV("error", err_text(err)));
    err_drop(err);
}

/* The last number that somebody may have seen. */
static uint64_t last_number(const struct events *ev, int dir)
{
    autoarena struct arena *a = arena_create();
    uint64_t last = events_last(ev);
    char *text = NULL;
    size_t len;
    struct err *err = file_read(a, dir, "next", 64, &text, &len);
    uint64_t next = err ? 0 : strtoull(text, NULL, 10);

    err_drop(err);
    if (!next && last) /* the file is lost */
        return last + NUMBERS_AHEAD;
    return next > last ? next - 1 : last;
}

static struct err *write_next(const char *dir, uint64_t next)
{
    autoarena struct arena *a = arena_create();
    char text[32];
    int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)next);

    return file_write_atomic(AT_FDCWD, path_join(a, dir, "next"), text, (size_t)n, 0600, false);
}

/* On a full disk the engine does without: after a SIGKILL numbers may come again then. */
static void put_next(const char *dir, uint64_t next)
{
    struct err *err = write_next(dir, next);

    if (err)
        log_warn("the number of the next event cannot be written", KV("error", err_text(err)));
    err_drop(err);
}

/* Clients see gaps by the numbers; here nothing is to be told. */
static void tell_gap(void *ctx, struct buf *out, uint64_t n)
{
    (void)ctx;
    buf_printf(out, "lost %llu", (unsigned long long)n);
}

struct err *events_keep(struct events *ev, struct loop *l, struct pools *p, const char *dir)
{
    autoarena struct arena *a = arena_create();
    const struct journal_settings s = {.path = path_join(a, dir, "log"),
                                       .max_bytes = FILE_BYTES,
                                       .max_files = FILES,
                                       .pending_max = PENDING_MAX,
                                       .tell_gap = tell_gap};
    struct events_file *f;
    struct journal *journal;
    autoclose int fd = -1;
    uint64_t last;

    TRY(dir_make_all(dir, 0700));
    fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys("open %s", dir);
    restore_file(ev, fd, "log.1");
    restore_file(ev, fd, "log");
    last = last_number(ev, fd);
    put_next(dir, last + 1 + NUMBERS_AHEAD);
    TRY(journal_open(l, p, &s, &journal));
    events_begin_at(ev, last);
    f = mem_new(struct events_file);
    f->journal = journal;
    f->dir = mem_strdup(dir);
    events_set_file(ev, f);
    return NULL;
}

void events_file_close(struct events_file *f, uint64_t last_seq)
{
    if (!f)
        return;
    journal_close(f->journal);
    put_next(f->dir, last_seq + 1);
    free(f->dir);
    free(f);
}
