/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a blob that goes to a registry: a text, or a layer's tar, compressed or not, made
 * while they are read and the same each time. Nothing of a layer is kept. Worker, one at a time;
 * the layer must be held (shelf_ref) meanwhile.
 */
#pragma once

#include "base/digest.h"

#include <stdint.h>

struct layer_store;

struct blob_source {  /* pointers live as long as the stream */
    const char *text; /* NULL: a layer */
    struct layer_store *store;
    const char *chain_id, *diff_id;
    bool is_plain; /* the tar itself */
};
struct blob_stream;
/* ERR_CONFLICT with what to do: the layer cannot be given back as it came. */
struct err *blob_stream_open(const struct blob_source *s, struct blob_stream **out) must_check;
/* Fills `p` as far as there is something; *n < room: that was all. ERR_CONFLICT as in layer_tar.h.
 */
struct err *blob_stream_read(struct blob_stream *b, void *p, size_t room, size_t *n) must_check;
int64_t blob_stream_source_size(const struct blob_stream *b); /* of the tar or text */
int64_t blob_stream_source_at(const struct blob_stream *b);   /* so much of it has been read */
/* When all has been read: the digest of what came out. */
bool blob_stream_digest(const struct blob_stream *b, char out[DIGEST_MAX]);
void blob_stream_close(struct blob_stream *b); /* accepts NULL */
