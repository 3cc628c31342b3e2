/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner: takes operations through their steps, forwards and, after a failure,
 * backwards. Loop thread, except on_worker_run and on_worker_undo.
 *
 * Nothing recurses: whatever lets an op go on puts it on the ready list, and
 * ops_kick works that list off, in slices, however deep the caller is. So a
 * done callback or a step may start, resume and cancel operations freely.
 */
#include "core/op.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "loop_inner.h"
#include "op_inner.h"

#define SLICE_NS NS_PER_MS /* of ready ops at a time, before other events have their turn */
#define STEPS_MAX 32       /* bits of op->passed_over */

const struct op_step *op_step(const struct op *op)
{
    const struct op_step *step = &op->type->steps[op->at < 0 ? 0 : op->at];

    return op->at < 0 || !step->name ? NULL : step;
}

const char *op_step_name(const struct op *op)
{
    const struct op_step *step = op_step(op);

    return step ? step->name : "";
}

bool op_is_waiting(const struct op *op)
{
    return op->state == OP_WAITING;
}

static bool is_on_worker(const struct op_step *step)
{
    return step->place == ON_WORKER || step->place == ON_DISK;
}

static int64_t ns_to_us(int64_t since_ns)
{
    return (clock_boot_ns() - since_ns) / 1000;
}

/* ---- tracing ---- */

static void trace(const struct op *op, const char *msg, int64_t since_ns)
{
    char room[32], *ms = room;

    if (!log_is_on(LOG_LEVEL_DEBUG))
        return;
    snprintf(room, sizeof(room), "%.3f", (double)ns_to_us(since_ns) / 1000);
    log_write(LOG_LEVEL_DEBUG, msg,
              (const struct log_kv[]){KV("op", op->type->name),
                                      KV("subject", op->subject),
                                      KV_INT("seq", (int64_t)op->seq),
                                      KV("step", op_step_name(op)),
                                      KV("ms", ms),
                                      KV("error", op->err ? err_text(op->err) : ""),
                                      {0}});
}

/* ---- the end of an op ---- */

/* Calls the starter's `done`, unless it was called before (an abandoned operation was answered
 * with its timeout). Takes err, NULL is success. */
static void answer(struct op *op, struct err *err)
{
    if (op->flags & OP_ANSWERED) {
        err_drop(err);
        return;
    }
    op->flags |= OP_ANSWERED;
    if (op->done) {
        op->done(op, err, op->ctx);
        return;
    }
    if (err)
        log_warn("operation failed", KV("op", op->type->name), KV("subject", op->subject),
                 KV("error", err_text(err)));
    err_drop(err);
}

/* Lets the next operation of the lane go on. Before done and finish: these may free the object
 * that the lane is embedded in. */
static void leave_lane(struct op *op)
{
    struct lane *lane = op->lane;
    struct op *next;

    if (!lane)
        return;
    if (lane->running != op) {
        list_remove(&op->lane_link);
        return;
    }
    next = list_first(&lane->waiting, struct op, lane_link);
    lane->running = next;
    if (!next)
        return;
    list_remove(&next->lane_link);
    ops_make_ready(next);
}

void op_note_wait(struct op *op)
{
    if (op->queued_ns)
        op->waited_ns += clock_boot_ns() - op->queued_ns;
    op->queued_ns = 0;
}

static void release(struct op *op)
{
    share_close(op->share);
    arena_destroy(op->arena);
}

/* The operation is through its steps or its undos: answers the starter and frees it. */
static void end(struct op *op)
{
    ASSERT(op->ops->n_in_flight > 0);
    turn_enter(op->ops->loop, op->type->name, "end");
    trace(op, "operation ended", op->started_ns);
    if (op->type->class != OP_INTERNAL)
        latencies_note(op->ops->waits, op->type->name, "", op->waited_ns);
    leave_lane(op);
    list_remove(&op->link);
    op->ops->n_in_flight--;
    op->ops->asking.rank = 0; /* what the starter begins now is another command */
    answer(op, steal_ptr(&op->err));
    if (op->type->finish)
        op->type->finish(op);
    ASSERT(!op->ticket);
    release(op);
}

/* ---- deadlines ---- */

/* Of the current step, in ms; negative: none. */
static int64_t deadline_ms(const struct op *op)
{
    int ms = op_step(op)->deadline_ms;

    /* Nobody waits for an undo forever, whatever its step may wait for. */
    return ms == 0 || (ms < 0 && op->state == OP_UNDOING) ? op->ops->deadline_ms : ms;
}

static struct err *timeout_err(const struct op *op)
{
    return err_new(ERR_TIMEOUT, "%s%s%s: step %s did not end within %g s", op->type->name,
                   op->subject ? " " : "", op->subject ? op->subject : "", op_step_name(op),
                   (double)deadline_ms(op) / 1000);
}

/* The deadline of a worker step is over, and a worker cannot be interrupted: the starter gets its
 * answer now; the operation's memory, lane and undo wait until the worker returns. */
static void abandon(struct op *op)
{
    struct err *err = op->state == OP_UNDOING ? steal_ptr(&op->err) : timeout_err(op);

    log_warn("operation abandoned", KV("op", op->type->name), KV("subject", op->subject),
             KV("step", op_step_name(op)));
    op->flags |= OP_ABANDONED;
    admission_leave(op);
    answer(op, err);
}

/* ---- the end of a wait ---- */

static void ops_kick(struct ops *o);

void op_end_wait(struct op *op, struct err *err, bool is_answered)
{
    ASSERT(op->state == OP_WAITING);
    if (!is_answered) { /* whatever the step has started is to be undone */
        ticket_void(op);
        op->flags |= OP_UNDO_STEP;
    }
    op->err = err;
    op->flags &= ~(unsigned)OP_SLEEPS;
    op->state = OP_STEP_ENDED;
    timer_clear(op->ops->loop, &op->deadline);
    if (op->flags & OP_IN_RUN)
        return;
    ops_make_ready(op);
    if (is_answered)
        ops_kick(op->ops);
}

static void on_deadline(struct timer *t);

/* The deadline is for the job, not for its wait in the pool's queue: a job that no worker has
 * begun gets its whole time once more, one begun late the rest of it. False: its time is over. */
static bool extend_deadline(struct op *op)
{
    int64_t limit_ms = deadline_ms(op);
    int64_t begun_ns = op->worker_ns;
    int64_t left_ms = 0;

    if (begun_ns == 0 && !(op->flags & OP_EXTENDED)) {
        op->flags |= OP_EXTENDED;
        left_ms = limit_ms;
    } else if (begun_ns > 0) {
        left_ms = limit_ms - (clock_boot_ns() - begun_ns) / NS_PER_MS;
    }
    if (left_ms <= 0)
        return false;
    timer_set(op->ops->loop, &op->deadline, left_ms, on_deadline);
    return true;
}

static void on_deadline(struct timer *t)
{
    struct op *op = container_of(t, struct op, deadline);
    struct ops *o = op->ops;
    int64_t not_begun = 0;

    if (op->state == OP_WAITING && op->flags & OP_SLEEPS) {
        op_end_wait(op, NULL, true);
    } else if (op->state == OP_WAITING) {
        op_end_wait(op, timeout_err(op), false);
    } else if (!extend_deadline(op)) {
        if (op->state == OP_RUNNING) /* an undo has to run in any case */
            atomic_compare_exchange_strong(&op->worker_ns, &not_begun, -1);
        abandon(op);
    }
    ops_kick(o);
}

static void set_deadline(struct op *op)
{
    int64_t ms = deadline_ms(op);

    op->flags &= ~(unsigned)OP_EXTENDED;
    if (ms > 0)
        timer_set(op->ops->loop, &op->deadline, ms, on_deadline);
}

/* ---- on workers ---- */

/* On the worker: notes since when it works. False: on_deadline has given the job up before
 * (both write worker_ns, so exactly one of them wins), and the step must not run. */
static bool begin_job(struct op *op)
{
    int64_t not_begun = 0;

    return atomic_compare_exchange_strong(&op->worker_ns, &not_begun, clock_boot_ns());
}

static void on_worker_run(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    ASSERT_WORKER();
    if (begin_job(op))
        op->err = op_step(op)->run(op);
    else
        op->err = err_new(ERR_CANCELLED, "given up before it began");
}

static void on_worker_undo(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    ASSERT_WORKER();
    begin_job(op);
    op_step(op)->undo(op);
}

static void on_run_done(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    ASSERT(op->state == OP_RUNNING); /* nothing but the worker's return ends such a step */
    if (op->worker_ns > op->step_ns)
        op->waited_ns += op->worker_ns - op->step_ns;
    timer_clear(op->ops->loop, &op->deadline);
    if (op->flags & OP_ABANDONED && !op->err) {
        op->flags |= OP_UNDO_STEP;
        op->err = err_new(ERR_TIMEOUT, "ended after its deadline");
    }
    op->state = OP_STEP_ENDED;
    ops_make_ready(op);
    ops_kick(op->ops);
}

static void on_undo_done(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    ASSERT(op->state == OP_UNDOING && op->at >= 0);
    timer_clear(op->ops->loop, &op->deadline);
    op->at--;
    ops_make_ready(op);
    ops_kick(op->ops);
}

/* Gives the current step's run or undo to its pool; the op is the worker's until `done`. */
static void submit(struct op *op, void (*run)(struct job *), void (*done)(struct job *))
{
    ASSERT(is_on_worker(op_step(op)));
    op->worker_ns = 0;
    op->job.run = run;
    op->job.done = done;
    set_deadline(op);
    pool_submit_ranked(op->ops->pools, op_step(op)->place == ON_DISK ? POOL_DISK : POOL_KERNEL,
                       op->rank, &op->job);
}

/* ---- forwards and backwards ---- */

void op_wait_ms(struct op *op, int64_t ms)
{
    ASSERT_LOOP();
    ASSERT(op_is_waiting(op) && op->flags & OP_IN_RUN && !op->ticket);
    op->flags |= OP_SLEEPS;
    timer_set(op->ops->loop, &op->deadline, ms, on_deadline);
}

/* The run of an ON_KEEPER/ON_EVENT step has returned an error, so it left nothing behind, also
 * when that run itself has led to a cancel of its operation: the step's undo does not run. */
static void fail_run(struct op *op, struct err *err)
{
    ASSERT(op->state == OP_WAITING || op->flags & OP_UNDO_STEP);
    ticket_void(op);
    op_recall_ticket(op);
    timer_clear(op->ops->loop, &op->deadline);
    op->flags &= ~(unsigned)(OP_UNDO_STEP | OP_SLEEPS);
    err_drop(op->err);
    op->err = err;
    op->state = OP_STEP_ENDED;
}

/* ON_KEEPER, ON_EVENT. True when the step has ended already. */
static bool start_waiting(struct op *op, const struct op_step *step)
{
    struct err *err;

    op->state = OP_WAITING;
    op->flags |= OP_IN_RUN;
    err = step->run(op);
    if (err)
        fail_run(op, err);
    else if (op->state == OP_WAITING && !op->ticket && !(op->flags & OP_SLEEPS))
        op->state = OP_STEP_ENDED; /* it had nothing to wait for */
    else if (op->state == OP_WAITING && fault_is_late(op))
        op_end_wait(op, timeout_err(op), false);
    op->flags &= ~(unsigned)OP_IN_RUN;
    if (op->state == OP_STEP_ENDED)
        return true;
    if (!(op->flags & OP_SLEEPS))
        set_deadline(op);
    return false;
}

/* True when the step has ended already; op->err says how. */
static bool start_step(struct op *op)
{
    const struct op_step *step = op_step(op);

    op->step_ns = turn_enter(op->ops->loop, op->type->name, step->name);
    op->state = OP_RUNNING;
    op->err = fault_hit(op);
    if (op->err)
        return true;
    if (step->place == ON_LOOP) {
        op->err = step->run(op);
        return true;
    }
    if (!is_on_worker(step))
        return start_waiting(op, step);
    submit(op, on_worker_run, on_run_done);
    return false;
}

/* True when the step completed. */
static bool end_step(struct op *op)
{
    if (place_needs_slot(op_step(op)->place))
        share_served(op);
    trace(op, op->err ? "step failed" : "step", op->step_ns);
    if (!op->err) {
        op->at++;
        admission_between_steps(op);
        return true;
    }
    admission_leave(op);
    if (!(op->flags & OP_UNDO_STEP))
        op->at--;
    op->state = OP_UNDOING;
    return false;
}

/* Undoes the steps from op->at down; returns at a step whose undo a worker has to do. */
static void go_back(struct op *op)
{
    for (; op->at >= 0; op->at--) {
        const struct op_step *step = op_step(op);

        if (!step->undo || op->passed_over & 1u << op->at) {
            ticket_detach(op);
            continue;
        }
        turn_enter(op->ops->loop, op->type->name, step->name);
        trace(op, "undo", op->started_ns);
        if (is_on_worker(step)) {
            submit(op, on_worker_undo, on_undo_done);
            return;
        }
        step->undo(op);
        ticket_detach(op);
    }
    end(op);
}

/* Skips the steps whose `when` says no, and remembers them for the way back. */
static void pass_over(struct op *op)
{
    bool has_passed = false;

    for (const struct op_step *step; (step = op_step(op)) && step->when && !step->when(op);) {
        ASSERT(op->at < STEPS_MAX);
        op->passed_over |= 1u << op->at++;
        has_passed = true;
    }
    if (has_passed)
        admission_between_steps(op);
}

/* Runs steps until one waits, or needs a slot that is not there, or the operation ends. */
static void go_forward(struct op *op)
{
    for (;;) {
        pass_over(op);
        if (!op_step(op)) {
            end(op);
            return;
        }
        if (!admission_enter(op) || !start_step(op))
            return;
        if (!end_step(op)) {
            go_back(op);
            return;
        }
    }
}

static void go_on(struct op *op)
{
    struct ops *o = op->ops;
    struct share *share = share_ref(op->share); /* op may be gone behind this */
    struct asking before = ops_ask(o, (struct asking){share, op->rank});

    if (op->state == OP_STEP_ENDED)
        end_step(op);
    if (op->state == OP_UNDOING)
        go_back(op);
    else
        go_forward(op);
    ops_ask(o, before);
    share_close(share);
}

/* ---- the ready list ---- */

void ops_make_ready(struct op *op)
{
    ASSERT(!op->wait_link.next); /* neither ready already nor still at a gate */
    list_append(&op->ops->ready, &op->wait_link);
}

/* Takes the ready operations on for SLICE_NS; the rest in the next turn of the loop. */
static void ops_kick(struct ops *o)
{
    struct turn_name caller = turn_holder(o->loop);
    int64_t until;

    if (o->is_kicking)
        return;
    o->is_kicking = true;
    until = clock_boot_ns() + SLICE_NS;
    while (!list_is_empty(&o->ready)) {
        struct op *op = list_first(&o->ready, struct op, wait_link);

        list_remove(&op->wait_link);
        go_on(op);
        if (clock_boot_ns() > until)
            break;
    }
    admission_call_room(o);
    o->is_kicking = false;
    turn_enter(o->loop, caller.of, caller.what);
    if (!list_is_empty(&o->ready))
        ops_kick_later(o);
}

static void on_kick(void *arg)
{
    struct ops *o = arg;

    o->is_posted = false;
    if (o->is_destroyed)
        ops_unhold(o);
    else
        ops_kick(o);
}

void ops_kick_later(struct ops *o)
{
    if (o->is_posted)
        return;
    o->is_posted = true;
    loop_post(o->loop, on_kick, o);
}

/* ---- public ---- */

void lane_init(struct lane *l)
{
    l->running = NULL;
    list_init(&l->waiting);
}

bool lane_is_busy(const struct lane *l)
{
    return l->running != NULL;
}

struct ops *ops_create(struct loop *l, struct pools *p, int max_inflight)
{
    struct ops *o = mem_new(struct ops);

    ASSERT_LOOP();
    o->loop = l;
    o->pools = p;
    list_init(&o->all);
    list_init(&o->ready);
    admission_init(o, max_inflight);
    faults_init(o);
    shares_init(o);
    o->waits = latencies_create();
    return o;
}

void ops_destroy(struct ops *o)
{
    ASSERT_LOOP();
    if (!o)
        return;
    ASSERT(!o->is_kicking);
    if (o->n_in_flight > 0) { /* the process ends while a worker hangs: nothing can be freed */
        log_warn("operations in flight at shutdown", KV_INT("count", o->n_in_flight));
        return;
    }
    faults_finish(o);
    o->is_destroyed = true;
    ops_unhold(o);
}

void ops_unhold(struct ops *o)
{
    if (!o->is_destroyed || o->is_posted || o->n_tickets)
        return;
    shares_finish(o);
    latencies_destroy(o->waits);
    free(o);
}

struct op *op_create(struct ops *o, const struct op_type *type)
{
    struct arena *a = arena_create();
    struct op *op;

    ASSERT_LOOP();
    ASSERT(type->size >= sizeof(struct op));
    ASSERT_DEBUG(op_type_is_listed(type));
    op = arena_alloc(a, type->size);
    op->ops = o;
    op->type = type;
    op->arena = a;
    op->seq = ++o->last_seq;
    share_give(op);
    return op;
}

void op_destroy_unstarted(struct op *op)
{
    ASSERT(op->state == OP_NEW);
    release(op);
}

static void begin(struct op *op, op_done_fn done, void *ctx)
{
    ASSERT_LOOP();
    ASSERT(op->state == OP_NEW);
    op->done = done;
    op->ctx = ctx;
    op->state = OP_QUEUED;
    op->started_ns = clock_boot_ns();
    op->ops->n_in_flight++;
    list_append(&op->ops->all, &op->link);
}

void op_start(struct op *op, op_done_fn done, void *ctx)
{
    struct ops *o = op->ops;

    begin(op, done, ctx);
    ops_make_ready(op);
    ops_kick(o);
}

void op_start_in(struct op *op, struct lane *lane, op_done_fn done, void *ctx)
{
    struct ops *o = op->ops;

    begin(op, done, ctx);
    op->lane = lane;
    if (lane->running) {
        list_append(&lane->waiting, &op->lane_link);
        return;
    }
    lane->running = op;
    ops_make_ready(op);
    ops_kick(o);
}

static struct err *cancelled_err(const struct op *op)
{
    return err_new(ERR_CANCELLED, "%s%s%s was cancelled", op->type->name, op->subject ? " " : "",
                   op->subject ? op->subject : "");
}

/* The operation is in its lane's queue or at a gate: its current step has not run, so the undo
 * begins with the step before. */
static void cancel_unstarted(struct op *op)
{
    if (op->state == OP_ADMISSION)
        admission_forget(op);
    list_remove(&op->wait_link);
    if (op->lane && op->lane->running != op)
        list_remove(&op->lane_link);
    op->err = cancelled_err(op);
    op->at--;
    op->state = OP_UNDOING;
    ops_make_ready(op);
}

bool op_cancel(struct op *op)
{
    struct ops *o = op->ops;

    ASSERT_LOOP();
    if (op->state == OP_QUEUED || op->state == OP_ADMISSION)
        cancel_unstarted(op);
    else if (op->state == OP_WAITING && op_step(op)->place == ON_EVENT)
        op_end_wait(op, cancelled_err(op), false);
    else
        return false;
    ops_kick(o);
    return true;
}

int ops_in_flight(struct ops *o)
{
    return o->n_in_flight;
}

uint64_t ops_late(struct ops *o)
{
    return o->n_late;
}
