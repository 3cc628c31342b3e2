/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: opens the pumps, fans output out, and says "drained" when every byte is with
 * the log and the clients' queues, at most HUB_DRAIN_MS after the process died.
 * Outputs are held back by a full log and by slow clients, but not once the process
 * is dead: what is left in its pipes is bounded. Trap: drained comes in a turn of its
 * own, never from within hub_process_exited.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"

#include "hub_inner.h"

struct hub *hub_create(struct loop *l, struct pools *p, const struct hub_hooks *hooks, void *ctx)
{
    struct hub *h = mem_new(struct hub);

    ASSERT_LOOP();
    h->loop = l;
    h->pools = p;
    h->hooks = *hooks;
    h->ctx = ctx;
    h->stall_ms = HUB_STALL_MS;
    h->drain_ms = HUB_DRAIN_MS;
    list_init(&h->clients);
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_open(h, i, -1);
    return h;
}

bool hub_is_held(const struct hub *h)
{
    return h->is_log_full || h->n_slow > 0;
}

bool hub_lands(const struct hub *h)
{
    return h->log && !h->overflows && log_lands(h->log);
}

static void on_log_room(void *ctx)
{
    struct hub *h = ctx;

    h->is_log_full = h->overflows = false;
    timer_clear(h->loop, &h->patience);
    pump_empty_relay(&h->pumps[PUMP_PTY]);
    pumps_update(h);
}

/* The disk is slow, the log non-blocking: the container must not wait for it. */
static void on_patience(struct timer *t)
{
    struct hub *h = container_of(t, struct hub, patience);

    if (log_has_patience(h->log)) {
        timer_set(h->loop, &h->patience, LAND_PATIENCE_MS, on_patience);
        return;
    }
    h->is_log_full = false;
    h->overflows = true;
    pumps_update(h);
}

void hub_on_log_busy(struct hub *h)
{
    if (h->is_log_full)
        return;
    h->is_log_full = true;
    log_on_room(h->log, on_log_room, h);
    if (log_never_blocks(h->log))
        timer_set(h->loop, &h->patience, LAND_PATIENCE_MS, on_patience);
}

_Static_assert(LAND_WINDOW <= FRAME_MAX, "a slot is one frame");

void hub_on_landed(struct hub *h, int stream, char *bytes, size_t n)
{
    clients_on_output(h, stream, bytes - FRAME_HEADER, n);
    if (log_is_busy(h->log))
        hub_on_log_busy(h);
}

void hub_on_output(struct hub *h, int stream, char *framed, size_t n)
{
    if (h->log)
        log_append(h->log, stream, clock_wall_ns(), framed + FRAME_HEADER, n);
    clients_on_output(h, stream, framed, n);
    if (h->log && !h->is_log_full && log_is_full(h->log)) {
        h->is_log_full = true;
        log_on_room(h->log, on_log_room, h);
    }
}

static void leave_log(struct hub *h)
{
    if (h->log)
        log_on_room(h->log, NULL, NULL);
    log_mark_cancel(h->last_mark);
    h->last_mark = NULL;
    timer_clear(h->loop, &h->patience);
    h->is_log_full = h->overflows = false;
    h->log = NULL;
}

static void on_end(struct timer *t)
{
    struct hub *h = container_of(t, struct hub, end);

    h->is_running = false;
    timer_clear(h->loop, &h->deadline);
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_close(&h->pumps[i]);
    input_end_run(h);
    if (h->log)
        log_end_run(h->log);
    leave_log(h);
    h->drained(h->drained_ctx);
}

/* What landed is in the file, or the disk is full: that is not waited for. */
static void on_last_mark(void *ctx, const struct log_mark *m)
{
    struct hub *h = ctx;

    (void)m;
    h->last_mark = NULL;
    timer_set(h->loop, &h->end, 0, on_end);
}

static void check_drained(struct hub *h)
{
    for (int i = 0; i < PUMP_COUNT; i++) {
        if (h->pumps[i].is_output && pump_is_open(&h->pumps[i]))
            return;
    }
    if (!h->has_exited || h->last_mark)
        return;
    if (h->log && log_must_land(h->log))
        h->last_mark = log_mark_add(h->log, on_last_mark, h, false, false);
    else
        timer_set(h->loop, &h->end, 0, on_end);
}

void hub_on_output_end(struct hub *h, struct pump *p)
{
    if (h->log)
        log_append_eof(h->log, p->stream);
    pump_close(p);
    check_drained(h);
}

static void on_deadline(struct timer *t)
{
    struct hub *h = container_of(t, struct hub, deadline);

    for (int i = 0; i < PUMP_COUNT; i++) {
        struct pump *p = &h->pumps[i];

        if (!p->is_output || !pump_is_open(p))
            continue;
        h->overflows = true; /* a disk that hangs must not hold the exit back */
        pump_sweep(p);
        if (pump_is_open(p))
            hub_on_output_end(h, p);
    }
}

void hub_run(struct hub *h, const struct hub_streams *s, void (*drained)(void *ctx), void *ctx)
{
    ASSERT_LOOP();
    ASSERT(!h->is_running);
    h->is_running = true;
    h->has_exited = false;
    h->stdin_once = s->stdin_once;
    h->log = s->log;
    h->drained = drained;
    h->drained_ctx = ctx;
    pump_open(h, PUMP_IN, s->in);
    pump_open(h, PUMP_OUT, s->out);
    pump_open(h, PUMP_ERR, s->err);
    pump_open(h, PUMP_PTY, s->pty);
    if (s->relay[0] > 0 && s->relay[1] > 0)
        memcpy(h->pumps[PUMP_PTY].relay, s->relay, sizeof(s->relay));
    h->has_told_stdin = false;
    if (h->log)
        log_begin_run(h->log);
    input_begin_run(h);
    clients_tell_stdin(h);
    clients_on_run(h);
    pump_empty_relay(&h->pumps[PUMP_PTY]);
    pumps_update(h);
}

void hub_process_exited(struct hub *h)
{
    ASSERT_LOOP();
    if (!h->is_running || h->has_exited)
        return;
    h->has_exited = true;
    if (h->log)
        log_on_exit(h->log);
    timer_clear(h->loop, &h->pumps[PUMP_PTY].retry);
    timer_set(h->loop, &h->deadline, h->drain_ms, on_deadline);
    pumps_update(h);
    check_drained(h);
}

bool hub_is_running(const struct hub *h)
{
    return h->is_running;
}

bool hub_has_told_stdin(const struct hub *h)
{
    return h->is_running && h->has_told_stdin;
}

void hub_peek(const struct hub *h, struct hub_streams *out)
{
    *out = (struct hub_streams){
        .in = h->pumps[PUMP_IN].fd,
        .out = h->pumps[PUMP_OUT].fd,
        .err = h->pumps[PUMP_ERR].fd,
        .pty = h->pumps[PUMP_PTY].fd,
        .relay = {h->pumps[PUMP_PTY].relay[0], h->pumps[PUMP_PTY].relay[1]},
        .stdin_once = h->stdin_once,
    };
}

struct err *hub_resize(struct hub *h, int rows, int cols)
{
    struct pump *pty = &h->pumps[PUMP_PTY];
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    if (!h->is_running || !pump_is_open(pty))
        return err_new(ERR_CONFLICT, "cannot resize: there is no running terminal");
    if (ioctl(pty->fd, TIOCSWINSZ, &size) < 0)
        return err_sys("resize terminal");
    return NULL;
}

void hub_destroy(struct hub *h)
{
    if (!h)
        return;
    ASSERT_LOOP();
    timer_clear(h->loop, &h->deadline);
    timer_clear(h->loop, &h->end);
    while (!list_is_empty(&h->clients))
        client_end(list_first(&h->clients, struct attachment, link));
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_close(&h->pumps[i]);
    input_end_run(h);
    leave_log(h);
    free(h);
}
