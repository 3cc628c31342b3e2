/* SPDX-License-Identifier: Apache-2.0 */
/* layer.json: what a layer is, written before it gets its name. Its presence means a whole layer.
 */
#pragma once

#include "base/text.h"

#define LAYER_RECORD_NAME "layer.json"

struct layer_record {
    char *chain, *parent, *diff_id, *blob;
    int64_t size, tar_bytes, blob_bytes, entries;
};

struct err *layer_record_read(struct arena *a, int layers, const char *hex,
                              struct layer_record *out) must_check;
struct err *layer_record_write(int layer, const struct layer_record *r) must_check;
