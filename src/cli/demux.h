/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the multiplexed stream: 1 byte stream, 3 zero, 4 length (big endian), payload. Pure. */
#pragma once

#include "base/text.h"

struct demux {
    unsigned char header[8];
    size_t n_header;
    uint32_t left; /* of the payload */
};

typedef struct err *(*demux_fn)(void *ctx, int stream, const char *p, size_t n);
/* Calls fn with stream 1 or 2 for each piece. Stream 3 is the engine's error: returned. */
struct err *demux_feed(struct demux *d, const char *p, size_t n, demux_fn fn, void *ctx) must_check;
