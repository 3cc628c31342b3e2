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
    h->magic = HUB_MAGIC;
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

/* ---- what is always true ---- */

static int count_holding(const struct hub *h)
{
    int n = 0;

    list_each (a, &h->clients, struct attachment, link) {
        ASSERT(a->magic == ATTACHMENT_MAGIC && a->hub == h);
        n += a->is_slow && !a->is_stalled;
    }
    return n;
}

/* Outside of a run nothing of it is left: the object lives on, and the next run must find neither a
 * descriptor nor the log of this one. */
void hub_check(const struct hub *h)
{
    ASSERT_DEBUG(h->magic == HUB_MAGIC);
    ASSERT_DEBUG(h->n_slow == count_holding(h));
    ASSERT_DEBUG(!h->log || h->is_running);
    ASSERT_DEBUG(!h->is_log_full || h->log);
    ASSERT_DEBUG(!h->last_mark || (h->has_exited && h->log));
    ASSERT_DEBUG(!h->is_running || h->drained);
    for (int i = 0; i < PUMP_COUNT; i++) {
        const struct pump *p = &h->pumps[i];

        ASSERT_DEBUG(p->hub == h && (h->is_running || !pump_is_open(p)));
        ASSERT_DEBUG(pump_is_open(p) == !!p->watch);
        ASSERT_DEBUG((p->relay[0] >= 0) == (p->relay[1] >= 0));
    }
}

/* ---- the log's room ---- */

bool hub_is_held(const struct hub *h)
{
    return h->is_log_full || h->n_slow > 0;
}

bool hub_lands(const struct hub *h)
{
    return h->log && !h->overflows && log_lands(h->log);
}

/* The log has written its backlog: the outputs are read again. What a terminal gave meanwhile waits
 * in its relay pipe and comes first. */
static void on_log_room(void *ctx)
{
    struct hub *h = ctx;

    ASSERT(h->is_running && h->log);
    h->is_log_full = h->overflows = false;
    timer_clear(h->loop, &h->patience);
    pump_empty_relay(&h->pumps[PUMP_PTY]);
    pumps_update(h);
}

/* The disk is slow, the log non-blocking: the container must not wait for it. */
static void on_patience(struct timer *t)
{
    struct hub *h = container_of(t, struct hub, patience);

    ASSERT(h->is_running && h->log && h->is_log_full);
    if (log_has_patience(h->log)) {
        timer_set(h->loop, &h->patience, LAND_PATIENCE_MS, on_patience);
        return;
    }
    h->is_log_full = false;
    h->overflows = true;
    pumps_update(h);
}

/* The log has no slot or its worker is behind: outputs wait in their pipes, so the container is
 * held back by the pipe (64 KiB, pipe(7)) as with a blocking log driver of Docker. */
void hub_on_log_busy(struct hub *h)
{
    ASSERT(h->log);
    if (h->is_log_full)
        return;
    h->is_log_full = true;
    log_on_room(h->log, on_log_room, h);
    if (log_never_blocks(h->log))
        timer_set(h->loop, &h->patience, LAND_PATIENCE_MS, on_patience);
}

_Static_assert(LAND_WINDOW <= FRAME_MAX, "a slot is one frame");

/* The bytes stand in the landing slot; the free bytes before them are its own, where the header of
 * a multiplexed frame is put without a copy. */
void hub_on_landed(struct hub *h, int stream, char *bytes, size_t n)
{
    ASSERT(h->is_running && h->log && n && n <= FRAME_MAX);
    clients_on_output(h, stream, bytes - FRAME_HEADER, n);
    if (log_is_busy(h->log))
        hub_on_log_busy(h);
}

/* Bytes that were read and not spliced: they are given to the log, which copies them. */
void hub_on_output(struct hub *h, int stream, char *framed, size_t n)
{
    ASSERT(h->is_running && n && n <= FRAME_MAX);
    if (h->log)
        log_append(h->log, stream, clock_wall_ns(), framed + FRAME_HEADER, n);
    clients_on_output(h, stream, framed, n);
    if (h->log && !h->is_log_full && log_is_full(h->log)) {
        h->is_log_full = true;
        log_on_room(h->log, on_log_room, h);
    }
}

/* The run lets go of its log: nobody is to call a hub about a log that a restart has replaced. */
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

    ASSERT(h->is_running && h->has_exited && !h->last_mark);
    h->is_running = false;
    timer_clear(h->loop, &h->deadline);
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_close(&h->pumps[i]);
    input_end_run(h);
    if (h->log)
        log_end_run(h->log);
    leave_log(h);
    hub_check(h);
    h->drained(h->drained_ctx); /* may begin the next run (restart) or destroy the hub */
}

/* What landed is in the file, or the disk is full: that is not waited for. */
static void on_last_mark(void *ctx, const struct log_mark *m)
{
    struct hub *h = ctx;

    ASSERT(h->last_mark == m);
    h->last_mark = NULL;
    timer_set(h->loop, &h->end, 0, on_end);
}

/* All outputs are at their end and the process is dead: one more turn, so that whoever reported the
 * exit is off the stack. */
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
    ASSERT(h->is_running && p->is_output && pump_is_open(p));
    if (h->log)
        log_append_eof(h->log, p->stream);
    pump_close(p);
    check_drained(h);
}

/* HUB_DRAIN_MS after the exit an output is still open: a descendant of the container, or a process
 * that was handed the pipe, has its write end. Docker waits likewise for a while, then closes. */
static void on_deadline(struct timer *t)
{
    struct hub *h = container_of(t, struct hub, deadline);

    ASSERT(h->is_running && h->has_exited);
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
    ASSERT(!h->is_running && drained);
    ASSERT(!h->end.due_ns && !h->deadline.due_ns);
    hub_check(h);
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
    hub_check(h);
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
    hub_check(h);
}

bool hub_is_running(const struct hub *h)
{
    return h->is_running;
}

bool hub_has_told_stdin(const struct hub *h)
{
    return h->is_running && h->has_told_stdin;
}

/* The keeper was replaced: the new one is to be given duplicates of what is open. */
void hub_peek(const struct hub *h, struct hub_streams *out)
{
    ASSERT_LOOP();
    ASSERT(h->magic == HUB_MAGIC);
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

    ASSERT_LOOP();
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
    ASSERT(h->magic == HUB_MAGIC);
    timer_clear(h->loop, &h->deadline);
    timer_clear(h->loop, &h->end);
    while (!list_is_empty(&h->clients))
        client_end(list_first(&h->clients, struct attachment, link));
    for (int i = 0; i < PUMP_COUNT; i++)
        pump_close(&h->pumps[i]);
    input_end_run(h);
    leave_log(h);
    ASSERT(!h->n_slow); /* each client has taken its own with it */
    h->magic = 0;
    free(h);
}
