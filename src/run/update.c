/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Update: resources and restart policy of a container, running or not. Zero and absent
 * mean unchanged, as in Docker. The document is written first, then the limits of one that
 * runs are set on a worker, and only then are they shown: until there all can be taken back,
 * of which limits that the kernel has could not (a zero means unchanged there, too). Loop thread
 * otherwise.
 */
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "run/commands.h"
#include "runtime/sandbox.h"

#include "limits.h"

struct update {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id, *body;
    size_t body_len;
    struct host_config next; /* the container's, with what was asked changed */
    bool is_running;
    struct strs warnings;
};

#define TAKE(field)                                                                                \
    do {                                                                                           \
        if (asked->field)                                                                          \
            next->field = asked->field;                                                            \
    } while (0)

/* Docker's rule: zero and empty mean "unchanged", so a limit cannot be taken back to "none" but for
 * those that have a number for it (-1). */
static void take_asked(struct host_config *next, const struct host_config *asked)
{
    TAKE(cpu_shares);
    TAKE(memory);
    TAKE(nano_cpus);
    TAKE(blkio_weight);
    TAKE(cpu_period);
    TAKE(cpu_quota);
    TAKE(cpu_rt_period);
    TAKE(cpu_rt_runtime);
    TAKE(memory_reservation);
    TAKE(memory_swap);
    TAKE(pids_limit);
    if (!text_is_empty(asked->cpuset_cpus))
        next->cpuset_cpus = asked->cpuset_cpus;
    if (!text_is_empty(asked->cpuset_mems))
        next->cpuset_mems = asked->cpuset_mems;
    if (!text_is_empty(asked->restart.name))
        next->restart = asked->restart;
}

static struct err *plan(struct op *op)
{
    struct update *o = (struct update *)op;
    struct container *c = o->c;
    struct host_config asked = {0};
    struct cgroup_limits limits;

    if (c->is_gone || c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD)
        return err_new(ERR_CONFLICT,
                       "Cannot update container %s: container is marked for removal and "
                       "cannot be \"update\"",
                       o->id);
    o->warnings = text_split(op->arena, "", ','); /* present and empty */
    TRY(json_decode(c->arena, o->body, o->body_len, &host_config_json, &asked));
    TRY(json_check_sizes(&host_config_json, &asked, CONFIG_ENTRIES_MAX));
    if (c->doc.host.auto_remove && !text_is_empty(asked.restart.name) &&
        !text_same(asked.restart.name, "no"))
        return err_new(ERR_INVALID,
                       "Restart policy cannot be updated because AutoRemove is enabled for "
                       "the container");
    o->next = c->doc.host;
    take_asked(&o->next, &asked);
    TRY(sandbox_check(op->arena, &c->doc.config, &o->next));
    TRY(limits_plan(op->arena, &o->next, &c->doc.config, &limits));
    TRY(cgroup_check(o->parts->cgroups, op->arena, &limits, &o->warnings));
    o->is_running = state_is_running(c);
    return NULL;
}

/* The document is written as it is to be, and the container goes on as it is until the kernel has
 * agreed. */
static struct err *save(struct op *op)
{
    struct update *o = (struct update *)op;
    struct host_config shown = o->c->doc.host;

    o->c->doc.host = o->next;
    container_save_for(o->c, op);
    o->c->doc.host = shown;
    return NULL;
}

static void save_as_shown(struct op *op)
{
    container_save(((struct update *)op)->c);
}

/* A container that does not run gets its limits at the next start. */
static struct err *apply(struct op *op)
{
    struct update *o = (struct update *)op;
    struct cgroup_limits limits;

    ASSERT_WORKER();
    if (!o->is_running)
        return NULL;
    TRY(limits_plan(op->arena, &o->next, NULL, &limits));
    return cgroup_update(o->parts->cgroups, o->id, &limits);
}

static struct err *publish(struct op *op)
{
    struct update *o = (struct update *)op;

    ASSERT(o->c->magic == CONTAINER_MAGIC);
    o->c->doc.host = o->next;
    container_save(o->c); /* a pause or an exit may have written what was shown meanwhile */
    container_event(o->c, "update", NULL, NULL);
    return NULL;
}

static void finish(struct op *op)
{
    container_unref(((struct update *)op)->c);
}

static const struct op_step update_steps[] = {
    {"plan", ON_LOOP, plan, NULL, 0},
    {"save", ON_EVENT, save, save_as_shown, 0},
    {"apply", ON_WORKER, apply, NULL, 0},
    {"publish", ON_LOOP, publish, NULL, 0},
    {0},
};
static const struct op_type update_type = {"container/update", OP_MUTATING, sizeof(struct update),
                                           update_steps, finish};
OP_LISTED(update_type);

struct update_call {
    void (*done)(void *ctx, struct err *err, const struct strs *warnings);
    void *ctx;
};

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct update_call *call = ctx;

    call->done(call->ctx, err, &((struct update *)op)->warnings);
    free(call);
}

void container_update(struct container *c, const char *body, size_t len,
                      void (*done)(void *ctx, struct err *err, const struct strs *warnings),
                      void *ctx)
{
    struct update *o = (struct update *)op_create(c->parts->ops, &update_type);
    struct update_call *call = mem_new(struct update_call);

    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->op.subject = o->id;
    o->body = arena_memdup(o->op.arena, body, len);
    o->body_len = len;
    *call = (struct update_call){done, ctx};
    op_start_in(&o->op, &c->lane, on_done, call);
}
