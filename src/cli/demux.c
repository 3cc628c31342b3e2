/* SPDX-License-Identifier: Apache-2.0 */
/* The stream's frames may be cut anywhere between two reads; payload is passed on as it comes. */
#include "demux.h"

#include <string.h>

/* Stream 3 is an error of the engine in the midst of a reply that began as 200. Stream 0, stdin, is
 * never sent, but would be shown. */
static struct err *deliver(const struct demux *d, const char *p, size_t n, demux_fn fn, void *ctx)
{
    int stream = d->header[0];

    ASSERT(d->n_header == sizeof(d->header));
    if (stream == 3)
        return err_new(ERR_INTERNAL, "error from daemon in stream: %.*s", (int)n, p);
    return fn(ctx, stream == 2 ? 2 : 1, p, n);
}

/* A frame: one byte of stream, three zeros, the length of the payload in network byte order. */
static struct err *take_header(struct demux *d, const char **p, size_t *n)
{
    size_t take = sizeof(d->header) - d->n_header;

    ASSERT(d->n_header < sizeof(d->header));
    if (take > *n)
        take = *n;
    memcpy(d->header + d->n_header, *p, take);
    d->n_header += take;
    *p += take;
    *n -= take;
    if (d->n_header < sizeof(d->header))
        return NULL;
    if (d->header[0] > 3)
        return err_new(ERR_INVALID, "unrecognized stream: %d", d->header[0]);
    d->left = (uint32_t)d->header[4] << 24 | (uint32_t)d->header[5] << 16 |
              (uint32_t)d->header[6] << 8 | d->header[7];
    return NULL;
}

struct err *demux_feed(struct demux *d, const char *p, size_t n, demux_fn fn, void *ctx)
{
    while (n) {
        size_t take;

        if (d->n_header < sizeof(d->header)) {
            TRY(take_header(d, &p, &n));
        } else {
            take = d->left < n ? d->left : n;
            TRY(deliver(d, p, take, fn, ctx));
            p += take;
            n -= take;
            d->left -= (uint32_t)take;
        }
        if (d->n_header == sizeof(d->header) && d->left == 0)
            d->n_header = 0;
    }
    return NULL;
}
