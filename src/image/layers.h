/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of one image on their way to the disk: fetched and unpacked in
 * parallel, committed base first. Loop thread.
 */
#pragma once

#include "image_table.h"
#include "progress.h"
#include "registry.h"

struct layer_plan {
    const char *diff_id;
    const char *blob_digest; /* NULL: the source does not promise any */
    int64_t blob_bytes;      /* -1: unknown */
    const char *path;        /* a file with the blob; NULL: from the registry by blob_digest */
    int64_t packed_bytes;    /* of the archive that holds it; 0: it comes by itself */
    bool wants_record; /* also of a layer that is there without one: it comes again for that */
    const char *label; /* 12 hex digits, for the progress lines */
};

struct layers;
/* registry may be NULL when all have a path. done is called once, never from within layers_start.
 * Layers are held until layers_end. */
struct layers *layers_start(struct image_table *t, struct registry *r,
                            const struct layer_plan *plans, size_t n, const struct progress *p,
                            void (*done)(void *ctx, struct err *err), void *ctx);
/* At any time; accepts NULL. What is under way is stopped and leaves nothing; no callback any more.
 * To be called before registry_close. */
void layers_end(struct layers *g);
