/* SPDX-License-Identifier: Apache-2.0 */
/* Inside docker push: of one tag, and of all tags. Loop thread. */
#pragma once

#include "job.h"
#include "registry.h"

/* As image_push, of a reference with a tag. is_one_of_many: the repository was told of. */
struct image_job *push_one(struct image_table *t, const struct ref *ref, const char *platform,
                           const struct registry_auth *auth, bool is_one_of_many,
                           image_progress_fn progress, image_done_fn done, void *ctx);
/* The first line of a push. */
void push_say_where(struct image_job *j, const struct ref *ref);

/* The tags of a repository that are here; ref's own tag does not count. */
void push_find_tags(struct image_table *t, struct arena *a, const struct ref *repository,
                    struct strs *out);

struct pushed_blob;
/* The manifest of the image as it was, when all blobs are what they were; else one of them. Pure.
 */
struct push_manifest {
    const char *media_type, *text;
    char digest[DIGEST_MAX];
};
void push_manifest_make(struct arena *a, const struct image *i, const struct pushed_blob *config,
                        const struct pushed_blob *layers, size_t n, struct push_manifest *out);
