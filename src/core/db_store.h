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
};

struct db_store;
enum durability { DURABLE, VOLATILE };
/* *is_unusable (on failure): there is something else than a state file that can be read. */
struct err *db_store_open(const char *path, enum durability durability, struct db_store **out,
                          bool *is_unusable) must_check;
/* Throws the file away. */
void db_store_remove(const char *path);
void db_store_close(struct db_store *s); /* accepts NULL */
/* One transaction: all of it is on disk (VOLATILE: with the kernel) afterwards, or nothing is. */
struct err *db_store_commit(struct db_store *s, const struct list *writes) must_check;
struct err *db_store_each(struct db_store *s, const char *kind,
                          struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
    must_check;
