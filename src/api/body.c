/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming of request bodies to a worker through a pipe: the worker reads it blockingly, the
 * loop writes without blocking and holds back at most what one read of the socket gave. A
 * reader that went away (an error of its own) makes the rest of the body vanish. Loop thread.
 * Pieces instead of a pipe: body_pieces.c.
 */
#include "body.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

#include "body_pieces.h"

#define BODY_PIPE_BYTES (1 << 20)

struct body {
    struct loop *loop;
    struct watch *watch;   /* while something is held back */
    struct pieces *pieces; /* NULL: it is a pipe */
    int fd;                /* -1: the reader is gone */
    struct buf held;
    bool is_ended;
    void (*room)(void *ctx);
    void *ctx;
};

struct err *body_open(struct loop *l, void (*room)(void *ctx), void *ctx, struct body **out,
                      int *out_read_fd)
{
    struct body *b;
    int fds[2];

    TRY(fd_pipe_to_worker(fds));
    (void)fcntl(fds[1], F_SETPIPE_SZ, BODY_PIPE_BYTES); /* a larger pipe only saves wake-ups */
    b = mem_new(struct body);
    b->loop = l;
    b->fd = fds[1];
    b->room = room;
    b->ctx = ctx;
    *out = b;
    *out_read_fd = fds[0];
    return NULL;
}

void body_open_pieces(struct loop *l, void (*room)(void *ctx), void *ctx, struct body **out,
                      struct copy_input *out_input)
{
    struct body *b = mem_new(struct body);

    b->loop = l;
    b->fd = -1;
    b->pieces = pieces_open(l, room, ctx, out_input);
    *out = b;
}

static void stop_writing(struct body *b)
{
    if (b->pieces)
        pieces_end(steal_ptr(&b->pieces));
    watch_close(b->watch);
    b->watch = NULL;
    if (b->fd >= 0)
        close(steal_fd(&b->fd));
    buf_finish(&b->held);
}

/* EPIPE: the reader has ended, with an error of its own that the client will hear; the rest of the
 * body goes nowhere. */
static size_t push(struct body *b, const char *p, size_t n)
{
    size_t done = 0;

    ASSERT(b->fd >= 0);
    while (done < n) {
        ssize_t k = write(b->fd, p + done, n - done);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno == EAGAIN)
            break;
        if (k < 0) {
            stop_writing(b);
            return n;
        }
        done += (size_t)k;
    }
    return done;
}

static void on_writable(void *arg, int events)
{
    struct body *b = arg;
    size_t n;

    ASSERT(b->watch && b->held.len > 0);
    (void)events;
    n = push(b, b->held.data, b->held.len);
    if (b->fd >= 0) {
        buf_drop_front(&b->held, n);
        if (b->held.len > 0)
            return;
        watch_close(b->watch);
        b->watch = NULL;
        buf_finish(&b->held);
    }
    if (b->is_ended)
        stop_writing(b);
    else
        b->room(b->ctx);
}

void body_write(struct body *b, const void *p, size_t n)
{
    size_t done = 0;

    if (b->pieces)
        pieces_add(b->pieces, p, n);
    if (b->fd < 0)
        return;
    if (b->held.len == 0)
        done = push(b, p, n);
    if (done == n)
        return;
    buf_add(&b->held, (const char *)p + done, n - done);
    if (!b->watch)
        b->watch = watch_open(b->loop, b->fd, UV_WRITABLE, on_writable, b);
}

bool body_is_full(const struct body *b)
{
    return b->pieces ? pieces_are_full(b->pieces) : b->held.len > 0;
}

/* The reader sees the end of the file behind what is held back. */
void body_end(struct body *b)
{
    b->is_ended = true;
    if (b->held.len == 0)
        stop_writing(b);
}

void body_close(struct body *b)
{
    if (!b)
        return;
    stop_writing(b);
    free(b);
}
