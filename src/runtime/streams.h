/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes and terminals of a payload. Workers. */
#pragma once

#include "runtime/keeper_conn.h"

/* The container's ends; -1 when there is none. Owned. */
struct streams {
    int fd[3];
    int tty; /* instead of the three */
};
#define STREAMS_NONE                                                                               \
    {                                                                                              \
        .fd = {-1, -1, -1}, .tty = -1                                                              \
    }
void streams_close(struct streams *s);
static inline void auto_streams_(struct streams *s)
{
    streams_close(s);
}
#define autostreams __attribute__((cleanup(auto_streams_)))

struct streams_request {
    bool has_stdin, has_stdout, has_stderr; /* a stream of ours; else /dev/null */
    uint32_t uid;                           /* who may reopen them through /dev/stdout */
};
/* The engine's ends (non-blocking) become holds of `l`. */
struct err *streams_pipes(const struct streams_request *r, struct launch *l, struct streams *out)
    must_check;
/* Makes the terminal of an open ptmx usable. Takes ptmx: it becomes a hold. size: rows, columns. */
struct err *streams_terminal(int ptmx, uint32_t uid, const uint32_t size[2], struct launch *l,
                             struct streams *out) must_check;
/* The pipe that a terminal's output takes to its log becomes two holds: bytes in it outlive us. */
struct err *streams_relay(struct launch *l) must_check;
