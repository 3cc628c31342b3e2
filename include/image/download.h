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
struct download_handler {     /* neither is called from within download_start */
    void (*began)(void *ctx); /* NULL, or: the first bytes are there */
    /* Called once, before the pipe is closed; the download is gone afterwards. err: what the server
     * said (404: ERR_NOT_FOUND), or why it said nothing. */
    void (*done)(void *ctx, struct err *err, const struct download_result *r);
};
/* url: http or https. fd: the writing end of a pipe that does not block, taken. */
struct download *download_start(struct loop *l, struct pools *p, const char *url, int fd,
                                const struct download_handler *handler, void *ctx);
void download_cancel(struct download *d); /* done is not called any more */
