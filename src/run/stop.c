/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop, restart and kill: a signal by pidfd, then waiting for the exit to be worked
 * off; no timer ever gives up on a dying init. A kill does not queue; a second stop
 * shortens the first one's patience. Loop thread.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "container/event.h"
#include "container/object.h"
#include "container/process.h"
#include "container/wait.h"
#include "run/commands.h"
#include "stream/hub.h"
#include "stream/log.h"

#include "start.h"

#define STOP_TIMEOUT_S 10

struct stop {
    struct op op;
    struct container *c;
    struct timer patience;
    int timeout_s, signal;
    bool was_running; /* when the command came: a stop that another one overtook is no 304 */
    bool restarts;    /* a start follows in the lane */
    bool is_kill;     /* of what is between two runs */
};

/* Docker's "kill" event comes with every signal, not with deaths alone. */
static void signal_event(struct container *c, int signal)
{
    char text[12];

    snprintf(text, sizeof(text), "%d", signal);
    container_event(c, "kill", "signal", text);
}

/* ---- stop ---- */

/* Between two runs there is nothing to kill: the next run is called off. */
static void call_off_restart(struct container *c)
{
    ASSERT(c->doc.state.status == STATUS_RESTARTING && c->pidfd < 0);
    timer_clear(c->parts->loop, &c->restart_timer);
    c->doc.state.status = STATUS_EXITED;
    c->doc.state.was_stopped = true;
    if (c->log)
        log_finish(c->log);
    if (c->hub)
        hub_end_clients(c->hub);
    container_check(c);
    container_save(c);
    waiters_notify(c, false);
}

/* Between two runs of a restart policy there is no process: the stop is the calling off. Thawed
 * behind the signal, since a frozen process takes none (cgroup-v2.rst, cgroup.freeze). */
static struct err *send_signal(struct op *op)
{
    struct stop *o = (struct stop *)op;
    struct container *c = o->c;

    if (c->is_gone)
        return err_new(ERR_NOT_FOUND, "No such container: %s", c->doc.id);
    c->is_restarted = o->restarts;
    if (c->doc.state.status == STATUS_RESTARTING && c->pidfd < 0) {
        call_off_restart(c);
        return NULL;
    }
    if (c->pidfd < 0)
        return o->was_running ? NULL : err_new(ERR_NOT_MODIFIED, "container is already stopped");
    c->has_been_killed = true;
    TRY(container_signal(c, o->signal));
    signal_event(c, o->signal);
    container_thaw(c);
    return NULL;
}

/* The time that `docker stop -t` gives is over. SIGKILL to the first process of a pid namespace
 * takes all others with it (pid_namespaces(7)). */
static void on_patience_over(struct timer *t)
{
    struct stop *o = container_of(t, struct stop, patience);

    ASSERT(o->c->magic == CONTAINER_MAGIC && o->timeout_s >= 0);
    log_info("a container did not stop in time and is killed", KV("id", o->c->doc.id),
             KV_INT("seconds", o->timeout_s));
    signal_event(o->c, SIGKILL);
    err_drop(container_signal(o->c, SIGKILL));
    container_thaw_all(o->c);
}

static struct err *await_exit(struct op *op)
{
    struct stop *o = (struct stop *)op;

    o->c->stop_op = op;
    if (o->timeout_s >= 0 && o->c->pidfd >= 0)
        timer_set(o->c->parts->loop, &o->patience, (int64_t)o->timeout_s * 1000, on_patience_over);
    container_settle_for(o->c, op);
    return NULL;
}

static struct err *tell(struct op *op)
{
    struct stop *o = (struct stop *)op;

    if (!o->is_kill)
        container_event(o->c, "stop", NULL, NULL);
    return NULL;
}

static void finish(struct op *op)
{
    struct stop *o = (struct stop *)op;

    timer_clear(o->c->parts->loop, &o->patience);
    if (o->c->stop_op == op)
        o->c->stop_op = NULL;
    container_unref(o->c);
}

static const struct op_step stop_steps[] = {
    {"send-signal", ON_LOOP, send_signal, NULL, 0},
    {"await-exit", ON_EVENT, await_exit, NULL, -1},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type stop_type = {"container/stop", OP_URGENT, sizeof(struct stop),
                                         stop_steps, finish};
OP_LISTED(stop_type);

struct stop_call {
    struct container *c;
    container_done_fn done;
    void *ctx;
};

static struct stop_call *call_new(struct container *c, container_done_fn done, void *ctx)
{
    struct stop_call *call = mem_new(struct stop_call);

    *call = (struct stop_call){container_ref(c), done, ctx};
    return call;
}

static void call_end(struct stop_call *call, struct err *err)
{
    if (call->done)
        call->done(call->ctx, err);
    else
        err_drop(err);
    container_unref(call->c);
    free(call);
}

static void on_stopped(struct op *op, struct err *err, void *ctx)
{
    (void)op;
    call_end(ctx, err);
}

/* The command's, else the container's StopTimeout, else Docker's ten seconds. Negative: for
 * ever. */
static int timeout_of(const struct container *c, int timeout_s)
{
    if (timeout_s != STOP_TIMEOUT_DEFAULT)
        return timeout_s < -1 ? -1 : timeout_s;
    return c->doc.config.stop_timeout ? (int)*c->doc.config.stop_timeout : STOP_TIMEOUT_S;
}

/* The stop that is waiting already may wait no longer than this one would. */
static void hasten(struct container *c, const struct stop *o)
{
    struct stop *first = (struct stop *)c->stop_op;

    if (!first || o->timeout_s < 0 || c->pidfd < 0)
        return;
    if (first->timeout_s >= 0 && first->timeout_s <= o->timeout_s)
        return;
    first->timeout_s = o->timeout_s;
    timer_set(c->parts->loop, &first->patience, (int64_t)o->timeout_s * 1000, on_patience_over);
}

static struct err *stop_op(struct container *c, int timeout_s, const char *signal, bool restarts,
                           struct op **out)
{
    struct stop *o = (struct stop *)op_create(c->parts->ops, &stop_type);
    struct err *err =
        signal_parse(text_is_empty(signal) ? container_stop_signal(c) : signal, &o->signal);

    if (err) {
        op_destroy_unstarted(&o->op);
        return err;
    }
    o->c = container_ref(c);
    o->op.subject = c->doc.id;
    o->timeout_s = timeout_of(c, timeout_s);
    o->was_running = c->pidfd >= 0;
    o->restarts = restarts;
    hasten(c, o);
    *out = &o->op;
    return NULL;
}

void container_stop(struct container *c, int timeout_s, const char *signal, container_done_fn done,
                    void *ctx)
{
    struct op *op;
    struct err *err = stop_op(c, timeout_s, signal, false, &op);

    if (err)
        done(ctx, err);
    else
        op_start_in(op, &c->lane, on_stopped, call_new(c, done, ctx));
}

/* ---- restart: a stop and a start, one behind the other in the lane ---- */

struct restart_call {
    struct container *c;
    container_done_fn done;
    void *ctx;
    struct op *start;
    struct err *stop_err; /* the start is not to be */
};

/* An AutoRemove that the stop has put off. */
static void remove_after_all(struct container *c)
{
    if (c->doc.host.auto_remove && c->doc.state.status == STATUS_EXITED && !c->is_gone)
        container_remove(c, true, true, false, NULL, NULL);
}

static void restart_end(struct restart_call *call, struct err *err)
{
    struct container *c = call->c;

    c->is_restarted = false;
    if (err)
        remove_after_all(c);
    else
        container_event(c, "restart", NULL, NULL);
    call->done(call->ctx, err);
    container_unref(c);
    free(call);
}

static void on_restart_started(struct op *op, struct err *err, void *ctx)
{
    struct restart_call *call = ctx;

    if (call->stop_err) {
        err_drop(err); /* cancelled */
        err = steal_ptr(&call->stop_err);
    } else if (err) {
        start_note_failure(call->c, op, err);
    }
    restart_end(call, err);
}

/* Restart of a container that does not run is a start. */
static void on_restart_stopped(struct op *op, struct err *err, void *ctx)
{
    struct restart_call *call = ctx;

    (void)op;
    if (err && err_kind(err) != ERR_NOT_MODIFIED) {
        call->stop_err = err;
        if (call->start->done) /* it waits in the lane */
            op_cancel(call->start);
        return;
    }
    err_drop(err);
}

/* Both enter the lane in the same turn, so nothing of others comes between them. */
void container_restart(struct container *c, int timeout_s, const char *signal,
                       container_done_fn done, void *ctx)
{
    struct restart_call *call;
    struct op *stop;
    struct err *err = stop_op(c, timeout_s, signal, true, &stop);

    if (err) {
        done(ctx, err);
        return;
    }
    call = mem_new(struct restart_call);
    *call = (struct restart_call){container_ref(c), done, ctx, start_op(c), NULL};
    op_start_in(stop, &c->lane, on_restart_stopped, call);
    if (!call->stop_err) {
        op_start_in(call->start, &c->lane, on_restart_started, call);
        return;
    }
    op_destroy_unstarted(call->start);
    restart_end(call, steal_ptr(&call->stop_err));
}

/* ---- kill ---- */

struct kill_wait {
    struct settle_wait settle;
    struct stop_call *call;
};

static void on_killed(struct settle_wait *w)
{
    struct kill_wait *k = container_of(w, struct kill_wait, settle);

    ASSERT(k->call);
    call_end(k->call, NULL);
    free(k);
}

/* While an exit is being worked off its container still runs for everybody: the signal finds
 * nobody, but it can call the next run off. */
static struct err *check_killable(const struct container *c)
{
    if (c->pidfd < 0)
        return err_new(ERR_CONFLICT, "Cannot kill container: %s: Container %s is not running",
                       c->name, c->doc.id);
    return NULL;
}

static void on_called_off(struct op *op, struct err *err, void *ctx)
{
    (void)op;
    if (err && err_kind(err) == ERR_NOT_MODIFIED) { /* another command was first */
        err_drop(err);
        err = NULL;
    }
    call_end(ctx, err);
}

/* In the lane: the next run may be on its way there already. */
static void kill_between_runs(struct container *c, bool ends, container_done_fn done, void *ctx)
{
    struct op *op;
    struct err *err = ends ? stop_op(c, 0, "KILL", false, &op) : NULL;

    if (!ends || err) {
        done(ctx, err);
        return;
    }
    ((struct stop *)op)->is_kill = true;
    op_start_in(op, &c->lane, on_called_off, call_new(c, done, ctx));
}

/* Other signals are answered at once: nobody knows whether the process will end from them. */
void container_kill(struct container *c, const char *signal, container_done_fn done, void *ctx)
{
    struct kill_wait *k;
    int number = SIGKILL, stop_number = SIGTERM;
    struct err *err = text_is_empty(signal) ? NULL : signal_parse(signal, &number);
    bool ends;

    ASSERT_LOOP();
    container_check(c);
    err_drop(signal_parse(container_stop_signal(c), &stop_number));
    ends = number == SIGKILL || number == stop_number;
    if (!err && c->doc.state.status == STATUS_RESTARTING && c->pidfd < 0) {
        kill_between_runs(c, ends, done, ctx);
        return;
    }
    if (!err)
        err = check_killable(c);
    if (!err)
        err = container_signal(c, number);
    if (err) {
        done(ctx, err);
        return;
    }
    signal_event(c, number);
    if (ends)
        c->has_been_killed = true;
    if (number == SIGKILL)
        container_thaw_all(c);
    if (number != SIGKILL) {
        done(ctx, NULL);
        return;
    }
    k = mem_new(struct kill_wait);
    k->call = call_new(c, done, ctx);
    container_settle(c, &k->settle, on_killed);
}
