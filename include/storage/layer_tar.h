/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar that a layer came in, again, byte by byte: put together from its record and the files
 * below its diff/. Nothing of it is held in memory. Blocks: workers, one thread at a time; it may
 * be opened on one and read on another. The layer must be held (shelf_ref) meanwhile.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct layer_store;
struct layer_tar;

/* gzip's level for a layer that goes to a registry: its tar is the same each time, and so are the
 * compressed bytes, with the same zlib, no name and no time in the header. */
#define LAYER_GZIP_LEVEL 1

/* ERR_NOT_FOUND: there is no such layer. ERR_CONFLICT, with what to do: it has no record (it was
 * unpacked by an older engine), or a damaged one. */
struct err *layer_tar_open(struct layer_store *s, const char *chain_id, struct layer_tar **out)
    must_check;
int64_t layer_tar_size(const struct layer_tar *t);        /* of all of it, known at once */
const char *layer_tar_diff_id(const struct layer_tar *t); /* "sha256:…" of all of it */
/* Fills `p` as far as it can; *n 0: that was all, and its digest is the diff id. ERR_CONFLICT: a
 * file of the layer is not what it was, and is named; what was read before is worth nothing. */
struct err *layer_tar_read(struct layer_tar *t, void *p, size_t size, size_t *n) must_check;
void layer_tar_close(struct layer_tar *t); /* accepts NULL */
