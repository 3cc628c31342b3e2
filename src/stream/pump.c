/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fd of a run on the loop: readiness in, bytes to the hub. Level-triggered and at
 * most 64 KiB a turn, so that no stream starves another. The read leaves room for
 * frame headers in front of each 32 KiB, so framed clients take the bytes without a
 * copy. This read is the seam where landing by splice comes in. Trap: a pty says EIO
 * while no process has it open, which before the exit is not its end.
 */
#include <errno.h>
#include <sys/uio.h>

#include "hub_inner.h"

#define TURN (2 * FRAME_MAX)
#define STRIDE (FRAME_HEADER + FRAME_MAX)
#define PTY_RETRY_MS 50

bool pump_is_open(const struct pump *p)
{
    return p->fd >= 0;
}

void pump_close(struct pump *p)
{
    if (p->fd < 0)
        return;
    timer_clear(p->hub->loop, &p->retry);
    watch_close(p->watch);
    p->watch = NULL;
    close(p->fd);
    p->fd = -1;
}

static void deliver(struct pump *p, char *space, size_t n)
{
    for (size_t at = 0; at < n; at += FRAME_MAX) {
        hub_on_output(p->hub, p->stream, space, n - at < FRAME_MAX ? n - at : FRAME_MAX);
        space += STRIDE;
    }
}

static void on_retry(struct timer *t)
{
    pump_update(container_of(t, struct pump, retry));
}

static void on_read_error(struct pump *p, int error)
{
    if (error == EIO && p->is_input && !p->hub->has_exited) {
        timer_set(p->hub->loop, &p->retry, PTY_RETRY_MS, on_retry);
        pump_update(p);
        return;
    }
    hub_on_output_end(p->hub, p);
}

/* Returns the bytes that came; 0: none now, or the end. */
static size_t read_once(struct pump *p)
{
    char space[2 * STRIDE];
    struct iovec room[] = {{space + FRAME_HEADER, FRAME_MAX},
                           {space + STRIDE + FRAME_HEADER, FRAME_MAX}};
    ssize_t n = readv(p->fd, room, 2);

    if (n > 0) {
        deliver(p, space, (size_t)n);
        return (size_t)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    on_read_error(p, n < 0 ? errno : 0);
    return 0;
}

static void on_ready(void *arg, int events)
{
    struct pump *p = arg;

    if (p->is_input && (events & UV_WRITABLE))
        input_flush(p->hub);
    if (p->fd < 0 || !p->is_output || !(events & (UV_READABLE | UV_DISCONNECT)))
        return;
    if (hub_is_held(p->hub) && !(p->hub->has_exited && p->swept < SWEEP_MAX)) {
        pump_update(p);
        return;
    }
    if (p->hub->has_exited)
        p->swept += read_once(p);
    else
        read_once(p);
    if (p->fd >= 0)
        pump_update(p);
}

void pump_update(struct pump *p)
{
    struct hub *h = p->hub;
    bool is_free = !hub_is_held(h) || (h->has_exited && p->swept < SWEEP_MAX);
    int events = 0;

    if (p->fd < 0)
        return;
    if (p->is_output && is_free && !p->retry.due_ns)
        events |= UV_READABLE;
    if (p->is_input && h->input.queue.len > h->input.at)
        events |= UV_WRITABLE;
    watch_set(p->watch, events);
}

void pumps_update(struct hub *h)
{
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_update(&h->pumps[i]);
}

void pump_sweep(struct pump *p)
{
    size_t n;

    while (p->fd >= 0 && p->is_output && p->swept < SWEEP_MAX && (n = read_once(p)))
        p->swept += n;
}

void pump_open(struct hub *h, int kind, int fd)
{
    static const int streams[PUMP_COUNT] = {STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR,
                                            STREAM_STDOUT};
    struct pump *p = &h->pumps[kind];

    *p = (struct pump){.hub = h,
                       .fd = fd,
                       .stream = streams[kind],
                       .is_output = kind != PUMP_IN,
                       .is_input = kind == PUMP_IN || kind == PUMP_PTY};
    if (fd < 0)
        return;
    p->watch = watch_open(h->loop, fd, 0, on_ready, p);
}
