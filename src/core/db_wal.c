/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and judges a write-ahead log. Start-up and --recover.
 * Trap: the checksum runs through the whole log, so one wrong bit makes every later frame wrong
 * as SQLite counts. Here a frame is judged by the checksum that the frame before it has in the
 * file: so only what is damaged is.
 */
#include "db_wal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

#define MAGIC 0x377f0682u /* the last bit: words are big endian in checksums */
#define WAL_MAX (1ll << 30)
#define LATER_MAX (1u << 20)
#define PAGE_MIN 512u
#define PAGE_MAX 65536u
#define PAGE_USUAL 4096u /* what SQLite makes, and we with it */

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t word(const unsigned char *p, bool is_big_endian)
{
    if (is_big_endian)
        return get32(p);
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* n is a multiple of 8. */
static void sum_add(const unsigned char *p, size_t n, bool is_big_endian, uint32_t sum[2])
{
    for (size_t i = 0; i < n; i += 8) {
        sum[0] += word(p + i, is_big_endian) + sum[1];
        sum[1] += word(p + i + 4, is_big_endian) + sum[0];
    }
}

static size_t frame_bytes(const struct wal *w)
{
    return WAL_FRAME_HEADER + (size_t)w->page_bytes;
}

static const unsigned char *frame_at(const struct wal *w, size_t i)
{
    return w->text + WAL_HEADER + i * frame_bytes(w);
}

static void read_header(struct wal *w)
{
    const unsigned char *h = w->text;
    uint32_t sum[2] = {0};

    if (w->len < WAL_HEADER)
        return;
    w->page_bytes = get32(h + 8);
    w->salt[0] = get32(h + 16);
    w->salt[1] = get32(h + 20);
    w->is_big_endian = get32(h) & 1;
    sum_add(h, 24, w->is_big_endian, sum);
    w->is_header_sound = (get32(h) & ~1u) == MAGIC && sum[0] == get32(h + 24) &&
                         sum[1] == get32(h + 28) && w->page_bytes >= PAGE_MIN &&
                         w->page_bytes <= PAGE_MAX && !(w->page_bytes & (w->page_bytes - 1));
}

void wal_sum_of(const struct wal *w, size_t i, uint32_t out[2])
{
    const unsigned char *f = frame_at(w, i);

    out[0] = get32(f + 16);
    out[1] = get32(f + 20);
}

static void sum_before(const struct wal *w, size_t i, uint32_t out[2])
{
    if (i) {
        wal_sum_of(w, i - 1, out);
        return;
    }
    out[0] = get32(w->text + 24);
    out[1] = get32(w->text + 28);
}

/* head: the 8 bytes of the page's number and the commit. */
static bool fits(const struct wal *w, size_t i, const unsigned char *head,
                 const unsigned char *page)
{
    uint32_t sum[2], wanted[2];

    sum_before(w, i, sum);
    wal_sum_of(w, i, wanted);
    sum_add(head, 8, w->is_big_endian, sum);
    sum_add(page, w->page_bytes, w->is_big_endian, sum);
    return sum[0] == wanted[0] && sum[1] == wanted[1];
}

bool wal_frame_fits(const struct wal *w, size_t i, const unsigned char *page)
{
    return fits(w, i, frame_at(w, i), page);
}

static void put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

bool wal_mend_frame(const struct wal *w, size_t i, uint32_t n_pages, struct wal_frame *f)
{
    const unsigned char *page = frame_at(w, i) + WAL_FRAME_HEADER;

    for (uint32_t n = 0; n <= 2 * n_pages + 1; n++) {
        bool is_commit = n > n_pages; /* the page is right, and the commit is 0 … n_pages */
        unsigned char head[8];

        memcpy(head, frame_at(w, i), sizeof(head));
        put32(head + (is_commit ? 4 : 0), is_commit ? n - n_pages - 1 : n);
        if (!fits(w, i, head, page))
            continue;
        f->page = get32(head);
        f->commit = get32(head + 4);
        return f->page != 0;
    }
    return false;
}

void wal_frame(const struct wal *w, size_t i, struct wal_frame *out)
{
    const unsigned char *f = frame_at(w, i);

    out->page = get32(f);
    out->commit = get32(f + 4);
    out->data = f + WAL_FRAME_HEADER;
    out->is_same_salts = get32(f + 8) == w->salt[0] && get32(f + 12) == w->salt[1];
    out->is_sound = out->page && out->is_same_salts && wal_frame_fits(w, i, out->data);
}

static void count_frames(struct wal *w)
{
    struct wal_frame f;
    bool is_behind = false;

    if (!w->is_header_sound)
        return;
    w->n_frames = (w->len - WAL_HEADER) / frame_bytes(w);
    for (size_t i = 0; i < w->n_frames; i++) {
        wal_frame(w, i, &f);
        if (!is_behind && f.is_sound) {
            if (f.commit)
                w->n_valid = i + 1;
            continue;
        }
        is_behind = true;
        if (f.is_same_salts && f.commit)
            w->n_later_commits++;
    }
}

static struct err *read_text(int fd, struct wal *w)
{
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return err_sys("look at the log");
    if (st.st_size > WAL_MAX)
        return err_new(ERR_TOO_LARGE, "the write-ahead log has %lld bytes", (long long)st.st_size);
    w->text = mem_alloc((size_t)st.st_size + 1);
    while (w->len < (size_t)st.st_size) {
        n = pread(fd, w->text + w->len, (size_t)st.st_size - w->len, (off_t)w->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys("read the log");
        if (n == 0)
            break;
        w->len += (size_t)n;
    }
    return NULL;
}

struct err *wal_read(const char *path, struct wal *out)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct err *err;

    *out = (struct wal){0};
    if (fd < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", path);
    err = read_text(fd, out);
    if (err) {
        wal_finish(out);
        return err;
    }
    read_header(out);
    count_frames(out);
    return NULL;
}

void wal_mend_header(struct wal *w)
{
    if (w->is_header_sound || w->len < WAL_HEADER + WAL_FRAME_HEADER + PAGE_USUAL)
        return;
    w->page_bytes = PAGE_USUAL;
    w->is_big_endian = false;
    w->salt[0] = get32(w->text + WAL_HEADER + 8);
    w->salt[1] = get32(w->text + WAL_HEADER + 12);
    w->n_frames = (w->len - WAL_HEADER) / frame_bytes(w);
}

void wal_finish(struct wal *w)
{
    free(w->text);
    *w = (struct wal){0};
}

/* SQLite counts the first salt up by one when it begins the log anew, and does so only when all of
 * it is in the database. More than once: the machine ended before the mark was on disk. */
static bool is_later_log(const struct wal *w, const struct wal_place *p)
{
    uint32_t n = w->salt[0] - p->salt[0];

    return n && n <= LATER_MAX;
}

static bool has_place(const struct wal *w, const struct wal_place *p)
{
    uint32_t sum[2];

    if (w->n_valid < p->n_frames)
        return false;
    wal_sum_of(w, p->n_frames - 1, sum);
    return sum[0] == p->sum[0] && sum[1] == p->sum[1];
}

bool wal_is_whole(const struct wal *w, const struct wal_place *place, const char **why)
{
    bool must_have = place && place->n_frames;

    if (w->len == 0) {
        *why = "its write-ahead log is gone: what was written last is lost";
        return !must_have;
    }
    if (!w->is_header_sound) {
        *why = "the head of its write-ahead log is damaged";
        return place ? !must_have : w->len <= WAL_HEADER;
    }
    if (must_have && w->salt[0] == place->salt[0] && w->salt[1] == place->salt[1]) {
        *why = w->n_later_commits
                   ? "its write-ahead log is damaged in the middle: what was written after it is "
                     "lost"
                   : "the end of its write-ahead log is lost, and with it what was written last";
        return has_place(w, place);
    }
    if (must_have && !is_later_log(w, place)) {
        *why = "its write-ahead log is not the one that was written";
        return false;
    }
    *why = "its write-ahead log is damaged in the middle: what was written after it is lost";
    return w->n_later_commits < 2;
}
