/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pause and unpause: the freezer, on a worker. They queue behind one another, never behind a
 * lifecycle command.
 */
#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "container/process.h"
#include "exec/health.h"
#include "run/commands.h"

#define AWAIT_EXECS_MS 10000

struct pause {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id, *cgroup;
    bool paused, has_claimed;
    unsigned n_thaws;    /* when it began */
    int64_t run_boot_ns; /* of which run it is */
};

static struct err *claim(struct op *op)
{
    struct pause *o = (struct pause *)op;
    bool is_paused = o->c->doc.state.status == STATUS_PAUSED;

    ASSERT(o->c->magic == CONTAINER_MAGIC);
    TRY(container_check_runs(o->c));
    if (o->paused && o->c->has_sigkill)
        return err_new(ERR_CONFLICT, "Container %s is not running: it has been killed", o->id);
    if (o->paused && is_paused)
        return err_new(ERR_CONFLICT, "Container %s is already paused", o->id);
    if (!o->paused && !is_paused)
        return err_new(ERR_CONFLICT, "Container %s is not paused", o->id);
    o->n_thaws = o->c->n_thaws;
    o->run_boot_ns = o->c->doc.state.started_boot_ns;
    o->has_claimed = true;
    o->c->is_pausing = o->paused;
    return NULL;
}

static bool is_pause(const struct op *op)
{
    return ((const struct pause *)op)->paused;
}

/* One that is frozen in its set-up would have its client wait until the container is thawed. */
static struct err *await_execs(struct op *op)
{
    struct pause *o = (struct pause *)op;

    if (o->c->n_exec_starts > 0)
        ticket_queue(op_wait(op), &o->c->exec_starts, NULL);
    return NULL;
}

/* The freezer stops processes where they are, and takes its time for those in the kernel: hence a
 * worker (cgroup-v2.rst, cgroup.freeze). */
static struct err *freeze(struct op *op)
{
    struct pause *o = (struct pause *)op;

    ASSERT_WORKER();
    return cgroup_freeze(o->parts->cgroups, o->cgroup, o->paused);
}

/* The container may have ended while it froze, and run again; and a signal that had to get through
 * (n_thaws) wins over the pause. */
static struct err *mark(struct op *op)
{
    struct pause *o = (struct pause *)op;

    if (!state_is_running(o->c) || o->c->is_exiting ||
        o->c->doc.state.started_boot_ns != o->run_boot_ns) {
        if (o->paused && o->c->doc.state.status != STATUS_PAUSED)
            container_thaw_all(o->c); /* what froze may be the run that followed */
        return err_new(ERR_CONFLICT, "Container %s is not running", o->id);
    }
    o->c->doc.state.status = o->paused ? STATUS_PAUSED : STATUS_RUNNING;
    if (o->paused && (o->n_thaws != o->c->n_thaws || o->c->has_sigkill)) {
        container_thaw(o->c); /* it was killed while it froze: the signal must arrive */
        return err_new(ERR_CONFLICT, "Container %s is being stopped", o->id);
    }
    container_check(o->c);
    health_pause(o->c, o->paused);
    container_save(o->c);
    container_event(o->c, o->paused ? "pause" : "unpause", NULL, NULL);
    return NULL;
}

static void finish(struct op *op)
{
    struct pause *o = (struct pause *)op;

    if (o->has_claimed)
        o->c->is_pausing = false;
    container_unref(o->c);
}

static const struct op_step pause_steps[] = {
    {"claim", ON_LOOP, claim, NULL, 0},
    {"await-execs", ON_EVENT, await_execs, NULL, AWAIT_EXECS_MS, is_pause},
    {"freeze", ON_WORKER, freeze, NULL, 0},
    {"mark", ON_LOOP, mark, NULL, 0},
    {0},
};
static const struct op_type pause_type = {"container/pause", OP_MUTATING, sizeof(struct pause),
                                          pause_steps, finish};
OP_LISTED(pause_type);

struct pause_call {
    container_done_fn done;
    void *ctx;
};

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct pause_call *call = ctx;
    struct pause *o = (struct pause *)op;

    if (err && err_kind(err) != ERR_CONFLICT && (!state_is_running(o->c) || o->c->is_exiting)) {
        err_drop(err); /* it ended meanwhile, and its cgroup is gone */
        err = err_new(ERR_CONFLICT, "Container %s is not running", o->id);
    }
    call->done(call->ctx, err);
    free(call);
}

void container_pause(struct container *c, bool paused, container_done_fn done, void *ctx)
{
    struct pause *o = (struct pause *)op_create(c->parts->ops, &pause_type);
    struct pause_call *call = mem_new(struct pause_call);

    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->cgroup = container_cgroup(o->op.arena, c);
    o->op.subject = o->id;
    o->paused = paused;
    *call = (struct pause_call){done, ctx};
    op_start_in(&o->op, &c->freezer, on_done, call);
}
