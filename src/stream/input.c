/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdin of a run: one bounded queue that all clients append to, written when the pipe
 * or pty takes it. It exists before the run, so that what a client sends early is
 * kept. With StdinOnce the first client whose input ends closes stdin, once what it
 * sent is written. Trap: our end alone is not EOF for the container: the keeper holds
 * a duplicate, which the close_stdin hook closes.
 */
#include <errno.h>

#include "hub_inner.h"

/* NULL: the run has no stdin (any more). */
static struct pump *input_pump(struct hub *h)
{
    if (!h->is_running || h->input.is_closed)
        return NULL;
    if (pump_is_open(&h->pumps[PUMP_PTY]))
        return &h->pumps[PUMP_PTY];
    return pump_is_open(&h->pumps[PUMP_IN]) ? &h->pumps[PUMP_IN] : NULL;
}

static size_t left(const struct hub_input *in)
{
    return in->queue.len - in->at;
}

bool input_is_full(const struct hub *h)
{
    if (h->input.is_closed)
        return false;
    return !h->is_running || left(&h->input) >= INPUT_HIGH;
}

static void drop_queue(struct hub_input *in)
{
    buf_finish(&in->queue);
    in->at = 0;
}

/* The reader of stdin has gone: what is typed from now on is swallowed. */
static void close_input(struct hub *h)
{
    ASSERT(h->is_running && !h->input.is_closed);
    drop_queue(&h->input);
    h->input.is_closed = true;
    pump_close(&h->pumps[PUMP_IN]); /* a pty stays, for its output */
}

/* StdinOnce: the first client has ended its input and all that it sent is in the pipe. A terminal
 * is never closed so: its end is a character (^D), which the client sends. */
static void close_if_due(struct hub *h)
{
    struct pump *p = input_pump(h);

    if (!p || p->is_output || !h->input.has_eof || !h->stdin_once || left(&h->input))
        return;
    close_input(h);
    if (h->hooks.close_stdin)
        h->hooks.close_stdin(h->ctx);
}

/* Once: what takes less than it is given is full for now. Returns how much it took. */
static size_t give(struct hub *h, struct pump *p, const char *bytes, size_t n)
{
    ssize_t w;

    ASSERT(p->is_input && pump_is_open(p) && n);
    do
        w = write(p->fd, bytes, n);
    while (w < 0 && errno == EINTR);
    if (w < 0 && errno != EAGAIN)
        close_input(h);
    return w < 0 ? 0 : (size_t)w;
}

/* Writes what the pipe takes. */
static void write_some(struct hub *h)
{
    struct hub_input *in = &h->input;
    struct pump *p = input_pump(h);
    size_t done = p && left(in) ? give(h, p, in->queue.data + in->at, left(in)) : 0;

    if (!in->is_closed)
        in->at += done;
    ASSERT(in->at <= in->queue.len);
    if (!p || !left(in))
        drop_queue(in);
}

/* Clients that were told to pause go on when half of the queue is free, not before: else each read
 * of the container would wake them for a few bytes. */
static void after_write(struct hub *h)
{
    struct pump *p;

    close_if_due(h);
    p = input_pump(h);
    if (p)
        pump_update(p);
    if (h->input.is_closed || (p && left(&h->input) < INPUT_HIGH / 2))
        clients_on_input_room(h);
}

void input_flush(struct hub *h)
{
    ASSERT(h->is_running);
    write_some(h);
    after_write(h);
}

bool input_add(struct hub *h, const char *p, size_t n)
{
    struct hub_input *in = &h->input;
    struct pump *pump = input_pump(h);
    size_t done = 0;

    if (in->is_closed || !n)
        return !input_is_full(h);
    if (pump && !left(in))
        done = give(h, pump, p, n);
    if (!in->is_closed && done < n) {
        buf_drop_front(&in->queue, in->at);
        in->at = 0;
        buf_add(&in->queue, p + done, n - done);
    }
    if (pump)
        after_write(h);
    return !input_is_full(h);
}

void input_end(struct hub *h)
{
    h->input.has_eof = true;
    close_if_due(h);
}

void input_begin_run(struct hub *h)
{
    ASSERT(h->is_running && !h->input.is_closed);
    if (!pump_is_open(&h->pumps[PUMP_IN]) && !pump_is_open(&h->pumps[PUMP_PTY]))
        close_input(h);
    input_flush(h);
}

/* Bytes for a process that is dead are not for the next one. */
void input_end_run(struct hub *h)
{
    drop_queue(&h->input);
    h->input.has_eof = false;
    h->input.is_closed = false;
}
