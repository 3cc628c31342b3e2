/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighs what the database and the copies say, and puts a new state file in the place of a damaged
 * one. The order of renames lets it be cut off anywhere: the new file is whole and on disk as
 * PATH-recovered before the damaged one is touched, and whoever finds that name goes on from there.
 */
#include "core/db_salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/map.h"
#include "core/quarantine.h"

#include "db_copies.h"
#include "db_format.h"
#include "db_image.h"
#include "db_store.h"

#define COMMIT_MAX 256

struct gathering {
    struct arena *arena;
    const char *db_path;
    struct map *rows;                 /* struct image_row */
    struct map *copies, *quarantined; /* struct copy */
    bool log_is_short;
};

/* ---- the places ---- */

static const char *with(struct arena *a, const char *db_path, const char *ending)
{
    return arena_printf(a, "%s%s", db_path, ending);
}

static const char *dir_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".";
}

static struct err *sync_dir_of(struct arena *a, const char *path)
{
    autoclose int fd = open(dir_of(a, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? err_sys("write the folder of %s to the disk", path) : NULL;
}

static struct err *move(const char *from, const char *to)
{
    if (rename(from, to) == 0 || errno == ENOENT)
        return NULL;
    return err_sys("rename %s to %s", from, to);
}

/* "-damaged-20260131-235959" */
static const char *stamp(struct arena *a)
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    char text[32];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "-damaged-%Y%m%d-%H%M%S", &tm);
    return arena_strdup(a, text);
}

/* The damaged one and what belongs to it go aside; the recovered one takes its place. */
static struct err *put_in_place(struct arena *a, const char *db_path, const char **set_aside)
{
    static const char *const parts[] = {"", "-wal", "-mark"};
    const char *new_name = with(a, db_path, stamp(a));
    bool is_there = access(db_path, F_OK) == 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        TRY(move(with(a, db_path, parts[i]), with(a, new_name, parts[i])));
    TRY(sync_dir_of(a, db_path));
    TRY(move(with(a, db_path, DB_RECOVERED), db_path));
    TRY(sync_dir_of(a, db_path));
    *set_aside = is_there ? new_name : NULL;
    return NULL;
}

/* ---- reading ---- */

static struct err *note_copy_in(struct arena *a, struct map *into, const struct copy *c)
{
    struct copy *kept = arena_new(a, struct copy);

    *kept = (struct copy){arena_strdup(a, c->kind), arena_strdup(a, c->id),
                          arena_strdup(a, c->json), c->sum};
    map_put(into, arena_printf(a, "%s/%s", c->kind, c->id), kept);
    return NULL;
}

static struct err *note_copy(void *ctx, const struct copy *c)
{
    struct gathering *g = ctx;

    return note_copy_in(g->arena, g->copies, c);
}

static struct err *note_quarantined(void *ctx, const struct copy *c)
{
    struct gathering *g = ctx;

    return note_copy_in(g->arena, g->quarantined, c);
}

static void note_keys(struct arena *a, const struct map *from, struct strs *keys)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(from, &cursor, &key, &value))
        strs_add(a, keys, key);
}

static struct err *note_row(void *ctx, const char *kind, const char *id, const char *json)
{
    struct gathering *g = ctx;
    struct image_row *row = arena_new(g->arena, struct image_row);

    *row = (struct image_row){arena_strdup(g->arena, kind), arena_strdup(g->arena, id),
                              arena_strdup(g->arena, json), (int64_t)map_count(g->rows), true};
    map_put(g->rows, arena_printf(g->arena, "%s/%s", kind, id), row);
    return NULL;
}

/* A whole one is read as an engine reads it, which also tells that it is whole. */
static struct err *read_database(struct gathering *g, const char *db_path, const char **why)
{
    struct strs keys = {0};
    enum db_trouble trouble;
    struct db_store *store;
    struct err *err = db_store_open(db_path, SALVAGED, &store, &trouble);

    if (!err) {
        err = db_store_each_of_all(store, note_row, g);
        db_store_close(store);
        return err;
    }
    if (trouble != DB_DAMAGED)
        return err;
    *why = arena_strdup(g->arena, err_text(err));
    err_drop(err);
    note_keys(g->arena, g->copies, &keys);
    note_keys(g->arena, g->quarantined, &keys);
    return db_image_rows(g->arena, db_path, with(g->arena, db_path, "-scratch"), &keys, g->rows,
                         &g->log_is_short);
}

/* ---- weighing ---- */

bool salvage_was_going(struct arena *a, const char *db_path, const char *kind, const char *id)
{
    autofree char *copies = copies_path(db_path);

    return access(arena_printf(a, "%s/%s.going/%s", copies, kind, id), F_OK) == 0;
}

static bool is_json(const char *text)
{
    autoarena struct arena *a = arena_create();
    const struct json *j;
    autoerr struct err *err = json_parse(a, text, strlen(text), &j);

    return !err && json_type(j) == JSON_OBJECT;
}

/* When the end of the log is lost, copies are newer than what is left of the database; else it is
 * the other way round by a moment. What was being deleted then has been. */
static bool weigh(const struct gathering *g, const char *key, struct salvaged *out)
{
    const struct image_row *row = map_get(g->rows, key);
    const struct copy *copy = map_get(g->copies, key), *q = map_get(g->quarantined, key);

    if (row && !copy && g->log_is_short &&
        salvage_was_going(g->arena, g->db_path, row->kind, row->id))
        return false;
    if (row && row->is_checked && !(g->log_is_short && copy))
        *out = (struct salvaged){.kind = row->kind,
                                 .id = row->id,
                                 .json = row->json,
                                 .seq = row->seq,
                                 .source = FROM_DATABASE};
    else if (copy)
        *out = (struct salvaged){.kind = copy->kind,
                                 .id = copy->id,
                                 .json = copy->json,
                                 .seq = row ? row->seq : INT64_MAX,
                                 .source = FROM_COPY};
    else if (q)
        *out = (struct salvaged){.kind = q->kind,
                                 .id = q->id,
                                 .json = q->json,
                                 .seq = row ? row->seq : INT64_MAX,
                                 .source = FROM_QUARANTINE};
    else if (row && is_json(row->json))
        *out = (struct salvaged){.kind = row->kind,
                                 .id = row->id,
                                 .json = row->json,
                                 .seq = row->seq,
                                 .source = FROM_DATABASE_UNCHECKED};
    else
        return false;
    return true;
}

static int by_seq(const void *a, const void *b)
{
    const struct salvaged *x = *(struct salvaged *const *)a, *y = *(struct salvaged *const *)b;

    return x->seq != y->seq ? (x->seq > y->seq) - (x->seq < y->seq) : strcmp(x->id, y->id);
}

static void weigh_all(struct gathering *g, struct salvage *s)
{
    const struct map *sources[] = {g->rows, g->copies, g->quarantined};
    struct map *done = map_create();
    struct salvaged **v;
    size_t n = 0, room = map_count(g->rows) + map_count(g->copies) + map_count(g->quarantined);

    v = mem_array(room + 1, sizeof(*v));
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        size_t cursor = 0;
        const char *key;
        void *value;

        while (map_next(sources[i], &cursor, &key, &value)) {
            struct salvaged *d = arena_new(s->arena, struct salvaged);

            if (!map_put(done, key, d) && weigh(g, key, d))
                v[n++] = d;
        }
    }
    if (n)
        qsort(v, n, sizeof(*v), by_seq);
    for (size_t i = 0; i < n; i++)
        list_append(&s->documents, &v[i]->link);
    free(v);
    map_destroy(done);
}

static struct err *gather(struct gathering *g, struct salvage *s, const char *db_path)
{
    const char *quarantine = path_join(s->arena, dir_of(s->arena, db_path), QUARANTINE_NAME);

    if (access(with(s->arena, db_path, DB_RECOVERED), F_OK) == 0)
        TRY(put_in_place(s->arena, db_path, &s->set_aside));
    TRY(copies_each(db_path, note_copy, g));
    TRY(copies_each_in(quarantine, note_quarantined, g));
    TRY(read_database(g, db_path, &s->why));
    weigh_all(g, s);
    return NULL;
}

struct err *salvage_read(const char *db_path, struct salvage **out)
{
    struct salvage *s = mem_new(struct salvage);
    struct gathering g = {
        .rows = map_create(), .copies = map_create(), .quarantined = map_create()};
    struct err *err;

    s->arena = g.arena = arena_create();
    g.db_path = db_path;
    list_init(&s->documents);
    err = gather(&g, s, db_path);
    map_destroy(g.rows);
    map_destroy(g.copies);
    map_destroy(g.quarantined);
    if (err) {
        salvage_destroy(s);
        return err;
    }
    *out = s;
    return NULL;
}

void salvage_destroy(struct salvage *s)
{
    if (!s)
        return;
    arena_destroy(s->arena);
    free(s);
}

/* ---- writing ---- */

/* all: not only what is not in it yet. */
static struct err *write_documents(struct salvage *s, struct db_store *store, bool all)
{
    struct db_write *w = arena_array(s->arena, COMMIT_MAX, sizeof(*w));
    struct list writes;
    size_t n = 0;

    list_init(&writes);
    list_each (d, &s->documents, struct salvaged, link) {
        if (!d->is_wanted || (!all && d->source == FROM_DATABASE))
            continue;
        w[n] = (struct db_write){
            .kind = (char *)d->kind, .id = (char *)d->id, .json = (char *)d->json};
        list_append(&writes, &w[n++].link);
        if (n < COMMIT_MAX)
            continue;
        TRY(db_store_commit(store, &writes));
        list_init(&writes);
        n = 0;
    }
    return n ? db_store_commit(store, &writes) : NULL;
}

static struct err *add_to(struct salvage *s, const char *db_path)
{
    enum db_trouble trouble;
    struct db_store *store;
    struct err *err;

    TRY(db_store_open(db_path, SALVAGED, &store, &trouble));
    err = write_documents(s, store, false);
    db_store_close(store);
    return err;
}

static struct err *sync_file(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? err_sys("write %s to the disk", path) : NULL;
}

/* Closing puts the log into the file and removes it. */
static struct err *make_new(struct salvage *s, const char *path)
{
    enum db_trouble trouble;
    struct db_store *store;
    struct err *err;

    db_store_remove(path);
    TRY(db_store_open(path, VOLATILE, &store, &trouble));
    err = write_documents(s, store, true);
    db_store_close(store);
    (void)!unlink(with(s->arena, path, "-wal")); /* emptied by the close */
    return err ? err : sync_file(path);
}

struct err *salvage_write(struct salvage *s, const char *db_path)
{
    const char *part = with(s->arena, db_path, "-part");

    if (!s->why)
        return add_to(s, db_path);
    TRY(make_new(s, part));
    TRY(move(part, with(s->arena, db_path, DB_RECOVERED)));
    TRY(sync_dir_of(s->arena, db_path));
    return put_in_place(s->arena, db_path, &s->set_aside);
}
