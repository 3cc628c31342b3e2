/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's progress lines, as the CLI draws them. Loop thread. */
#pragma once

#include "image/image.h"

struct progress {
    image_progress_fn fn; /* NULL: silence */
    void *ctx;
};

/* {"status":…} and, unless NULL, "id". */
void progress_say(const struct progress *p, const char *id, const char *status);
/* A state of a layer: with an empty "progressDetail". */
void progress_state(const struct progress *p, const char *id, const char *status);
/* A layer's bytes so far; total < 1: unknown. */
void progress_bytes(const struct progress *p, const char *id, const char *status, int64_t current,
                    int64_t total);
/* {"stream":…}: the lines of load. */
void progress_stream(const struct progress *p, const char *text);
/* A line of another kind: one JSON object. */
void progress_raw(const struct progress *p, const struct buf *line);
