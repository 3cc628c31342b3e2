/* SPDX-License-Identifier: Apache-2.0 */
/* Inside docker pull: of one tag or digest, and of all tags. Loop thread. */
#pragma once

#include "job.h"
#include "registry.h"

/* As image_pull; the reference must have a tag or a digest, or be malformed. */
struct image_job *pull_one(struct image_table *t, const char *reference, const char *platform,
                           const struct registry_auth *auth, image_progress_fn progress,
                           image_done_fn done, void *ctx);

/* Docker's sentence, which clients look for, and status for what the registry refused. Takes e. */
struct err *pull_refusal(struct arena *a, const struct ref *ref, const struct fetch_result *r,
                         struct err *e) must_check;
