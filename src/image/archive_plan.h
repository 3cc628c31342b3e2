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
    const char *manifest_text; /* NULL: none, or no text */
};
#define ARCHIVE_IMAGES_MAX 256
struct archive_plan {
    struct archived_image *v; /* room for ARCHIVE_IMAGES_MAX */
    size_t n;
};

/* docker-archive (manifest.json), OCI layout (index.json), or the archive of docker before 1.10
 * (repositories). ERR_INVALID with a sentence. */
struct err *archive_plan_read(struct arena *a, const struct staging *s, struct archive_plan *out)
    must_check;

/* ---- for the readers of one kind ---- */
struct err *archive_plan_add(struct archive_plan *plan, struct archived_image **out) must_check;
/* Makes a plan for each layer; where they are is for the caller to fill in. */
struct err *archived_image_set_config(struct arena *a, const struct staging *s,
                                      struct archived_image *i, const char *text, size_t n_layers)
    must_check;
/* ERR_INVALID for what is no name with a tag. */
struct err *archived_image_name(struct arena *a, struct archived_image *i, const char *name)
    must_check;
struct err *archive_legacy_read(struct arena *a, const struct staging *s, struct archive_plan *plan)
    must_check;
