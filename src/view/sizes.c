/* SPDX-License-Identifier: Apache-2.0 */
/* Disk usage of a container (`ps -s`): counted on a disk worker. */
#include "container/object.h"
#include "image/image.h"
#include "storage/rootfs.h"
#include "view/view.h"

struct sizes {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id;
    struct strs chain;
    int64_t rw, root;
    void (*done)(void *ctx, struct err *err, int64_t rw, int64_t root);
    void *ctx;
};

static struct err *count(struct op *op)
{
    struct sizes *o = (struct sizes *)op;

    ASSERT_WORKER();
    return rootfs_usage(o->parts->layers, o->id, &o->chain, &o->rw, &o->root);
}

static void finish(struct op *op)
{
    container_unref(((struct sizes *)op)->c);
}

static const struct op_step sizes_steps[] = {
    {"count", ON_DISK, count, NULL, 0},
    {0},
};
static const struct op_type sizes_type = {"container/sizes", OP_INTERNAL, sizeof(struct sizes),
                                          sizes_steps, finish};
OP_LISTED(sizes_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct sizes *o = ctx;

    (void)op;
    o->done(o->ctx, err, err ? 0 : o->rw, err ? 0 : o->root);
}

/* What the worker reads is copied: the container may change, or go, meanwhile. */
void container_sizes(struct container *c,
                     void (*done)(void *ctx, struct err *err, int64_t rw, int64_t root), void *ctx)
{
    struct sizes *o = (struct sizes *)op_create(c->parts->ops, &sizes_type);

    ASSERT_LOOP();
    ASSERT(done);
    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->op.subject = o->id;
    if (c->image)
        o->chain = strs_copy(o->op.arena, image_chain(c->image));
    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, o);
}
