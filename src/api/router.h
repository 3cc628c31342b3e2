/* SPDX-License-Identifier: Apache-2.0 */
/* From method and path to a row of the table of routes. Pure. */
#pragma once

#include "base/text.h"

struct request;

enum route_flags {
    ROUTE_MUTATES = 1, /* the caller is logged */
    ROUTE_QUEUES = 2,  /* waits, unread, while the operations are full */
    ROUTE_STREAMS = 4, /* called when the head is there: the body comes by conn_body_pipe */
};

struct route {
    const char *method;
    /* "/images/{}/json"; "{}" is one segment, "{*}" any text with slashes (at most one of it). */
    const char *pattern;
    void (*handler)(struct request *r);
    unsigned flags;
};

#define ROUTE_ARGS_MAX 2
struct route_match {
    const struct route *route;
    char *args[ROUTE_ARGS_MAX]; /* what the braces matched */
};

/* table ends with a zeroed row. False: page not found. */
bool router_match(struct arena *a, const struct route *table, const char *method, const char *path,
                  struct route_match *out);

/* Takes "/v1.41" off the path. *out is major * 100 + minor, `newest` without a prefix.
 * ERR_INVALID in Docker's words for versions outside of [oldest, newest]; *out is then set too:
 * the reply's form depends on it. */
struct err *router_version(const char **path, int oldest, int newest, int *out) must_check;
