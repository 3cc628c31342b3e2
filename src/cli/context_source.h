/* SPDX-License-Identifier: Apache-2.0 */
/* What `berth build` sends: a folder without what .dockerignore leaves out, a tar, a Dockerfile. */
#pragma once

#include "base/text.h"

struct context_source;

/* path "-": stdin. file: -f as it was given, or NULL. */
struct err *context_source_open(struct arena *a, const char *path, const char *file,
                                struct context_source **out) must_check;
/* The name of the Dockerfile in it; "": the engine's default. */
const char *context_source_dockerfile(const struct context_source *c);
/* For struct http_request. */
struct err *context_source_produce(void *context, struct buf *out, bool *is_end) must_check;
void context_source_close(struct context_source *c); /* accepts NULL */
