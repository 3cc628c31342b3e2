/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports of a container that outlived its engine: bound again on a worker,
 * then served. Loop thread.
 */
#include "object.h"

#include "base/log.h"

struct resume {
    struct op op;
    struct container *c;
    struct ports *ports;
};

static struct err *bind_ports(struct op *op)
{
    return ports_bind(((struct resume *)op)->ports);
}

static struct err *serve(struct op *op)
{
    struct resume *o = (struct resume *)op;

    if (o->c->ports == o->ports)
        ports_serve(o->ports);
    return NULL;
}

static void finish(struct op *op)
{
    container_unref(((struct resume *)op)->c);
}

static const struct op_step resume_steps[] = {
    {"bind-ports", ON_WORKER, bind_ports, NULL, 0},
    {"serve", ON_LOOP, serve, NULL, 0},
    {0},
};
static const struct op_type resume_type = {"container/resume-ports", OP_INTERNAL,
                                           sizeof(struct resume), resume_steps, finish};

void ports_resume(struct container *c)
{
    struct resume *o = (struct resume *)op_create(c->parts->ops, &resume_type);

    o->c = container_ref(c);
    o->ports = c->ports;
    o->op.subject = c->doc.id;
    op_start_in(&o->op, &c->lane, NULL, NULL); /* the lane keeps a remove away meanwhile */
}
