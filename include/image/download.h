/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that anybody serves by HTTP, without credentials: what it contains goes into a pipe, at
 * the speed of whoever reads that. Loop thread.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct download;
struct loop;
struct pools;

struct download_result {   /* lives during the call of done */
    const char *file_name; /* as the server calls it, one part; NULL: it does not say */
    int64_t modified_s;    /* since 1970; -1: it does not say */
};
/* fd: the writing end of a pipe, taken; closed at the end. done is called once, not from within
 * the call; err: what the server said, or why it said nothing. */
struct download *download_start(struct loop *l, struct pools *p, const char *url, int fd,
                                void (*done)(void *ctx, struct err *err,
                                             const struct download_result *r),
                                void *ctx);
void download_cancel(struct download *d); /* done is not called any more */
