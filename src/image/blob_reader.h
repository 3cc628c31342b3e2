/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob in pieces, the next of which is made by a worker while the current one is sent: two pieces
 * of memory, whatever the blob's size. Loop thread.
 */
#pragma once

#include "blob_stream.h"
#include "image_table.h"

#define PIECE_BYTES (5u << 20) /* less is refused by registries that keep their blobs in S3 */

struct blob_reader;
/* fn: a piece is there, or will never be, and reader_next says which; not from within a call. The
 * source is copied; its layer is held. */
struct blob_reader *blob_reader_create(struct image_table *t, const struct blob_source *s,
                                       void (*fn)(void *ctx), void *ctx);
/* A worker that is at it comes back by itself. Accepts NULL. */
void blob_reader_destroy(struct blob_reader *r);

struct blob_piece { /* valid until the next blob_reader_next */
    const char *data;
    size_t len;                     /* 0: of the last one only */
    int64_t from;                   /* its place in the blob */
    int64_t source_from, source_to; /* of the tar or text */
    bool is_last;
};
/* False: there is none yet, or *out_err says why there is none. */
bool blob_reader_next(struct blob_reader *r, struct blob_piece *out, struct err **out_err)
    must_check;
int64_t blob_reader_source_size(const struct blob_reader *r); /* -1: not known yet */
/* When the last piece is current. */
const char *blob_reader_digest(const struct blob_reader *r);
