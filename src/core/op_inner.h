/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the runner share: op.c (steps), admission.c, fault.c, op_dump.c. */
#pragma once

#include "core/latency.h"
#include "core/op.h"

enum op_state {
    OP_NEW,
    OP_QUEUED,     /* in its lane, or about to begin */
    OP_ADMISSION,  /* waits for a slot, or was just given one */
    OP_RUNNING,    /* a step runs: inside run on the loop, or on a worker */
    OP_WAITING,    /* in an ON_KEEPER/ON_EVENT step */
    OP_STEP_ENDED, /* op->err says how; ready to go on */
    OP_UNDOING,    /* op->at is the step to be undone */
};

enum op_flag {
    OP_HAS_SLOT = 1,
    OP_IN_RUN = 2,     /* inside run of an ON_KEEPER/ON_EVENT step */
    OP_UNDO_STEP = 4,  /* the failed step itself is to be undone */
    OP_ANSWERED = 8,   /* done was called */
    OP_ABANDONED = 16, /* answered while a worker still has the op */
    OP_EXTENDED = 32,  /* the deadline met a job that no worker had begun */
    OP_SLEEPS = 64,    /* op_wait_ms: the timer is the answer, not the deadline */
};

struct ticket {
    struct op *op;    /* NULL: the operation is past this step or freed; else op->ticket == this */
    bool is_void;     /* a deadline or a cancel ended the wait before the carrier answered */
    struct ops *ops;  /* outlives every ticket: ops_unhold frees it behind the last one */
    struct list link; /* in the queue given to ticket_queue */
    struct heap_node node; /* in that given to ticket_queue_ranked */
    bool is_queued; /* was ever queued: the queue, not a carrier, gives a voided ticket back */
    void *ctx;      /* of ticket_queue: for whoever works the queue off */
    const char *type, *step; /* for the log, when the operation is gone: names of static tables */
};

/* One kind of slot and who waits for it, in the order of the ranks. */
struct gate {
    int used, max;       /* slots: ops with OP_HAS_SLOT, and the limit */
    int n_waiting;       /* how many are in `waiting` */
    struct heap waiting; /* op.gate_node; every op there is in OP_ADMISSION without a slot */
};
enum { GATE_MUTATING, GATE_URGENT, GATE_KINDS };

struct fault {
    struct list link;
    char *where;  /* "type:step" */
    bool is_late; /* the step's wait ends by its deadline at once, instead of failing its run */
    int left;     /* how often it still hits */
};

struct ops {
    struct loop *loop;
    struct pools *pools;
    uint64_t last_seq; /* of the youngest op */
    struct list all;   /* op.link: started and not ended, oldest first */
    int n_in_flight;   /* the length of `all` */
    struct list ready; /* op.wait_link: ops that ops_kick takes on */
    bool is_kicking;   /* ops_kick is on the stack: what gets ready waits for its loop */
    bool is_posted;    /* on_kick is in the loop's letter box and will use this memory */
    bool is_destroyed; /* ops_destroy was called: freed with the last ticket and post */
    struct gate gates[GATE_KINDS];
    struct heap room;        /* op_room.node: connections that wait until fewer ops wait */
    int n_room;              /* how many are in `room` */
    struct latencies *waits; /* of commands, by the names of their operations */
    struct map *shares;      /* struct share, by client */
    struct share *own_share;
    struct asking asking;
    uint64_t served_rank; /* the highest of which a worker or the keeper has done a step */
    struct list faults;   /* fault.link */
    int deadline_ms;      /* of steps that name none */
    uint64_t n_late;      /* answers through void tickets, since the start */
    size_t n_tickets;     /* not given back yet */
};

/* op.c */
void ops_make_ready(struct op *op);
void ops_kick_later(struct ops *o);
const struct op_step *op_step(const struct op *op); /* NULL before and after the steps */
void ops_unhold(struct ops *o);                     /* frees what was destroyed and is unused */
void op_note_wait(struct op *op); /* what it has waited for since queued_ns is there */
/* A wait ends: by its answer (takes err), or because nobody answered in time (takes err). */
void op_end_wait(struct op *op, struct err *err, bool is_answered);

/* share.c */
void shares_init(struct ops *o);
void shares_finish(struct ops *o);
uint64_t share_rank(struct ops *o, struct share *s); /* the next one; s NULL: the engine's */
void share_give(struct op *op);   /* a new one gets its share, which it holds, and its rank */
void share_served(struct op *op); /* the others' next ranks are not below this one's */

/* op_dump.c */
const char *op_place_name(enum op_place place);

/* op_types.c */
bool op_type_is_listed(const struct op_type *type);

/* ticket.c */
void ticket_void(struct op *op);   /* of the wait that is on, if there is one */
void ticket_detach(struct op *op); /* behind the undo of the step that waited */

/* admission.c */
/* Whether a step there occupies a worker or the keeper. */
bool place_needs_slot(enum op_place place);
void admission_init(struct ops *o, int max_inflight);
/* True: the step may run (a slot is held where one is needed). False: the op now waits. */
bool admission_enter(struct op *op);
/* Gives the slot back unless the next step needs one and no older op waits. */
void admission_between_steps(struct op *op);
void admission_leave(struct op *op);  /* gives the slot back, if any */
void admission_forget(struct op *op); /* an op in OP_ADMISSION waits no more */
void admission_call_room(struct ops *o);

/* fault.c */
void faults_init(struct ops *o);
void faults_finish(struct ops *o);
struct err *fault_hit(struct op *op); /* the injected error, or NULL */
bool fault_is_late(struct op *op);    /* the wait that has just begun shall end unanswered */
