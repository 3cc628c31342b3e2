/* SPDX-License-Identifier: Apache-2.0 */
/* What weakens the isolation of a container: its configuration and execs, then, on a worker, what
 * its mounts show of the host today. */
#include "runtime/risk.h"

#include "container/object.h"
#include "exec/exec_object.h"
#include "run/joined.h"
#include "run/mounts.h"
#include "view/view.h"

struct risks_look {
    struct op op;
    struct container *c; /* NULL: of folders alone */
    const struct risk_host *host;
    struct risk_sources sources;
    struct risk_findings found;
    risks_done_fn done;
    void *ctx;
};

static struct err *look(struct op *op)
{
    struct risks_look *o = (struct risks_look *)op;

    risks_of_sources(op->arena, o->host, &o->sources, &o->found);
    return NULL;
}

static void finish(struct op *op)
{
    struct risks_look *o = (struct risks_look *)op;

    if (o->c)
        container_unref(o->c);
}

static const struct op_step risks_steps[] = {
    {"look", ON_DISK, look, NULL, 0},
    {0},
};
static const struct op_type risks_type = {"container/risks", OP_INTERNAL, sizeof(struct risks_look),
                                          risks_steps, finish};
OP_LISTED(risks_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct risks_look *o = ctx;

    (void)op;
    o->done(o->ctx, err, err ? NULL : &o->found, err ? NULL : &o->sources);
}

static void begin(struct risks_look *o, risks_done_fn done, void *ctx)
{
    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, o);
}

static void find_execs(struct container *c, struct risks_look *o)
{
    list_each (e, &c->execs, struct exec, link)
        if (e->doc.config.privileged && !e->doc.has_ended)
            risk_add(o->op.arena, &o->found, "exec-privileged",
                     arena_printf(o->op.arena, "exec --privileged (%.12s)", e->doc.id));
}

static void add_devices(const struct container *c, struct risks_look *o)
{
    const struct device_mapping *m = c->doc.host.devices.v;

    for (size_t i = 0; i < c->doc.host.devices.n; i++)
        strs_add(o->op.arena, &o->sources.devices, m[i].host ? m[i].host : "");
}

void container_risks(struct container *c, risks_done_fn done, void *ctx)
{
    struct risks_look *o = (struct risks_look *)op_create(c->parts->ops, &risks_type);

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->host = c->parts->risk_host;
    o->op.subject = arena_strdup(o->op.arena, c->doc.id);
    risks_of_config(o->op.arena, &c->doc.host, &o->found);
    joined_risks(c->table, o->op.arena, &c->doc.host, &o->found);
    find_execs(c, o);
    mounts_risk_sources(c->parts, o->op.arena, &c->doc.mounts, &o->sources);
    add_devices(c, o);
    begin(o, done, ctx);
}

void sources_risks(struct parts *p, const struct risk_sources *sources, risks_done_fn done,
                   void *ctx)
{
    struct risks_look *o = (struct risks_look *)op_create(p->ops, &risks_type);

    ASSERT_LOOP();
    o->host = p->risk_host;
    o->op.subject = "";
    o->sources = risk_sources_copy(o->op.arena, sources);
    begin(o, done, ctx);
}
