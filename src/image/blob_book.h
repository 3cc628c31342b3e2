/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which repository has a layer as which blob, as pulls and pushes have seen it: so that a push need
 * not compress what is there. Loop thread. It lives as long as an image has the layer, on disk too
 * (documents "blob", by diff id). It may be wrong: registries lose blobs, and are asked each time.
 */
#pragma once

#include "core/db.h"
#include "image_table.h"

#define BLOB_FACTS_MAX 8 /* of a layer; the newest ones */

struct blob_fact {
    char *repository; /* "docker.io/library/busybox" */
    char *digest, *media_type;
    int64_t size_bytes;
};

/* Start-up: reads the documents. */
struct err *blob_book_open(struct db *db, struct blob_book **out) must_check;
/* Start-up, when all images hold theirs: forgets the layers that none has. */
void blob_book_sweep(struct blob_book *b);
void blob_book_close(struct blob_book *b); /* accepts NULL */

/* An image has this layer, or has it no more. */
void blob_book_hold(struct blob_book *b, const char *diff_id);
void blob_book_let_go(struct blob_book *b, const char *diff_id);

/* The newest first; valid until the book changes. */
const struct blob_fact *blob_book_of(const struct blob_book *b, const char *diff_id, size_t *n);
/* Nothing when no image has the layer. */
void blob_book_note(struct blob_book *b, const char *diff_id, const struct blob_fact *f);
void blob_book_forget(struct blob_book *b, const char *diff_id, const char *repository,
                      const char *digest);
