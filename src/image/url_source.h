/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes at an address of the web, for a worker that reads them from a pipe. Loop thread. */
#pragma once

#include "web.h"

/* With the scheme: "http" if none is said. ERR_INVALID for others than http and https. Pure. */
struct err *url_source_address(struct arena *a, const char *text, char **out) must_check;

struct url_source;
/* began: called once, when the server has it. *out_fd is the caller's, and open until
 * url_source_destroy. */
struct err *url_source_open(struct loop *l, struct pools *pools, const char *url,
                            void (*began)(void *ctx), void *ctx, int *out_fd,
                            struct url_source **out) must_check;
/* Why its end is not the end of what is there; NULL: it is. For who has read to it. Any thread. */
struct err *url_source_failure(struct url_source *s) must_check;
void url_source_stop(struct url_source *s);    /* who reads finds its end; accepts NULL */
void url_source_destroy(struct url_source *s); /* accepts NULL */
