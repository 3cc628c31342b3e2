/* SPDX-License-Identifier: Apache-2.0 */
/* How much a volume takes: a worker walks its files, which a container may change meanwhile. */
#include "storage/tree.h"
#include "volume_table.h"

struct measure {
    struct op op;
    struct volume *v; /* loop steps only; pinned */
    const char *name;
    int dir; /* the table's */
    int64_t bytes;
    void (*done)(void *ctx, struct err *err, int64_t bytes);
    void *ctx;
};

static struct err *check(struct op *op)
{
    struct measure *m = (struct measure *)op;

    ASSERT(m->v->magic == VOLUME_MAGIC && m->v->pins > 0);
    return m->v->state == VOLUME_READY ? NULL
                                       : err_new(ERR_NOT_FOUND, "get %s: no such volume", m->name);
}

static struct err *walk(struct op *op)
{
    struct measure *m = (struct measure *)op;

    ASSERT(m->dir >= 0);
    return tree_size(m->dir, arena_printf(op->arena, "%s/_data", m->name), &m->bytes);
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct measure *m = (struct measure *)op;

    (void)ctx;
    m->done(m->ctx, err, err ? 0 : m->bytes);
}

static void unpin(struct op *op)
{
    volume_unpin(((struct measure *)op)->v);
}

static const struct op_step measure_steps[] = {
    {"check", ON_LOOP, check, NULL},
    {"walk", ON_DISK, walk, NULL},
    {0},
};
static const struct op_type measure_type = {
    "volume/measure", OP_MUTATING, sizeof(struct measure), measure_steps, unpin,
};
OP_LISTED(measure_type);

void volume_measure(struct volume_table *t, const char *name,
                    void (*done)(void *ctx, struct err *err, int64_t bytes), void *ctx)
{
    struct measure *m = (struct measure *)op_create(t->ops, &measure_type);

    m->v = volume_pin(t, name);
    m->name = arena_strdup(m->op.arena, name);
    m->op.subject = m->name;
    m->dir = t->dir;
    m->done = done;
    m->ctx = ctx;
    op_start(&m->op, on_done, NULL);
}
