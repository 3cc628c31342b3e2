/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies into containers that an engine before this one did not end: what has a name of ours there
 * goes. In the background; one container's files at a time, as for any other copy. Loop thread.
 */
#include "copy_sweep.h"

#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "container/container_table.h"
#include "container/object.h"
#include "run/root_use.h"
#include "storage/copy_mark.h"

struct copy_sweep {
    struct root_op root; /* first */
    const char *mark;
    bool found;
};

static struct err *sweep(struct op *op)
{
    struct copy_sweep *o = (struct copy_sweep *)op;

    ASSERT_WORKER();
    return copy_mark_clear(o->root.c->parts->layers, o->mark, o->root.view.tree, &o->found);
}

static void finish(struct op *op)
{
    root_op_finish((struct root_op *)op);
}

static const struct op_step sweep_steps[] = {
    {"settle", ON_EVENT, root_settle, NULL, 0},
    {"claim-root", ON_EVENT, root_claim, root_unclaim, 0},
    {"look", ON_LOOP, root_look, NULL, 0},
    {"mount-volumes", ON_EVENT, root_mount_volumes, root_unmount_volumes, 0, root_wants_volumes},
    {"open-root", ON_WORKER, root_open, root_close, 0},
    {"share-root", ON_LOOP, root_share, root_unshare, 0},
    {"sweep", ON_DISK, sweep, NULL, 0},
    {"leave-root", ON_LOOP, root_leave, NULL, 0},
    {"close-root", ON_DISK, root_shut, NULL, 0},
    {0},
};
static const struct op_type sweep_type = {"container/copy-sweep", OP_INTERNAL,
                                          sizeof(struct copy_sweep), sweep_steps, finish};
OP_LISTED(sweep_type);

/* One that failed is tried again by the next engine. */
static void on_swept(struct op *op, struct err *err, void *ctx)
{
    struct copy_sweep *o = (struct copy_sweep *)op;

    (void)ctx;
    if (err)
        log_warn("what a copy has left in a container could not be removed", KV("id", o->root.id),
                 KV("error", err_text(err)));
    else if (o->found)
        log_info("what an interrupted copy had left in a container was removed",
                 KV("id", o->root.id));
    err_drop(err);
}

/* NULL: it is gone, and its files with it. */
static struct container *container_of_mark(struct container_table *t, const char *mark)
{
    const char *dot = strchr(mark, '.');
    autofree char *id = dot ? mem_printf("%.*s", (int)(dot - mark), mark) : NULL;

    return id && strlen(id) == 64 ? map_get(t->by_id, id) : NULL;
}

static void sweep_one(struct container_table *t, const char *mark)
{
    struct container *c = container_of_mark(t, mark);
    struct copy_sweep *o;
    bool found;

    if (!c) {
        err_drop(copy_mark_clear(t->parts->layers, mark, -1, &found));
        return;
    }
    o = (struct copy_sweep *)root_op_create(c, &sweep_type);
    o->mark = arena_strdup(o->root.op.arena, mark);
    op_start(&o->root.op, on_swept, o);
}

void copies_sweep(struct container_table *t)
{
    autoarena struct arena *a = arena_create();
    struct strs marks = {0};
    struct err *err = copy_marks_list(t->parts->layers, a, &marks);

    ASSERT_LOOP();
    for (size_t i = 0; !err && i < marks.n; i++)
        sweep_one(t, marks.v[i]);
    err_drop(err);
}
