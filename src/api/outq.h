/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection has still to send: a list of blocks for writev. Small pieces share a block. */
#pragma once

#include <sys/uio.h>

#include "base/list.h"
#include "base/text.h"

struct outq {
    struct list blocks;
    size_t bytes;
};

void outq_init(struct outq *q);
void outq_finish(struct outq *q);
void outq_add(struct outq *q, const void *p, size_t n); /* copies */
void outq_take(struct outq *q, struct buf *b);          /* takes the memory; b becomes {0} */
/* Sends until empty or EAGAIN. False: the peer is gone. */
bool outq_send(struct outq *q, int fd);
/* Sends the pieces without copying them, after what is queued; what the socket does not take is
 * copied. False: the peer is gone. */
#define OUTQ_PIECES 4
bool outq_write(struct outq *q, int fd, const struct iovec *v, size_t n);
