/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blobs of one image on their way to a repository: looked for, mounted from another repository
 * of the registry, or uploaded, several at a time. Loop thread.
 */
#pragma once

#include "blob_book.h"
#include "manifest.h"
#include "progress.h"
#include "registry.h"

enum blob_way { BLOB_WAS_THERE, BLOB_WAS_MOUNTED, BLOB_WAS_SENT };

struct pushed_blob {
    const char *chain_id, *diff_id; /* NULL: the config */
    const char *text;               /* the config */
    /* What it was when it came from a registry; digest NULL: it did not. */
    const char *first_digest, *first_type;
    int64_t first_size;
    /* The result. */
    char digest[DIGEST_MAX];
    const char *media_type; /* of the family that the plan asks for */
    int64_t size_bytes;
    enum blob_way way;
};

struct push_blobs_plan {
    struct image_table *table;
    struct registry *registry;
    const char *domain, *path; /* of the repository */
    bool is_oci;               /* of which family the media types are */
    struct pushed_blob *v;     /* lives until the end; written to */
    size_t n;
    const struct progress *progress;
    void (*done)(void *ctx, struct err *err); /* once, not from within push_blobs_start */
};
struct push_blobs;
/* The layers must be held. Repositories that something may be mounted from are made known to the
 * registry's tokens. */
struct push_blobs *push_blobs_start(const struct push_blobs_plan *p, void *ctx);
void push_blobs_end(struct push_blobs *g); /* accepts NULL; no callback any more */
