/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the bytes of stdout and stderr into lines and 16 KiB pieces; see cutter.c. */
#pragma once

#include "base/clock.h"

#include "record.h"

struct held { /* a line whose end has not come */
    char *text;
    size_t n;
    bool is_continued;      /* pieces of this line are out already */
    char time[RFC3339_MAX]; /* of the line's first piece, when is_continued */
};
struct cutter {
    struct held held[2]; /* stdout, stderr */
    void (*emit)(void *ctx, const struct piece *p);
    void *ctx;
    int64_t stamp_ns; /* stamp is its text */
    char stamp[RFC3339_MAX];
};
void cutter_add(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n);
/* The held bytes go out as they are, without a newline. */
void cutter_end(struct cutter *c, int stream, int64_t wall_ns);
/* Gives the room of empty holds back. */
void cutter_trim(struct cutter *c);
void cutter_finish(struct cutter *c);
