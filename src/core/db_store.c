/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: WAL, synchronous=FULL (a volatile store: OFF), exclusive locking (one engine per
 * state file, no shared-memory file). Nothing is repaired or recreated silently: a file that
 * is not wholly ours and sound is refused with a sentence. Writer thread and start-up.
 * Trap: SQLite checks no content: a wrong bit in a text is read as it is, one in a key hides the
 * document, one in the log cuts it off. So each document has a checksum of its own beside it, all
 * are looked at when the file is opened, and the log before that (db_wal.h).
 */
#include "db_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"

#include "db_copies.h"
#include "db_format.h"
#include "db_mark.h"

#define CHECKPOINT_FRAMES 1000

struct db_store {
    sqlite3 *sql;
    sqlite3_stmt *put, *delete, *begin, *commit, *find;
    int64_t last_seq;       /* the highest in the file: documents are read back in this order */
    bool is_damaged;        /* it, its log, or a document in it */
    bool is_full;           /* what failed last did so for want of space */
    bool is_strange;        /* not ours, or of a newer format: nothing is wrong with it */
    struct map *sums;       /* see db_store_take_sums */
    struct mark_file *mark; /* NULL: volatile */
    struct mark at;
    char *wal_path;
    int wal; /* the log, to be read by ourselves; -1: not opened yet */
    int n_frames;
};

static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
                              "PRAGMA journal_mode=WAL;"
                              "PRAGMA cache_size=-256;"
                              "PRAGMA mmap_size=0;"
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA journal_size_limit=4194304;";

static const char put_sql[] =
    "INSERT INTO documents (kind, id, seq, json, sum) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json, sum = excluded.sum";

static struct err *sql_err(struct db_store *s, const char *what)
{
    int code = sqlite3_errcode(s->sql) & 0xff;

    s->is_full = code == SQLITE_FULL;
    if (s->is_full)
        return err_new(ERR_INTERNAL, "%s: the disk of the data root is full: free some space",
                       what);
    if (code == SQLITE_READONLY)
        return err_new(ERR_INTERNAL, "%s: its file system is read-only", what);
    return err_new(ERR_INTERNAL, "%s: %s", what, sqlite3_errmsg(s->sql));
}

static struct err *sql_exec(struct db_store *s, const char *sql, const char *what)
{
    return sqlite3_exec(s->sql, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : sql_err(s, what);
}

static struct err *sql_prepare(struct db_store *s, const char *sql, sqlite3_stmt **out)
{
    if (sqlite3_prepare_v2(s->sql, sql, -1, out, NULL) != SQLITE_OK)
        return sql_err(s, "prepare a statement");
    return NULL;
}

/* The first column of the first row; -1 when there is none. */
static struct err *sql_number(struct db_store *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    TRY(sql_prepare(s, sql, &stmt));
    r = sqlite3_step(stmt);
    if (r == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else if (r == SQLITE_DONE)
        *out = -1;
    else
        err = sql_err(s, "read");
    sqlite3_finalize(stmt);
    return err;
}

/* ---- opening ---- */

static struct err *damaged(struct db_store *s, const char *why)
{
    s->is_damaged = true;
    return err_new(ERR_INTERNAL, "%s", why);
}

static struct err *check_sound(struct db_store *s)
{
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    TRY(sql_prepare(s, "PRAGMA quick_check(1)", &stmt));
    r = sqlite3_step(stmt);
    if (r != SQLITE_ROW)
        err = sql_err(s, "check");
    else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok"))
        err = damaged(s, (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return err;
}

static struct err *strange(struct db_store *s, struct err *err)
{
    s->is_strange = true;
    return err;
}

/* The number is in two places, so that a wrong bit is not taken for the future. */
static struct err *check_number(struct db_store *s)
{
    int64_t format, version, application;

    TRY(sql_number(s, "SELECT format FROM meta", &format));
    TRY(sql_number(s, "PRAGMA user_version", &version));
    TRY(sql_number(s, "PRAGMA application_id", &application));
    if (application && application != DB_APPLICATION)
        return damaged(s, "its application id is wrong");
    if (version && version != format)
        return damaged(s, "its two format numbers differ");
    if (format > DB_FORMAT)
        return strange(s, err_new(ERR_INTERNAL,
                                  "it was written by a newer berth (format %lld, this one knows "
                                  "%d)",
                                  (long long)format, DB_FORMAT));
    if (format < 1)
        return damaged(s, "its format number is missing");
    return application && version ? NULL : sql_exec(s, db_number_sql, "number the format");
}

static struct err *check_format(struct db_store *s)
{
    int64_t tables, ours, sums;

    TRY(sql_number(s, "SELECT count(*) FROM sqlite_master", &tables));
    if (tables == 0) /* new, or a crash came before the schema */
        return sql_exec(s, db_schema_sql, "create the tables");
    TRY(sql_number(s,
                   "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                   " AND name IN ('meta', 'documents')",
                   &ours));
    if (ours != 2)
        return strange(s, err_new(ERR_INTERNAL, "it is a database, but not one of berth"));
    TRY(check_number(s));
    TRY(sql_number(s, db_has_sums_sql, &sums));
    return sums == 1 ? NULL : sql_exec(s, db_add_sums_sql, "add the checksums");
}

struct unsummed {
    struct list link;
    char *kind, *id;
    int64_t sum;
};

static void note_sum(struct db_store *s, const char *kind, const char *id, int64_t sum)
{
    autofree char *key = mem_printf("%s/%s", kind, id);
    int64_t *value = mem_new(int64_t);

    *value = sum;
    free(map_put(s->sums, key, value));
}

/* A document without a checksum was written by an engine that did not know of them. */
static struct err *check_document(struct db_store *s, sqlite3_stmt *row, struct arena *a,
                                  struct list *unsummed)
{
    const char *kind = (const char *)sqlite3_column_text(row, 0);
    const char *id = (const char *)sqlite3_column_text(row, 1);
    const char *json = (const char *)sqlite3_column_text(row, 2);
    struct unsummed *u;
    int64_t sum;

    if (!kind || !id || !json)
        return damaged(s, "a document is not text");
    sum = doc_sum(kind, id, json);
    note_sum(s, kind, id, sum);
    if (sqlite3_column_type(row, 3) == SQLITE_INTEGER && sqlite3_column_int64(row, 3) == sum)
        return NULL;
    if (sqlite3_column_type(row, 3) != SQLITE_NULL)
        return damaged(s, "the content of a document is not what was written");
    u = arena_new(a, struct unsummed);
    u->kind = arena_strdup(a, kind);
    u->id = arena_strdup(a, id);
    u->sum = sum;
    list_append(unsummed, &u->link);
    return NULL;
}

static struct err *write_sums(struct db_store *s, const struct list *unsummed)
{
    sqlite3_stmt *stmt;
    struct err *err = NULL;

    if (list_is_empty(unsummed))
        return NULL;
    TRY(sql_exec(s, "BEGIN IMMEDIATE", "begin to write checksums"));
    TRY(sql_prepare(s, "UPDATE documents SET sum = ?3 WHERE kind = ?1 AND id = ?2", &stmt));
    list_each (u, unsummed, struct unsummed, link) {
        sqlite3_bind_text(stmt, 1, u->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, u->id, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, u->sum);
        if (!err && sqlite3_step(stmt) != SQLITE_DONE)
            err = sql_err(s, "write a checksum");
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return err ? err : sql_exec(s, "COMMIT", "write checksums");
}

static struct err *check_documents(struct db_store *s)
{
    autoarena struct arena *a = arena_create();
    struct list unsummed;
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    list_init(&unsummed);
    TRY(sql_prepare(s, "SELECT kind, id, json, sum FROM documents", &stmt));
    while (!err && (r = sqlite3_step(stmt)) != SQLITE_DONE)
        err = r == SQLITE_ROW ? check_document(s, stmt, a, &unsummed) : sql_err(s, "read state");
    sqlite3_finalize(stmt);
    return err ? err : write_sums(s, &unsummed);
}

static int on_wal(void *ctx, sqlite3 *sql, const char *name, int n_frames)
{
    (void)sql;
    (void)name;
    ((struct db_store *)ctx)->n_frames = n_frames;
    return SQLITE_OK;
}

static struct err *prepare(struct db_store *s, enum durability durability)
{
    TRY(sql_exec(s, pragmas, "set up"));
    TRY(sql_exec(s, durability != VOLATILE ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF",
                 "set up"));
    sqlite3_wal_hook(s->sql, on_wal, s); /* also: no checkpoints but ours */
    TRY(check_sound(s));
    TRY(check_format(s));
    TRY(check_documents(s));
    TRY(sql_prepare(s, put_sql, &s->put));
    TRY(sql_prepare(s, "DELETE FROM documents WHERE kind = ?1 AND id = ?2", &s->delete));
    TRY(sql_prepare(s, "BEGIN IMMEDIATE", &s->begin));
    TRY(sql_prepare(s, "COMMIT", &s->commit));
    TRY(sql_prepare(s, "SELECT 1 FROM documents WHERE kind = ?1 AND id = ?2", &s->find));
    return sql_number(s, "SELECT coalesce(max(seq), 0) FROM documents", &s->last_seq);
}

/* The failure is of the moment (a lock, a full disk), and says nothing about the file. */
static bool is_busy(const struct db_store *s)
{
    int code = s->sql ? sqlite3_errcode(s->sql) & 0xff : SQLITE_CANTOPEN;

    return !s->is_damaged &&
           (code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_CANTOPEN ||
            code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_READONLY);
}

/* What to do is the person's choice; say what the choices are. */
static struct err *explain(struct db_store *s, struct err *err, const char *path,
                           enum durability durability)
{
    int code = s->sql ? sqlite3_errcode(s->sql) & 0xff : SQLITE_OK;

    if (!s->is_damaged && (code == SQLITE_BUSY || code == SQLITE_LOCKED))
        return err_wrap(err, "state file %s is in use by another engine", path);
    if (s->is_strange || is_busy(s))
        return err_wrap(err, "state file %s cannot be used", path);
    if (durability != DURABLE)
        return err_wrap(err, "state file %s is damaged", path);
    return err_wrap(err,
                    "state file %s is damaged, and nothing was changed: run 'berthd --recover' "
                    "with the same --data-root, which sets it aside and brings back what can be",
                    path);
}

/* ---- before SQLite sees it ---- */

static bool is_empty(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 || st.st_size == 0;
}

static struct err *check_presence(struct db_store *s, const char *path)
{
    autofree char *recovered = mem_printf("%s" DB_RECOVERED, path);

    if (access(recovered, F_OK) == 0)
        return damaged(s, "a recovery was cut off");
    if (is_empty(path) && (mark_exists(path) || copies_exist(path)))
        return damaged(s, "it is missing or empty, but there was one");
    return NULL;
}

/* Also notes where the log stands, for the first mark. */
static struct err *check_log(struct db_store *s, const char *path, enum durability durability)
{
    autofree char *wal_path = mem_printf("%s-wal", path);
    struct mark mark = {0};
    bool has_mark = durability != VOLATILE && mark_read(path, &mark), is_whole;
    const char *why = NULL;
    struct wal w;

    TRY(wal_read(wal_path, &w));
    if (mark.is_closing)
        mark.place.n_frames = 0;
    is_whole = wal_is_whole(&w, has_mark ? &mark.place : NULL, &why);
    if (w.n_valid) {
        s->at.place = (struct wal_place){
            .salt = {w.salt[0], w.salt[1]}, .n_frames = (uint32_t)w.n_valid, .sum = {0}};
        wal_sum_of(&w, w.n_valid - 1, s->at.place.sum);
    }
    wal_finish(&w);
    return is_whole ? NULL : damaged(s, why);
}

static struct err *check_files(struct db_store *s, const char *path, enum durability durability)
{
    if (durability != VOLATILE)
        TRY(check_presence(s, path));
    return check_log(s, path, durability);
}

/* Environments of containers are in it: for root alone. The -wal file takes its mode. */
static void create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

void db_store_remove(const char *path)
{
    autobuf struct buf wal = {0};

    buf_printf(&wal, "%s-wal", path);
    (void)!unlink(wal.data);
    (void)!unlink(path);
}

/* What is refused must not be changed by its close. */
static void set_keeps_log(struct db_store *s, bool keeps)
{
    sqlite3_db_config(s->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps, NULL);
}

static struct err *open_store(struct db_store *s, const char *path, enum durability durability)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    TRY(check_files(s, path, durability));
    create_private(path);
    if (sqlite3_open_v2(path, &s->sql, flags, NULL) != SQLITE_OK)
        return sql_err(s, "open");
    set_keeps_log(s, true);
    TRY(prepare(s, durability));
    set_keeps_log(s, false);
    if (durability == VOLATILE)
        return NULL;
    TRY(mark_open(path, &s->mark));
    mark_write(s->mark, &s->at, true);
    return NULL;
}

struct err *db_store_open(const char *path, enum durability durability, struct db_store **out,
                          enum db_trouble *trouble)
{
    struct db_store *s = mem_new(struct db_store);
    struct err *err;

    s->wal = -1;
    s->sums = map_create();
    s->wal_path = mem_printf("%s-wal", path);
    err = open_store(s, path, durability);
    if (err) {
        *trouble = is_busy(s) ? DB_BUSY : s->is_strange ? DB_STRANGE : DB_DAMAGED;
        err = explain(s, err, path, durability);
        db_store_close(s);
        return err;
    }
    *out = s;
    return NULL;
}

static void free_sums(struct map *sums)
{
    size_t cursor = 0;
    void *sum;

    while (sums && map_next(sums, &cursor, NULL, &sum))
        free(sum);
    map_destroy(sums);
}

/* The log is emptied and stays: without an inode left no new one could be made. */
static void keep_log(struct db_store *s)
{
    int yes = 1;

    sqlite3_file_control(s->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
}

/* The log is put into the database and emptied: from the mark on, its absence is no loss. */
static void close_sql(struct db_store *s)
{
    if (s->mark) {
        s->at.is_closing = true;
        mark_write(s->mark, &s->at, true);
    }
    if (s->sql) /* what is damaged is not even opened */
        keep_log(s);
    sqlite3_close(s->sql);
}

void db_store_close(struct db_store *s)
{
    if (!s)
        return;
    sqlite3_finalize(s->put);
    sqlite3_finalize(s->delete);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_finalize(s->find);
    close_sql(s);
    mark_close(s->mark);
    free_sums(s->sums);
    if (s->wal >= 0)
        close(s->wal);
    free(s->wal_path);
    free(s);
}

struct map *db_store_take_sums(struct db_store *s)
{
    return steal_ptr(&s->sums);
}

/* ---- writing ---- */

static struct err *run(struct db_store *s, sqlite3_stmt *stmt, const char *what)
{
    struct err *err = sqlite3_step(stmt) == SQLITE_DONE ? NULL : sql_err(s, what);

    sqlite3_reset(stmt);
    return err;
}

static struct err *apply(struct db_store *s, const struct db_write *w)
{
    sqlite3_stmt *stmt = w->json ? s->put : s->delete;
    struct err *err;

    sqlite3_bind_text(stmt, 1, w->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, w->id, -1, SQLITE_STATIC);
    if (w->json) {
        sqlite3_bind_int64(stmt, 3, ++s->last_seq);
        sqlite3_bind_text(stmt, 4, w->json, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 5, doc_sum(w->kind, w->id, w->json));
    }
    err = run(s, stmt, "write state");
    sqlite3_clear_bindings(stmt);
    return err;
}

/* "kind/id" → the last write of that document in the batch: earlier puts of it need not run. An
 * earlier delete does run: the put behind it then gets a new seq, as a new document does. */
static struct map *find_last_writes(struct arena *a, const struct list *writes)
{
    struct map *last = map_create();

    list_each (w, writes, struct db_write, link)
        map_put(last, arena_printf(a, "%s/%s", w->kind, w->id), w);
    return last;
}

static struct err *apply_all(struct db_store *s, const struct list *writes)
{
    autoarena struct arena *a = arena_create();
    struct map *last = find_last_writes(a, writes);
    struct err *err = NULL;

    list_each (w, writes, struct db_write, link) {
        bool is_last = map_get(last, arena_printf(a, "%s/%s", w->kind, w->id)) == w;

        if (!err && !w->err && (is_last || !w->json))
            err = apply(s, w);
    }
    map_destroy(last);
    return err;
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Where the log stands after a commit, as the file says. */
static bool read_place(struct db_store *s, struct wal_place *out)
{
    unsigned char head[WAL_HEADER], frame[WAL_FRAME_HEADER];
    off_t at;

    if (s->wal < 0)
        s->wal = open(s->wal_path, O_RDONLY | O_CLOEXEC);
    if (s->wal < 0 || s->n_frames < 1 || pread(s->wal, head, sizeof(head), 0) != sizeof(head))
        return false;
    at = WAL_HEADER + (off_t)(s->n_frames - 1) * (WAL_FRAME_HEADER + (off_t)get32(head + 8));
    if (pread(s->wal, frame, sizeof(frame), at) != sizeof(frame))
        return false;
    *out = (struct wal_place){.salt = {get32(head + 16), get32(head + 20)},
                              .n_frames = (uint32_t)s->n_frames,
                              .sum = {get32(frame + 16), get32(frame + 20)}};
    return true;
}

/* The commit is on disk. A log that cannot be put into the database now only grows. */
static void note_commit(struct db_store *s)
{
    if (s->mark && read_place(s, &s->at.place))
        mark_write(s->mark, &s->at, false);
    if (s->n_frames >= CHECKPOINT_FRAMES)
        sqlite3_wal_checkpoint_v2(s->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* Ends what `begin` began. Takes err. */
static struct err *end(struct db_store *s, struct err *err)
{
    if (!err)
        err = run(s, s->commit, "write state");
    if (err && !sqlite3_get_autocommit(s->sql))
        sqlite3_exec(s->sql, "ROLLBACK", NULL, NULL, NULL);
    if (!err)
        note_commit(s);
    return err;
}

struct err *db_store_commit(struct db_store *s, const struct list *writes)
{
    s->is_full = false;
    TRY(run(s, s->begin, "begin to write state"));
    return end(s, apply_all(s, writes));
}

struct err *db_store_commit_one(struct db_store *s, const struct db_write *w)
{
    s->is_full = false;
    TRY(run(s, s->begin, "begin to write state"));
    return end(s, apply(s, w));
}

/* ---- on a full disk ---- */

bool db_store_is_full(const struct db_store *s)
{
    return s->is_full;
}

static bool is_known(struct db_store *s, const struct db_write *w)
{
    bool is_absent;

    sqlite3_bind_text(s->find, 1, w->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->find, 2, w->id, -1, SQLITE_STATIC);
    is_absent = sqlite3_step(s->find) == SQLITE_DONE;
    sqlite3_reset(s->find);
    sqlite3_clear_bindings(s->find);
    return !is_absent;
}

void db_store_refuse_new(struct db_store *s, const struct list *writes)
{
    list_each (w, writes, struct db_write, link)
        if (w->json && !w->err && !is_known(s, w))
            w->err =
                err_new(ERR_INTERNAL,
                        "the disk of the data root is full: free some space to make new things");
}

void db_store_checkpoint(struct db_store *s)
{
    (void)sqlite3_wal_checkpoint_v2(s->sql, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* ---- reading ---- */

struct err *db_store_each(struct db_store *s, const char *kind,
                          struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
{
    static const char sql[] = "SELECT id, json FROM documents WHERE kind = ?1 ORDER BY seq";
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    TRY(sql_prepare(s, sql, &stmt));
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    while (!err && (r = sqlite3_step(stmt)) != SQLITE_DONE) {
        if (r == SQLITE_ROW)
            err = fn(ctx, (const char *)sqlite3_column_text(stmt, 0),
                     (const char *)sqlite3_column_text(stmt, 1));
        else
            err = sql_err(s, "read state");
    }
    sqlite3_finalize(stmt);
    return err;
}

char *db_store_get(struct db_store *s, const char *kind, const char *id)
{
    sqlite3_stmt *stmt;
    char *json = NULL;
    autoerr struct err *err =
        sql_prepare(s, "SELECT json FROM documents WHERE kind = ?1 AND id = ?2", &stmt);

    if (err)
        return NULL;
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, id, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        json = mem_strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return json;
}

struct err *db_store_each_of_all(struct db_store *s,
                                 struct err *(*fn)(void *ctx, const char *kind, const char *id,
                                                   const char *json),
                                 void *ctx)
{
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    TRY(sql_prepare(s, "SELECT kind, id, json FROM documents ORDER BY seq", &stmt));
    while (!err && (r = sqlite3_step(stmt)) != SQLITE_DONE) {
        if (r == SQLITE_ROW)
            err = fn(ctx, (const char *)sqlite3_column_text(stmt, 0),
                     (const char *)sqlite3_column_text(stmt, 1),
                     (const char *)sqlite3_column_text(stmt, 2));
        else
            err = sql_err(s, "read state");
    }
    sqlite3_finalize(stmt);
    return err;
}
