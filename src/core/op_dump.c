/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations in flight are doing, for GET /debug/ops. Loop thread. */
#include "base/clock.h"
#include "base/json.h"

#include "op_inner.h"

static const char *const state_names[] = {
    [OP_NEW] = "queued",      [OP_QUEUED] = "queued",   [OP_ADMISSION] = "admission",
    [OP_RUNNING] = "running", [OP_WAITING] = "waiting", [OP_STEP_ENDED] = "running",
    [OP_UNDOING] = "undoing",
};

static const char *const place_names[] = {
    [ON_LOOP] = "loop",     [ON_WORKER] = "worker", [ON_DISK] = "disk",
    [ON_KEEPER] = "keeper", [ON_EVENT] = "event",
};

const char *op_place_name(enum op_place place)
{
    return place_names[place];
}

static void dump_op(struct jw *w, const struct op *op)
{
    const struct op_step *step = op_step(op);
    const char *state = op->flags & OP_ABANDONED ? "abandoned" : state_names[op->state];

    jw_obj(w, NULL);
    jw_int(w, "seq", (int64_t)op->seq);
    jw_str(w, "type", op->type->name);
    jw_str(w, "subject", op->subject);
    jw_str(w, "step", op_step_name(op));
    jw_str(w, "place", step ? op_place_name(step->place) : "");
    jw_int(w, "age_ms", (clock_boot_ns() - op->started_ns) / NS_PER_MS);
    jw_str(w, "state", state);
    jw_obj_end(w);
}

void ops_dump(struct ops *o, struct jw *w)
{
    ASSERT_LOOP();
    jw_arr(w, NULL);
    list_each (op, &o->all, struct op, link)
        dump_op(w, op);
    jw_arr_end(w);
}

static void dump_gate(struct jw *w, const char *key, const struct gate *g)
{
    jw_obj(w, key);
    jw_int(w, "max", g->max);
    jw_int(w, "used", g->used);
    jw_int(w, "waiting", g->n_waiting);
    jw_obj_end(w);
}

void ops_dump_queue(struct ops *o, struct jw *w)
{
    ASSERT_LOOP();
    jw_obj(w, NULL);
    jw_int(w, "operations", o->n_in_flight);
    dump_gate(w, "slots", &o->gates[GATE_MUTATING]);
    dump_gate(w, "urgent_slots", &o->gates[GATE_URGENT]);
    jw_int(w, "unread_requests", o->n_room);
    jw_int(w, "clients", ops_clients(o));
    latencies_write_json(o->waits, w, "waits");
    jw_obj_end(w);
}

void ops_write_waits(struct ops *o, struct buf *out)
{
    latencies_write_family(o->waits, out, "berth_operation_wait_seconds", "operation",
                           "How long operations of commands wait for slots, workers and permits.");
}
