/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker save: images as one archive that is a docker-archive (manifest.json) and an OCI layout
 * (index.json) at once, each layer once, the same bytes for the same images each time. Made, told
 * of and destroyed on the loop; opened and read by workers, one at a time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct image_archive;
struct image_table;
struct strs;

/* Each of the names is one of a repository (all its tags), with a tag or a digest, or an id. Holds
 * the layers until it is destroyed. platform "os/arch[/variant]", "": any. */
struct err *image_archive_create(struct image_table *t, const struct strs *names,
                                 const char *platform, struct image_archive **out) must_check;
/* All that can be known before the first byte: ERR_CONFLICT for a layer without a record. */
struct err *image_archive_open(struct image_archive *a) must_check;
/* Fills `out` with about `room` bytes more. *is_end: that was all. ERR_CONFLICT: a layer is not
 * what it was. */
struct err *image_archive_more(struct image_archive *a, size_t room, struct buf *out, bool *is_end)
    must_check;
void image_archive_tell(const struct image_archive *a); /* the event of each image */
void image_archive_destroy(struct image_archive *a);    /* accepts NULL */
