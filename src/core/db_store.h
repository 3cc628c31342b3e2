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
enum durability { DURABLE, VOLATILE };
/* *is_unusable (on failure): there is something else than a state file that can be read. */
struct err *db_store_open(const char *path, enum durability durability, struct db_store **out,
                          bool *is_unusable) must_check;
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
struct err *db_store_each(struct db_store *s, const char *kind,
                          struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
    must_check;
