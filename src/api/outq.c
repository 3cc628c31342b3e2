/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output queue of a connection. Nothing is allocated while it is empty. It has no bound of
 * its own: writers look at `bytes` (struct sink's rule, or the pause between requests).
 */
#include "outq.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES 16384
#define SEND_BLOCKS 16

struct out_block {
    struct list link;
    char *data;
    size_t at, len, cap;
};

void outq_init(struct outq *q)
{
    list_init(&q->blocks);
    q->bytes = 0;
}

static void drop_block(struct out_block *b)
{
    list_remove(&b->link);
    free(b->data);
    free(b);
}

void outq_finish(struct outq *q)
{
    list_each (b, &q->blocks, struct out_block, link)
        drop_block(b);
    q->bytes = 0;
}

static struct out_block *add_block(struct outq *q, char *data, size_t len, size_t cap)
{
    struct out_block *b = mem_new(struct out_block);

    b->data = data;
    b->len = len;
    b->cap = cap;
    list_append(&q->blocks, &b->link);
    return b;
}

void outq_add(struct outq *q, const void *p, size_t n)
{
    struct out_block *last =
        list_is_empty(&q->blocks) ? NULL : list_entry(q->blocks.prev, struct out_block, link);

    if (n == 0)
        return;
    if (!last || last->cap - last->len < n) {
        size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;

        last = add_block(q, malloc(cap), 0, cap); /* not zeroed: what is sent was written */
        ASSERT(last->data);
    }
    memcpy(last->data + last->len, p, n);
    last->len += n;
    q->bytes += n;
}

void outq_take(struct outq *q, struct buf *b)
{
    if (b->len < BLOCK_BYTES / 4) {
        outq_add(q, b->data, b->len);
        buf_finish(b);
        return;
    }
    add_block(q, b->data, b->len, b->len);
    q->bytes += b->len;
    *b = (struct buf){0};
}

static void drop_sent(struct outq *q, size_t n)
{
    q->bytes -= n;
    while (n > 0) {
        struct out_block *b = list_first(&q->blocks, struct out_block, link);
        size_t part = b->len - b->at < n ? b->len - b->at : n;

        b->at += part;
        n -= part;
        if (b->at == b->len)
            drop_block(b);
    }
}

static size_t gather(const struct outq *q, struct iovec iov[SEND_BLOCKS])
{
    size_t n = 0;

    list_each (b, &q->blocks, struct out_block, link) {
        if (n == SEND_BLOCKS)
            break;
        iov[n++] = (struct iovec){b->data + b->at, b->len - b->at};
    }
    return n;
}

/* Bytes, or -errno. */
static ssize_t send_pieces(int fd, struct iovec *v, size_t n)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    ssize_t sent;

    do
        sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

bool outq_send(struct outq *q, int fd)
{
    while (q->bytes > 0) {
        struct iovec iov[SEND_BLOCKS];
        ssize_t n = send_pieces(fd, iov, gather(q, iov));

        if (n < 0)
            return n == -EAGAIN;
        drop_sent(q, (size_t)n);
    }
    return true;
}

bool outq_write(struct outq *q, int fd, const struct iovec *v, size_t n)
{
    struct iovec left[OUTQ_PIECES];
    ssize_t sent = 0;

    ASSERT(n <= OUTQ_PIECES);
    memcpy(left, v, n * sizeof(*v));
    if (!q->bytes)
        sent = send_pieces(fd, left, n);
    if (sent < 0 && sent != -EAGAIN)
        return false;
    for (size_t i = 0, skip = sent > 0 ? (size_t)sent : 0; i < n; i++) {
        size_t part = skip < v[i].iov_len ? skip : v[i].iov_len;

        skip -= part;
        outq_add(q, (const char *)v[i].iov_base + part, v[i].iov_len - part);
    }
    return true;
}
