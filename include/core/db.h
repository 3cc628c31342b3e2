/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State: documents (JSON text) by kind and id in SQLite (WAL, synchronous=FULL),
 * written by one thread that commits a batch at a time. `done` is called on the
 * loop after the batch that holds the write is on disk. Writes keep their order.
 * A volatile one (synchronous=OFF) asks the disk for nothing: what was answered survives the death
 * of the engine, not that of the machine. Loop thread, except db_open* and db_each (start-up,
 * blocking).
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct loop;
struct op;

struct db;
typedef void (*db_done_fn)(void *ctx, struct err *err); /* takes err */

/* ERR_INTERNAL with a sentence when the file is damaged or of a newer format. */
struct err *db_open(struct loop *l, const char *path, struct db **out) must_check;
/* What is damaged (the machine died), or of a newer format, is thrown away with a warning. */
struct err *db_open_volatile(struct loop *l, const char *path, struct db **out) must_check;
void db_close(struct db *d); /* flushes */
void db_put(struct db *d, const char *kind, const char *id, const char *json, db_done_fn done,
            void *ctx); /* text is copied; done may be NULL: errors are logged */
void db_delete(struct db *d, const char *kind, const char *id, db_done_fn done, void *ctx);
/* The wait of an ON_EVENT step, answered when the batch is on disk. */
void db_put_for(struct db *d, struct op *op, const char *kind, const char *id, const char *json);
void db_delete_for(struct db *d, struct op *op, const char *kind, const char *id);
/* Start-up: every document of a kind in order of first insertion. */
struct err *db_each(struct db *d, const char *kind,
                    struct err *(*fn)(void *ctx, const char *id, const char *json), void *ctx)
    must_check;
struct db_stats {
    uint64_t writes, batches, failed_batches;
};
void db_stats(struct db *d, struct db_stats *out);
