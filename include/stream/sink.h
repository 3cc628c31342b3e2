/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes for one client go: a hijacked connection, a chunked response. The
 * owner of the sink implements the functions; whoever writes respects `queued`.
 * Loop thread.
 */
#pragma once

#include <stddef.h>

#define SINK_HIGH (256u << 10) /* writers pause above, resume below half of it */

struct sink {
    /* Queues a copy (or writes at once). Never fails: a dead client swallows. */
    void (*write)(struct sink *s, const void *p, size_t n);
    size_t (*queued)(const struct sink *s); /* bytes that the client has not taken */
    /* No more output will come: flush, then half-close and close. Last call to the sink. */
    void (*end)(struct sink *s);
    /* Set by the writer: called when the queue has fallen below SINK_HIGH / 2 after having been
     * above SINK_HIGH. May be NULL. */
    void (*on_room)(void *ctx);
    void *ctx;
};

/* Docker's multiplexed frame header (stream 1 stdout, 2 stderr, 3 system error). */
#define FRAME_HEADER 8
static inline void frame_header(unsigned char out[FRAME_HEADER], int stream, size_t n)
{
    out[0] = (unsigned char)stream;
    out[1] = out[2] = out[3] = 0;
    out[4] = (unsigned char)(n >> 24);
    out[5] = (unsigned char)(n >> 16);
    out[6] = (unsigned char)(n >> 8);
    out[7] = (unsigned char)n;
}
