/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: tables of named steps. The runner traces, times, cancels, admits,
 * injects faults, and undoes in reverse order. Loop thread only, except a step's
 * run/undo on a worker.
 *
 * A step either completes or leaves nothing behind. ON_LOOP steps run straight
 * through. ON_WORKER / ON_DISK steps run in a pool of ours and may block.
 * ON_KEEPER and ON_EVENT steps start something on the loop and wait for its answer:
 * run takes a ticket (op_wait) and gives it to whoever will answer; a run that has
 * taken none has completed at once. undo runs in the step's own kind of place (loop
 * for LOOP/KEEPER/EVENT). A step whose run failed, or whose ticket was answered with
 * an error, left nothing behind: its own undo does not run. An ON_KEEPER/ON_EVENT
 * step that a deadline or a cancel ended, and a worker step that ended well after
 * its deadline, are undone like completed ones.
 *
 * An op that outlives its answer (abandoned: deadline of a worker step) still belongs
 * to the worker when `done` is called with ERR_TIMEOUT: done then must not touch what
 * the step writes, nor the arena. finish runs after the worker has returned.
 *
 * Admission: ON_WORKER, ON_DISK and ON_KEEPER steps of OP_MUTATING operations
 * hold one of max_inflight slots while they run, waiters are served in order of
 * rank (core/share.h); OP_URGENT operations (kill, stop, rm -f) have 32 slots of their own;
 * OP_INTERNAL ones (exits, refills) need none.
 */
#pragma once

#include "base/heap.h"
#include "core/loop.h"
#include "core/share.h"

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
    bool (*when)(const struct op *op); /* NULL: always; else a step that it denies is passed over,
                                          and not undone. Loop; asked once, before run; the first 32
                                          steps only */
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

/* Behind the definition of every type: the engine can list its operations
 * (op_types_dump), and none is left out of the fault tests. */
#define OP_LISTED(type)                                                                            \
    static const struct op_type *const type##_listed __attribute__((section("op_types"), used)) =  \
        &(type)
struct buf;
/* "container/start:spawn keeper\n" for each step of each type, sorted. Any thread. */
void op_types_dump(struct buf *out);

typedef void (*op_done_fn)(struct op *op, struct err *err, void *ctx); /* takes err */

struct op { /* first member of every operation struct; fields are the runner's */
    struct ops *ops;
    const struct op_type *type;
    struct arena *arena; /* freed after done/finish (or when an abandoned worker returns) */
    const char *subject; /* for tracing: set by the starter, e.g. a container id; lives as long as
                            the op */
    uint64_t seq;        /* its age: rises with each op made */
    struct share *share; /* of the client that it is for */
    uint64_t rank;       /* in whatever it waits with others: the least is served first */
    int at;              /* index of the current step; -1: all are undone */
    op_done_fn done;
    void *ctx;
    struct lane *lane; /* NULL: none; the object it is in lives until `done` */
    /* private to core/op*.c */
    struct list link;           /* every op in flight */
    struct list lane_link;      /* lane->waiting */
    struct list wait_link;      /* ready to go on */
    struct heap_node gate_node; /* waiting for a slot */
    struct job job;
    _Atomic int64_t worker_ns; /* 0: job not begun, -1: given up before that, else since when */
    struct ticket *ticket;     /* of the wait that is on; NULL: none */
    struct err *err;
    struct timer deadline;
    int64_t started_ns, step_ns; /* boot clock: op_start, the current step */
    int64_t queued_ns;           /* boot clock: since when it waits for a slot or a permit */
    int64_t waited_ns;           /* in all: for slots, workers and permits */
    unsigned state, flags;       /* enum op_state, enum op_flag */
    uint32_t passed_over;        /* bit n: step n's `when` said no */
};

/* Embedded in an object: one lifecycle operation at a time, others queue in order. */
struct lane {
    struct op *running;  /* holds the lane; NULL: free, and nobody waits */
    struct list waiting; /* op.lane_link, oldest first */
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
bool op_is_waiting(const struct op *op); /* in an ON_KEEPER/ON_EVENT step that has not ended */

/*
 * A ticket: one wait of one operation, and the only thing of the operation that whoever
 * will end the wait (the carrier: a request, a timer, a queue) may hold. It is memory of
 * its own: a deadline or a cancel voids it, after which the operation may be gone while
 * the ticket is not. The carrier owns it and gives it back exactly once, answered by
 * ticket_answer or unanswered by ticket_drop. Loop thread.
 */
struct ticket;
/* In run of an ON_KEEPER/ON_EVENT step, at most once. */
struct ticket *op_wait(struct op *op);
/* The same, answered by the runner's own timer. */
void op_wait_ms(struct op *op, int64_t ms);
/* The operation, as long as the ticket is valid; NULL: nobody waits any more, and what the
 * answer brought (a process, fds) is the carrier's to undo. */
struct op *ticket_op(const struct ticket *t);
/* Ends the step; takes both. Through a void ticket the answer is counted and dropped. */
void ticket_answer(struct ticket *t, struct err *err);
/* For a carrier that was told to forget: a valid ticket must not be dropped. */
void ticket_drop(struct ticket *t);
/* Takes the ticket into a queue (of tickets alone), which it leaves by itself when it is
 * voided. `ctx` is for whoever works the queue off; it may point into the operation. */
void ticket_queue(struct ticket *t, struct list *queue, void *ctx);
struct ticket *ticket_next(struct list *queue); /* the oldest, the caller's; NULL: none */
/* The same for a queue in the order of the ranks. */
void ticket_queue_ranked(struct ticket *t, struct heap *queue, void *ctx);
struct ticket *ticket_next_ranked(struct heap *queue);
void *ticket_ctx(const struct ticket *t);
void tickets_answer(struct list *queue); /* all that are there now, without an error */
/* In undo of the step that waited, when its carrier was told to forget and has dropped its
 * claim: frees the ticket that is not answered. Nothing when there is none. */
void op_recall_ticket(struct op *op);

/* Fails the op with ERR_CANCELLED if it queues in its lane, waits for a slot, or is
 * in an ON_EVENT step; otherwise it runs on. Returns whether it was cancelled. */
bool op_cancel(struct op *op);
const char *op_step_name(const struct op *op);

/* Tests: the named step ("container/start:spawn") fails with ERR_INTERNAL the next n
 * times; "" clears. "type:step!late": the step begins to wait, and at once its deadline
 * ends the wait, so that the answer comes late. Also from the environment,
 * BERTH_FAULT="type:step[!late][*n],…". BERTH_DEADLINE_MS is the deadline of steps that name
 * none. */
void ops_inject_fault(struct ops *o, const char *where, int n);
/* What is in flight and what it waits for: the tests' and users' view (GET /debug/ops).
 * Writes one array, oldest first. */
struct jw;
void ops_dump(struct ops *o, struct jw *w);
/* Slots, what waits where, and how long operations waited (GET /debug/queue). Writes an object. */
void ops_dump_queue(struct ops *o, struct jw *w);
/* The same waits as a Prometheus family. */
void ops_write_waits(struct ops *o, struct buf *out);
int ops_in_flight(struct ops *o);
uint64_t ops_late(struct ops *o); /* answers that came through a void ticket */
int ops_waiting(struct ops *o);   /* for a slot */
/* True when the number of waiters is above the bound at which connections stop
 * reading new requests (backpressure). A connection that met it parks itself with
 * ops_wait_room: fn is called once, when there is room and by its rank it is next; what it
 * begins has that rank if it is asked for with it (ops_ask). */
bool ops_are_full(struct ops *o);
struct op_room { /* embedded by the waiter */
    struct heap_node node;
    struct ops *ops; /* set by ops_wait_room */
    uint64_t rank;
    void (*fn)(struct op_room *r);
};
void ops_wait_room(struct ops *o, struct op_room *r, struct share *s); /* s NULL: the engine's */
void ops_leave_room(struct op_room *r);                                /* safe when not waiting */
