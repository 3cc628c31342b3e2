/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three tries, each with less of page 1: as it is; with a head as SQLite would write it; with the
 * page 1 of an empty state file, whose tables begin at the same pages as everybody's, since one
 * statement makes them. What any try reads counts; the checksum beside each document says whether
 * it may be believed.
 * Trap: a row that cannot be read ends a scan. So tables are read from both ends, and what is
 * known to have existed is asked for by its key.
 */
#include "db_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/map.h"

#include "db_copy.h"
#include "db_format.h"
#include "db_mark.h"
#include "db_wal.h"

#define PAGE_USUAL 4096u
#define FILE_BYTES_MAX (4ull << 30)
#define HEAD_BYTES 100

struct pages {
    unsigned char *text;
    size_t len; /* a multiple of page_bytes */
    uint32_t page_bytes;
};

static void put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

/* ---- the pages ---- */

static struct err *read_pages(const char *path, struct pages *p)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t room, n = 0;
    struct stat st;
    ssize_t r;

    if (fd < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", path);
    if (fstat(fd, &st) < 0)
        return err_sys("look at %s", path);
    if ((uint64_t)st.st_size > FILE_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "%s has %lld bytes", path, (long long)st.st_size);
    room = ((size_t)st.st_size + p->page_bytes - 1) / p->page_bytes * p->page_bytes;
    p->text = mem_alloc(room + 1);
    while (n < (size_t)st.st_size &&
           (r = pread(fd, p->text + n, (size_t)st.st_size - n, (off_t)n)) != 0) {
        if (r < 0 && errno != EINTR)
            return err_sys("read %s", path);
        n += r > 0 ? (size_t)r : 0;
    }
    p->len = room;
    return NULL;
}

static void set_page(struct pages *p, uint32_t page, const unsigned char *data)
{
    size_t end = (size_t)page * p->page_bytes;

    if (end > FILE_BYTES_MAX)
        return;
    if (end > p->len) {
        p->text = mem_resize(p->text, p->len, end);
        p->len = end;
    }
    memcpy(p->text + end - p->page_bytes, data, p->page_bytes);
}

static const unsigned char *page_of(const struct pages *p, uint32_t page)
{
    size_t end = (size_t)page * p->page_bytes;

    return end <= p->len ? p->text + end - p->page_bytes : NULL;
}

/* Whether the frame is of this log; as far as can be told, put right. The checksum does not cover
 * the salts, so a frame that continues a chain is believed without them. */
static bool accept(const struct wal *w, size_t i, const struct pages *p, bool is_last_accepted,
                   struct wal_frame *f)
{
    uint32_t n_pages = (uint32_t)(p->len / p->page_bytes + w->n_frames);
    const unsigned char *before;

    wal_frame(w, i, f);
    if (f->is_sound || (is_last_accepted && f->page && wal_frame_fits(w, i, f->data)))
        return true;
    if (!f->is_same_salts)
        return false;
    if (wal_mend_frame(w, i, n_pages, f))
        return true;
    before = f->page ? page_of(p, f->page) : NULL;
    if (before && wal_frame_fits(w, i, before)) /* it had come to the file already */
        f->data = before;
    return f->page && f->page <= n_pages && f->commit <= n_pages;
}

/* Frames behind the last commit were never promised. Returns how many count. */
static size_t apply_log(const struct wal *w, struct pages *p)
{
    struct wal_frame *frames = mem_array(w->n_frames + 1, sizeof(*frames));
    bool *is_accepted = mem_array(w->n_frames + 1, sizeof(bool));
    size_t n = 0;
    uint32_t n_pages = 0;

    for (size_t i = 0; i < w->n_frames; i++) {
        is_accepted[i] = accept(w, i, p, i == 0 || is_accepted[i - 1], &frames[i]);
        if (!is_accepted[i] || !frames[i].commit)
            continue;
        n = i + 1;
        n_pages = frames[i].commit;
    }
    for (size_t i = 0; i < n; i++)
        if (is_accepted[i] && frames[i].data != page_of(p, frames[i].page))
            set_page(p, frames[i].page, frames[i].data);
    if (n_pages && (size_t)n_pages * p->page_bytes < p->len)
        p->len = (size_t)n_pages * p->page_bytes;
    free(frames);
    free(is_accepted);
    return n;
}

static bool is_short(const char *db_path, const struct wal *w, size_t n_frames)
{
    struct mark m;

    if (!mark_read(db_path, &m))
        return n_frames < w->n_frames && w->n_later_commits;
    if (m.is_closing || !m.place.n_frames)
        return false;
    return n_frames < m.place.n_frames &&
           (n_frames == 0 || (w->salt[0] == m.place.salt[0] && w->salt[1] == m.place.salt[1]));
}

static struct err *put_together(const char *db_path, struct pages *p, bool *log_is_short)
{
    autofree char *wal_path = mem_printf("%s-wal", db_path);
    struct wal w;
    struct err *err;

    TRY(wal_read(wal_path, &w));
    wal_mend_header(&w);
    p->page_bytes = w.page_bytes && w.n_frames ? w.page_bytes : PAGE_USUAL;
    err = read_pages(db_path, p);
    if (!err)
        *log_is_short = is_short(db_path, &w, apply_log(&w, p));
    wal_finish(&w);
    return err;
}

/* ---- page 1 ---- */

/* sqlite.org/fileformat2.html, 1.3: everything in it is known, but the counters, which may be
 * anything. */
static void mend_head(unsigned char *page, uint32_t page_bytes, size_t n_pages)
{
    memcpy(page, "SQLite format 3", 16);
    page[16] = (unsigned char)(page_bytes >> 8);
    page[17] = (unsigned char)(page_bytes == 65536);
    page[18] = page[19] = 1; /* no log: it was worked in */
    memcpy(page + 20, (unsigned char[]){0, 64, 32, 32}, 4);
    put32(page + 24, 1);
    put32(page + 28, (uint32_t)n_pages);
    memset(page + 32, 0, 8); /* free pages: none, for a reader */
    put32(page + 44, 4);     /* schema format */
    memset(page + 48, 0, 8);
    put32(page + 56, 1); /* UTF-8 */
    memset(page + 60, 0, 32);
    put32(page + 92, 1);
}

static struct err *make_template(const char *scratch, unsigned char *page)
{
    autoclose int fd = -1;
    sqlite3 *sql;
    bool is_made = sqlite3_open(scratch, &sql) == SQLITE_OK &&
                   sqlite3_exec(sql, db_schema_sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(sql);
    fd = open(scratch, O_RDONLY | O_CLOEXEC);
    if (!is_made || fd < 0 || pread(fd, page, PAGE_USUAL, 0) != (ssize_t)PAGE_USUAL)
        return err_new(ERR_INTERNAL, "cannot make an empty state file at %s", scratch);
    return NULL;
}

enum { AS_IT_IS, MENDED_HEAD, EMPTY_FIRST_PAGE, N_TRIES };

static struct err *write_try(const char *scratch, struct pages *p, int how)
{
    autofree unsigned char *template = mem_alloc(PAGE_USUAL);

    (void)!unlink(scratch);
    if (how == EMPTY_FIRST_PAGE && p->page_bytes == PAGE_USUAL) {
        TRY(make_template(scratch, template));
        memcpy(p->text, template, PAGE_USUAL);
    }
    if (how != AS_IT_IS)
        mend_head(p->text, p->page_bytes, p->len / p->page_bytes);
    p->text[18] = p->text[19] = 1;
    return file_write_atomic(AT_FDCWD, scratch, p->text, p->len, 0600, false);
}

/* ---- the rows ---- */

struct reader {
    struct arena *arena;
    struct map *out;
    sqlite3 *sql;
    bool has_sums;
};

static const char *column(struct reader *r, sqlite3_stmt *row, int n)
{
    const char *text = (const char *)sqlite3_column_text(row, n);

    /* a zero byte is not in what we write */
    return text && strlen(text) == (size_t)sqlite3_column_bytes(row, n)
               ? arena_strdup(r->arena, text)
               : NULL;
}

static void take_row(struct reader *r, sqlite3_stmt *row)
{
    struct image_row *new = arena_new(r->arena, struct image_row);
    const struct image_row *old;
    char *key;

    *new = (struct image_row){column(r, row, 0), column(r, row, 1), column(r, row, 2),
                              sqlite3_column_int64(row, 3), true};
    if (!new->kind || !new->id || !new->json)
        return;
    if (r->has_sums && sqlite3_column_type(row, 4) != SQLITE_NULL)
        new->is_checked = sqlite3_column_type(row, 4) ==
                          SQLITE_INTEGER &&sqlite3_column_int64(row, 4) ==
                          doc_sum(new->kind, new->id, new->json);
    key = arena_printf(r->arena, "%s/%s", new->kind, new->id);
    old = map_get(r->out, key);
    if (!old || (new->is_checked && !old->is_checked))
        map_put(r->out, key, new);
}

/* Takes what comes before the first fault. False: it ended with one. */
static bool scan(struct reader *r, const char *rest, const char *kind, const char *id)
{
    autofree char *sql = mem_printf("SELECT kind, id, json, seq, %s FROM documents %s",
                                    r->has_sums ? "sum" : "NULL", rest);
    sqlite3_stmt *stmt;
    int code;

    if (sqlite3_prepare_v2(r->sql, sql, -1, &stmt, NULL) != SQLITE_OK)
        return false;
    if (kind) {
        sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, id, -1, SQLITE_STATIC);
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        take_row(r, stmt);
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE;
}

static void look_up(struct reader *r, const char *key)
{
    autofree char *kind = mem_strdup(key);
    char *slash = strchr(kind, '/');

    if (!slash)
        return;
    *slash = '\0';
    scan(r, "WHERE kind = ?1 AND id = ?2", kind, slash + 1);
}

static bool read_rows(struct reader *r, const char *scratch, const struct strs *wanted)
{
    bool is_whole = false;

    if (sqlite3_open_v2(scratch, &r->sql, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        r->has_sums = true; /* but not in a file of an engine from before them */
        r->has_sums = scan(r, "LIMIT 0", NULL, NULL);
        is_whole = scan(r, "ORDER BY kind, id", NULL, NULL);
        scan(r, "ORDER BY kind DESC, id DESC", NULL, NULL);
        for (size_t i = 0; i < wanted->n; i++)
            look_up(r, wanted->v[i]);
    }
    sqlite3_close(r->sql);
    return is_whole;
}

struct err *db_image_rows(struct arena *a, const char *db_path, const char *scratch,
                          const struct strs *wanted, struct map *out, bool *log_is_short)
{
    struct reader r = {.arena = a, .out = out};
    struct pages p = {.page_bytes = PAGE_USUAL};
    struct err *err = put_together(db_path, &p, log_is_short);

    for (int how = AS_IT_IS; !err && p.len >= p.page_bytes && how < N_TRIES; how++) {
        err = write_try(scratch, &p, how);
        if (!err && read_rows(&r, scratch, wanted) && how == AS_IT_IS)
            break;
    }
    (void)!unlink(scratch);
    free(p.text);
    return err;
}
