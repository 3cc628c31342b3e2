/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite side of db.c: one connection, one caller at a time, blocking. */
#pragma once

#include "base/list.h"
#include "core/db.h"

struct db_write {          /* one put or delete; made on the loop, the writer only reads it */
    struct list link;      /* in db.queue, then in its batch */
    char *kind, *id;       /* the key */
    char *json;            /* NULL: delete */
    struct ticket *ticket; /* NULL: not for an operation; loop thread */
    db_done_fn done;
    void *ctx;
    struct err *err; /* its own: it was refused. The writer's until the batch is posted */
};

struct db_store;
enum durability { DURABLE, VOLATILE, SALVAGED }; /* the last: a durable one, for --recover */
enum db_trouble {                                /* why it could not be opened */
                  DB_BUSY,    /* in use, a full disk, …: it says nothing about the file */
                  DB_STRANGE, /* not ours, or of a newer format */
                  DB_DAMAGED,
};
struct err *db_store_open(const char *path, enum durability durability, struct db_store **out,
                          enum db_trouble *trouble) must_check;
/* Throws the file away. */
void db_store_remove(const char *path);
void db_store_close(struct db_store *s); /* accepts NULL */
/* One transaction: all of it is on disk (VOLATILE: with the kernel) afterwards, or nothing is.
 * Writes that were refused are left out. */
struct err *db_store_commit(struct db_store *s, const struct list *writes) must_check;
struct err *db_store_commit_one(struct db_store *s, const struct db_write *w) must_check;
bool db_store_is_full(const struct db_store *s); /* the last commit found the disk full */
/* For a disk that is full: puts of documents that are not there yet get an error of their own,
 * and what the log holds goes into the file, so that the log begins anew. */
void db_store_refuse_new(struct db_store *s, const struct list *writes);
void db_store_checkpoint(struct db_store *s);
/* NULL: there is none. free. */
char *db_store_get(struct db_store *s, const char *kind, const char *id);
/* "kind/id" of all documents that were there when it was opened → int64_t (malloc), doc_sum of
 * each. The caller's from now on; once. */
struct map *db_store_take_sums(struct db_store *s);
/* Of every kind, in order of first insertion. */
struct err *db_store_each_of_all(struct db_store *s,
                                 struct err *(*fn)(void *ctx, const char *kind, const char *id,
                                                   const char *json),
                                 void *ctx) must_check;
struct err *db_store_each(struct db_store *s, const char *kind,
                          struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
    must_check;
