/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive of documents and layers, made piece by piece, so that whoever sends it decides how
 * fast: the same bytes for the same members each time. Members come in the order in which they were
 * added. Made on any thread; archive_out_more blocks.
 */
#pragma once

#include "base/text.h"

struct archive_out;
struct layer_tar;

struct archive_out *archive_out_create(void);
void archive_out_add_dir(struct archive_out *o, const char *name); /* "blobs/" */
void archive_out_add_text(struct archive_out *o, const char *name, const char *p, size_t n);
/* Takes t. */
void archive_out_add_layer(struct archive_out *o, const char *name, struct layer_tar *t);
/* Fills `out` with about `room` bytes more. *is_end: that was all. Its errors are layer_tar_read's.
 */
struct err *archive_out_more(struct archive_out *o, size_t room, struct buf *out, bool *is_end)
    must_check;
void archive_out_destroy(struct archive_out *o); /* accepts NULL */
