/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: tables of named steps. The runner traces, times, cancels, admits,
 * injects faults, and undoes in reverse order. Loop thread only, except a step's
 * run/undo on a worker.
 *
 * A step either completes or leaves nothing behind. ON_LOOP steps run straight
 * through. ON_WORKER / ON_DISK steps run in a pool of ours and may block.
 * ON_KEEPER and ON_EVENT steps start something on the loop and end with exactly
 * one op_resume (which may be called from within run). undo runs in the step's
 * own kind of place (loop for LOOP/KEEPER/EVENT). A step whose run failed, or that
 * op_resume ended with an error, left nothing behind: its own undo does not run. An
 * ON_KEEPER/ON_EVENT step that a deadline or a cancel ended, and a worker step that
 * ended well after its deadline, are undone like completed ones.
 *
 * An op that outlives its answer (abandoned: deadline of a worker step) still belongs
 * to the worker when `done` is called with ERR_TIMEOUT: done then must not touch what
 * the step writes, nor the arena. finish runs after the worker has returned.
 *
 * Admission: ON_WORKER, ON_DISK and ON_KEEPER steps of OP_MUTATING operations
 * hold one of max_inflight slots while they run, waiters are served in order of
 * op age; OP_URGENT operations (kill, stop, rm -f) have 32 slots of their own;
 * OP_INTERNAL ones (exits, refills) need none.
 */
#pragma once

#include "core/loop.h"

struct op;
struct ops;
struct lane;

enum op_place { ON_LOOP = 1, ON_WORKER, ON_DISK, ON_KEEPER, ON_EVENT };
enum op_class { OP_MUTATING = 1, OP_URGENT, OP_INTERNAL };

struct op_step {
    const char *name; /* what is true afterwards, or the act: "mount-rootfs" */
    enum op_place place;
    struct err *(*run)(struct op *op);
    void (*undo)(struct op *op); /* NULL: nothing to undo */
    int deadline_ms;             /* 0: OP_DEADLINE_MS; -1: none (waiting for a client, an exit) */
};
#define OP_DEADLINE_MS 120000

struct op_type {
    const char *name; /* "container/start" */
    enum op_class class;
    size_t size;                   /* of the struct that embeds struct op first */
    const struct op_step *steps;   /* ends with {0} */
    void (*finish)(struct op *op); /* NULL, or: give back what the op holds (refs, fds), on the
                                      loop, after done, success or not */
};

typedef void (*op_done_fn)(struct op *op, struct err *err, void *ctx); /* takes err */

struct op { /* first member of every operation struct; fields are the runner's */
    struct ops *ops;
    const struct op_type *type;
    struct arena *arena; /* freed after done/finish (or when an abandoned worker returns) */
    const char *subject; /* for tracing: set by the starter, e.g. a container id */
    uint64_t seq;
    int at; /* index of the current step */
    op_done_fn done;
    void *ctx;
    struct lane *lane;
    /* private to core/op*.c */
    struct list link;      /* every op in flight */
    struct list lane_link; /* lane->waiting */
    struct list wait_link; /* ready to go on, or waiting for a slot */
    struct job job;
    _Atomic int64_t worker_ns; /* 0: job not begun, -1: given up before that, else since when */
    struct op **handle;        /* see op_set_handle */
    struct err *err;
    struct timer deadline;
    int64_t started_ns, step_ns;
    unsigned state, flags;
};

/* Embedded in an object: one lifecycle operation at a time, others queue in order. */
struct lane {
    struct op *running;
    struct list waiting;
};
void lane_init(struct lane *l);
bool lane_is_busy(const struct lane *l);

struct ops *ops_create(struct loop *l, struct pools *p, int max_inflight);
void ops_destroy(struct ops *o);
/* The embedding struct, zeroed, in its own arena. */
struct op *op_create(struct ops *o, const struct op_type *type);
void op_destroy_unstarted(struct op *op);
/* `done` may be NULL; it is called exactly once, on the loop, possibly before
 * op_start returns. Errors of an op without done are logged at warn. */
void op_start(struct op *op, op_done_fn done, void *ctx);
/* The same behind other operations of the lane. */
void op_start_in(struct op *op, struct lane *lane, op_done_fn done, void *ctx);
/* Ends an ON_KEEPER/ON_EVENT step. Takes err. Late calls after a deadline or a
 * cancel are not allowed: the step's owner must deregister in its undo/finish or
 * check op_is_waiting. */
void op_resume(struct op *op, struct err *err);
/* In an ON_KEEPER/ON_EVENT step: *handle (= op now) is set to NULL when the wait ends
 * by a deadline or a cancel, for carriers that cannot take their callback back. */
void op_set_handle(struct op *op, struct op **handle);
bool op_is_waiting(const struct op *op); /* in an ON_KEEPER/ON_EVENT step that has not ended */
/* Fails the op with ERR_CANCELLED if it queues in its lane, waits for a slot, or is
 * in an ON_EVENT step; otherwise it runs on. Returns whether it was cancelled. */
bool op_cancel(struct op *op);
const char *op_step_name(const struct op *op);

/* Tests: the named step ("container/start:spawn") fails with ERR_INTERNAL the next n
 * times; "" clears. Also from the environment, BERTH_FAULT="type:step[*n],…". */
void ops_inject_fault(struct ops *o, const char *where, int n);
/* What is in flight and what it waits for: the tests' and users' view (GET /debug/ops).
 * Writes one array, oldest first. */
struct jw;
void ops_dump(struct ops *o, struct jw *w);
int ops_in_flight(struct ops *o);
int ops_waiting(struct ops *o); /* for a slot */
/* True when the number of waiters is above the bound at which connections stop
 * reading new requests (backpressure). A connection that met it parks itself with
 * ops_wait_room: fn is called once, in arrival order, when there is room. */
bool ops_are_full(struct ops *o);
struct op_room { /* embedded by the waiter */
    struct list link;
    void (*fn)(struct op_room *r);
};
void ops_wait_room(struct ops *o, struct op_room *r);
void ops_leave_room(struct op_room *r); /* safe when not waiting */
