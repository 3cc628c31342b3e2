/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fd of a run on the loop: readiness in, bytes to the hub. Level-triggered and at
 * most 64 KiB a turn, so that no stream starves another. The read leaves room for a
 * frame header in front of it, so framed clients take the bytes without a copy. What is for a log
 * that lands is not read at all but spliced (a pty's by way of its relay pipe, which the keeper
 * has, too). Trap: a pty says EIO while no process has it open, which before the exit is not its
 * end.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "hub_inner.h"

#define PTY_TURN 8192 /* a terminal gives less; the kernel makes pages ready for all we ask */
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
    for (int i = 0; i < 2; i++) {
        if (p->relay[i] >= 0)
            close(p->relay[i]);
        p->relay[i] = -1;
    }
}

static void on_retry(struct timer *t)
{
    pump_update(container_of(t, struct pump, retry));
}

/* A pty's master reads EIO when no process has the other side open (pty(7) does not say so;
 * in the kernel, n_tty_read and TTY_OTHER_CLOSED). Between two processes of a living container that
 * is a passing state: it is tried again. */
static void on_read_error(struct pump *p, int error)
{
    ASSERT(p->is_output && pump_is_open(p));
    if (error == EIO && p->is_input && !p->hub->has_exited) {
        timer_set(p->hub->loop, &p->retry, PTY_RETRY_MS, on_retry);
        pump_update(p);
        return;
    }
    hub_on_output_end(p->hub, p);
}

/* Returns the bytes that came; 0: none now, or the end. */
static size_t after_read(struct pump *p, ssize_t n, int error)
{
    if (n > 0)
        return (size_t)n;
    if (n < 0 && (error == EAGAIN || error == EINTR))
        return 0;
    on_read_error(p, n < 0 ? error : 0);
    return 0;
}

static size_t read_plain(struct pump *p, int fd)
{
    unwritten char space[FRAME_HEADER + FRAME_MAX];
    ssize_t n = read(fd, space + FRAME_HEADER, FRAME_MAX);

    ASSERT(p->is_output && fd >= 0);
    if (n > 0)
        hub_on_output(p->hub, p->stream, space, (size_t)n);
    return fd == p->fd ? after_read(p, n, errno) : n > 0 ? (size_t)n : 0;
}

/* What the log takes from the pipe. */
static ssize_t land(struct pump *p, int pipe)
{
    char *bytes;
    ssize_t n = log_land(p->hub->log, p->stream, pipe, &bytes);

    ASSERT(pipe >= 0 && p->hub->log);
    if (n > 0)
        hub_on_landed(p->hub, p->stream, bytes, (size_t)n);
    if (n == -EBUSY)
        hub_on_log_busy(p->hub);
    return n;
}

/* The relay holds what the log had no place for, perhaps of an engine before: it comes first. */
static size_t land_pty(struct pump *p)
{
    ssize_t n = p->has_relayed ? land(p, p->relay[0]) : -EAGAIN;
    int error;

    ASSERT(p->is_input && p->relay[0] >= 0 && p->relay[1] >= 0);
    if (n != -EAGAIN)
        return n > 0 ? (size_t)n : 0;
    n = splice(p->fd, NULL, p->relay[1], NULL, PTY_TURN, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    error = errno;
    p->has_relayed = n > 0 && land(p, p->relay[0]) != n;
    return after_read(p, n, error);
}

static size_t read_once(struct pump *p)
{
    size_t n = 0;

    if (hub_lands(p->hub) && p->relay[0] >= 0)
        return land_pty(p);
    if (hub_lands(p->hub) && !p->is_input) {
        ssize_t landed = land(p, p->fd);

        return landed == -EBUSY ? 0 : after_read(p, landed, (int)-landed);
    }
    if (p->relay[0] >= 0 && p->has_relayed) {
        n = read_plain(p, p->relay[0]);
        p->has_relayed = n > 0; /* once it is empty nothing comes into it but by us */
    }
    return n ? n : read_plain(p, p->fd);
}

/* A dead process's outputs are read whoever is slow; but a log that lands is waited for. */
static bool is_free(const struct pump *p)
{
    const struct hub *h = p->hub;

    if (!hub_is_held(h))
        return true;
    return h->has_exited && p->swept < SWEEP_MAX && !(h->is_log_full && hub_lands(h));
}

static void on_ready(void *arg, int events)
{
    struct pump *p = arg;

    if (p->is_input && (events & UV_WRITABLE))
        input_flush(p->hub);
    if (p->fd < 0 || !p->is_output || !(events & (UV_READABLE | UV_DISCONNECT)))
        return;
    if (!is_free(p)) {
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
    int events = 0;

    if (p->fd < 0)
        return;
    if (p->is_output && is_free(p) && !p->retry.due_ns)
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

static void on_relay(struct timer *t)
{
    struct pump *p = container_of(t, struct pump, retry);

    if (p->fd >= 0 && is_free(p))
        read_once(p);
    if (p->fd >= 0)
        pump_update(p);
}

/* An engine before this one moved bytes of a terminal into the relay and died before they
 * landed. */
void pump_empty_relay(struct pump *p)
{
    int left = 0;

    if (p->fd >= 0 && p->relay[0] >= 0 && !ioctl(p->relay[0], FIONREAD, &left) && left > 0)
        timer_set(p->hub->loop, &p->retry, 0, on_relay);
}

/* The process is dead and its streams are held by others: what is in the pipes already is its
 * output, whatever comes later is not waited for. */
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

    ASSERT(kind >= 0 && kind < PUMP_COUNT);
    *p = (struct pump){.hub = h,
                       .fd = fd,
                       .relay = {-1, -1},
                       .has_relayed = true,
                       .stream = streams[kind],
                       .is_output = kind != PUMP_IN,
                       .is_input = kind == PUMP_IN || kind == PUMP_PTY};
    if (fd < 0)
        return;
    p->watch = watch_open(h->loop, fd, 0, on_ready, p);
}
