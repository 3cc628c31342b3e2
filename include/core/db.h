/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State: documents (JSON text) by kind and id in SQLite (WAL, synchronous=FULL),
 * written by one thread that commits a batch at a time. `done` is called on the
 * loop after the batch that holds the write is on disk. Writes keep their order.
 * A volatile one (synchronous=OFF) asks the disk for nothing: what was answered survives the death
 * of the engine, not that of the machine. Loop thread, except db_open* and db_each (start-up,
 * blocking).
 * Trap: nothing on disk may be removed because no document knows it; ask db_evidence.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct loop;
struct op;

struct db;
struct quarantine;
typedef void (*db_done_fn)(void *ctx, struct err *err); /* takes err */

/* ERR_INTERNAL with a sentence when the file or its log is damaged or lost, or of a newer format.
 * Beside it: PATH-copies, a copy of each document; PATH-mark; quarantine. */
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
/* What the copies tell, at start-up, of something that no document knows. A folder is to be thrown
 * away only when it is known to be left behind: DB_WAS_GOING, or by its own looks. */
enum db_evidence {
    DB_KNOWS_NOTHING,
    DB_WAS_GOING, /* a crash came between the deletion of its document and its own */
    DB_HAS_LOST,  /* it had a document, which nobody has deleted */
};
enum db_evidence db_evidence(const struct db *d, const char *kind, const char *id);
/* Their documents. */
struct err *db_each_evidence(const struct db *d, const char *kind, enum db_evidence which,
                             struct err *(*fn)(void *ctx, const char *id, const char *json),
                             void *ctx) must_check;
/* A document that is not understood, at start-up: it goes to quarantine, and counts as lost. */
void db_set_aside(struct db *d, const char *kind, const char *id, const char *json,
                  const char *why);
struct quarantine *db_quarantine(const struct db *d);
struct db_stats {
    uint64_t writes, batches, failed_batches;
};
void db_stats(struct db *d, struct db_stats *out);
