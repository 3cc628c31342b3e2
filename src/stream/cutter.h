/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the bytes of stdout and stderr into lines and 16 KiB pieces; see cutter.c. */
#pragma once

#include "base/clock.h"
#include "wire/land.h"

#include "log_record.h"

struct cutter {
    struct land_line *line[2]; /* stdout, stderr: what is held back; the caller's, and ... */
    char *text[2];             /* ... its text, RECORD_PIECE each */
    void (*emit)(void *ctx, const struct log_piece *p);
    void *ctx;
    int64_t stamp_ns; /* stamp is its text */
    char stamp[RFC3339_MAX];
};
/* Goes on to the next piece, or to the end, and emits at most one. Returns how much of p it used.
 * Between two calls the lines tell all there is to know. */
size_t cutter_next(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n);
bool cutter_will_emit(const struct cutter *c, int stream, const char *p, size_t n);
/* The held bytes go out as they are, without a newline. */
void cutter_end(struct cutter *c, int stream, int64_t wall_ns);
