/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of each document in a file of its own, PATH-copies/KIND/ID: what `berthd --recover` goes
 * by when the database is damaged, and the witness of what the database should know. A thread of
 * its own writes them, a moment behind the commits, and asks the disk for nothing.
 *
 * What a copy proves: it is there only after its document was committed; before the deletion of
 * the document is, it goes to KIND.going/ID. So a copy without a document is of one that the
 * database has lost; one that is going, of a deletion that a crash may have cut off.
 */
#pragma once

#include "base/text.h"
#include "core/db.h"
#include "core/quarantine.h"

#include "db_copy.h"

struct map;

char *copies_path(const char *db_path); /* free */
/* Whether there is a copy of any document, of a kind that a user makes. */
bool copies_exist(const char *db_path);
/* Reads them all; what is not whole is left out. --recover. */
struct err *copies_each(const char *db_path, struct err *(*fn)(void *ctx, const struct copy *c),
                        void *ctx) must_check;

/* The same of the files in one folder: the quarantine's. */
struct err *copies_each_in(const char *path, struct err *(*fn)(void *ctx, const struct copy *c),
                           void *ctx) must_check;

struct copies;
/* For the copies' thread: the document as it is now; NULL: there is none. free. */
typedef char *(*copies_fetch_fn)(void *ctx, const char *kind, const char *id);
/* Makes the folder and the thread. known: "kind/id" of all documents, with a pointer to the sum;
 * what they lack is written by and by, what only copies know goes to q. Takes known and its
 * values. */
struct err *copies_open(const char *db_path, struct map *known, struct quarantine *q,
                        copies_fetch_fn fetch, void *fetch_ctx, struct copies **out) must_check;
void copies_close(struct copies *c); /* writes what is due; accepts NULL */

/* The writer thread's, around a commit. */
void copies_put(struct copies *c, const char *kind, const char *id, const char *json);
void copies_going(struct copies *c, const char *kind, const char *id);
void copies_staying(struct copies *c, const char *kind, const char *id);
void copies_gone(struct copies *c, const char *kind, const char *id);

/* What was found at start-up; see core/db.h. */
enum db_evidence copies_evidence(struct copies *c, const char *kind, const char *id);
void copies_note_lost(struct copies *c, const char *kind, const char *id, const char *json);
struct err *copies_each_evidence(struct copies *c, const char *kind, enum db_evidence which,
                                 struct err *(*fn)(void *ctx, const char *id, const char *json),
                                 void *ctx) must_check;
