/* SPDX-License-Identifier: Apache-2.0 */
/* Pause and unpause: the freezer, on a worker. They never queue behind a lifecycle command. */
#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "container/process.h"
#include "exec/health.h"
#include "run/commands.h"

struct pause {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id, *cgroup;
    bool paused;
    unsigned n_thaws; /* when it began */
};

static struct err *claim(struct op *op)
{
    struct pause *o = (struct pause *)op;
    bool is_paused = o->c->doc.state.status == STATUS_PAUSED;

    ASSERT(o->c->magic == CONTAINER_MAGIC);
    if (!state_is_running(o->c) || o->c->is_exiting)
        return err_new(ERR_CONFLICT, "Container %s is not running", o->id);
    if (o->paused && is_paused)
        return err_new(ERR_CONFLICT, "Container %s is already paused", o->id);
    if (!o->paused && !is_paused)
        return err_new(ERR_CONFLICT, "Container %s is not paused", o->id);
    o->n_thaws = o->c->n_thaws;
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

/* The container may have ended while it froze; and a signal that had to get through (n_thaws) wins
 * over the pause. */
static struct err *mark(struct op *op)
{
    struct pause *o = (struct pause *)op;

    if (!state_is_running(o->c))
        return err_new(ERR_CONFLICT, "Container %s is not running", o->id);
    o->c->doc.state.status = o->paused ? STATUS_PAUSED : STATUS_RUNNING;
    if (o->paused && o->n_thaws != o->c->n_thaws) {
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
    container_unref(((struct pause *)op)->c);
}

static const struct op_step pause_steps[] = {
    {"claim", ON_LOOP, claim, NULL, 0},
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
    op_start(&o->op, on_done, call);
}
