/* SPDX-License-Identifier: Apache-2.0 */
/* What images an archive of images holds. Worker. */
#pragma once

#include "layers.h"
#include "staging.h"

struct archived_image {
    const char *text;  /* the config blob */
    struct strs names; /* full, with tag */
    struct layer_plan *layers;
    size_t n_layers;
    const char *manifest_type, *manifest_digest; /* NULL in a docker-archive */
    int64_t manifest_bytes;
};
struct archive_plan {
    struct archived_image *v;
    size_t n;
};

/* docker-archive (manifest.json) or OCI layout (index.json). ERR_INVALID with a sentence. */
struct err *archive_plan_read(struct arena *a, const struct staging *s, struct archive_plan *out)
    must_check;
