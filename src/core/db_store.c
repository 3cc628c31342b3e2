/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: WAL, synchronous=FULL (a volatile store: OFF), exclusive locking (one engine per
 * state file, no shared-memory file). Nothing is repaired or recreated silently: a file that
 * is not wholly ours and sound is refused with a sentence. Writer thread and start-up.
 */
#include "db_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "base/text.h"

#define FORMAT 1
#define FORMAT_TEXT "1"

struct db_store {
    sqlite3 *sql;
    sqlite3_stmt *put, *delete, *begin, *commit, *find;
    int64_t last_seq; /* the highest in the file: documents are read back in this order */
    bool is_damaged;  /* quick_check said so */
    bool is_full;     /* what failed last did so for want of space */
};

static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
                              "PRAGMA journal_mode=WAL;"
                              "PRAGMA cache_size=-256;"
                              "PRAGMA mmap_size=0;"
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA wal_autocheckpoint=1000;"
                              "PRAGMA journal_size_limit=4194304;";

static const char schema[] = "BEGIN IMMEDIATE;"
                             "CREATE TABLE meta (format INTEGER NOT NULL);"
                             "INSERT INTO meta VALUES (" FORMAT_TEXT ");"
                             "CREATE TABLE documents ("
                             " kind TEXT NOT NULL, id TEXT NOT NULL,"
                             " seq INTEGER NOT NULL, json TEXT NOT NULL,"
                             " PRIMARY KEY (kind, id)) WITHOUT ROWID;"
                             "COMMIT;";

static const char put_sql[] = "INSERT INTO documents (kind, id, seq, json)"
                              " VALUES (?1, ?2, ?3, ?4)"
                              " ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json";

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

static struct err *check_sound(struct db_store *s)
{
    sqlite3_stmt *stmt;
    struct err *err = NULL;
    int r;

    TRY(sql_prepare(s, "PRAGMA quick_check(1)", &stmt));
    r = sqlite3_step(stmt);
    if (r != SQLITE_ROW) {
        err = sql_err(s, "check");
    } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok")) {
        err = err_new(ERR_INTERNAL, "%s", (const char *)sqlite3_column_text(stmt, 0));
        s->is_damaged = true;
    }
    sqlite3_finalize(stmt);
    return err;
}

static struct err *check_format(struct db_store *s)
{
    int64_t tables, ours, format;

    TRY(sql_number(s, "SELECT count(*) FROM sqlite_master", &tables));
    if (tables == 0) /* new, or a crash came before the schema */
        return sql_exec(s, schema, "create the tables");
    TRY(sql_number(s,
                   "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                   " AND name IN ('meta', 'documents')",
                   &ours));
    if (ours != 2)
        return err_new(ERR_INTERNAL, "it is a database, but not one of berth");
    TRY(sql_number(s, "SELECT format FROM meta", &format));
    if (format > FORMAT)
        return err_new(ERR_INTERNAL,
                       "it was written by a newer berth (format %lld, this one knows %d)",
                       (long long)format, FORMAT);
    if (format < 1)
        return err_new(ERR_INTERNAL, "its format number is missing");
    return NULL;
}

static struct err *prepare(struct db_store *s, enum durability durability)
{
    TRY(sql_exec(s, pragmas, "set up"));
    TRY(sql_exec(s, durability == DURABLE ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF",
                 "set up"));
    TRY(check_sound(s));
    TRY(check_format(s));
    TRY(sql_prepare(s, put_sql, &s->put));
    TRY(sql_prepare(s, "DELETE FROM documents WHERE kind = ?1 AND id = ?2", &s->delete));
    TRY(sql_prepare(s, "BEGIN IMMEDIATE", &s->begin));
    TRY(sql_prepare(s, "COMMIT", &s->commit));
    TRY(sql_prepare(s, "SELECT 1 FROM documents WHERE kind = ?1 AND id = ?2", &s->find));
    return sql_number(s, "SELECT coalesce(max(seq), 0) FROM documents", &s->last_seq);
}

/* What to do is the person's choice; say what the choices are. */
static struct err *explain(struct db_store *s, struct err *err, const char *path)
{
    int code = sqlite3_errcode(s->sql) & 0xff;

    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return err_wrap(err, "state file %s is in use by another engine", path);
    if (s->is_damaged || code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return err_wrap(err,
                        "state file %s is damaged: restore it from a copy, or move it away to "
                        "begin with an empty one",
                        path);
    return err_wrap(err, "state file %s cannot be used", path);
}

/* Environments of containers are in it: for root alone. The -wal file takes its mode. */
static void create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

/* The failure is of the moment (a lock, a full disk), and says nothing about the file. */
static bool is_busy(const struct db_store *s)
{
    int code = sqlite3_errcode(s->sql) & 0xff;

    return code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_CANTOPEN ||
           code == SQLITE_FULL || code == SQLITE_IOERR;
}

void db_store_remove(const char *path)
{
    autobuf struct buf wal = {0};

    buf_printf(&wal, "%s-wal", path);
    (void)!unlink(wal.data);
    (void)!unlink(path);
}

struct err *db_store_open(const char *path, enum durability durability, struct db_store **out,
                          bool *is_unusable)
{
    struct db_store *s = mem_new(struct db_store);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    struct err *err;

    create_private(path);
    if (sqlite3_open_v2(path, &s->sql, flags, NULL) == SQLITE_OK)
        err = prepare(s, durability);
    else
        err = sql_err(s, "open");
    if (err) {
        *is_unusable = !is_busy(s);
        err = explain(s, err, path);
        db_store_close(s);
        return err;
    }
    *out = s;
    return NULL;
}

/* The log is emptied and stays: without an inode left no new one could be made. */
static void keep_log(struct db_store *s)
{
    int yes = 1;

    sqlite3_file_control(s->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
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
    keep_log(s);
    sqlite3_close(s->sql);
    free(s);
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

/* Ends what `begin` began. Takes err. */
static struct err *end(struct db_store *s, struct err *err)
{
    if (!err)
        err = run(s, s->commit, "write state");
    if (err && !sqlite3_get_autocommit(s->sql))
        sqlite3_exec(s->sql, "ROLLBACK", NULL, NULL, NULL);
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
