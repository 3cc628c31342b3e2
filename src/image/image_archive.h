/* SPDX-License-Identifier: Apache-2.0 */
/* The archive of docker save from within. Loop thread until it is opened, then one worker. */
#pragma once

#include "archive_plan.h"
#include "image_table.h"
#include "platform.h"

#include "image/save.h"
#include "storage/archive_out.h"
#include "storage/layer_tar.h"

struct saved_image { /* copied: workers see no object */
    const char *id, *text;
    struct platform platform;
    struct strs tags; /* full, sorted */
    struct strs chain, diff_ids;
    int64_t *sizes; /* of the layers' tars */
};
struct saved_layer {
    const char *diff_id;
    struct layer_tar *tar; /* NULL: out has it */
};
struct image_archive {
    struct arena *arena;
    struct image_table *table;
    const char *platform;
    struct saved_image **v; /* sorted by id */
    size_t n, room;
    struct map *by_id, *tags;
    struct saved_layer *layers; /* each once */
    size_t n_layers, layers_room;
    struct archive_out *out;
};

const char *saved_blob_path(struct arena *a, const char *digest); /* "blobs/sha256/…" */
/* All members but the layers. */
void saved_documents_add(struct image_archive *a);
