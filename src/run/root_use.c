/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a container, for an operation. One that runs is looked at through its mount
 * namespace, what does not run is mounted as a start would: storage/root_view.c. A slow client
 * delays nobody: the gate is held only while the root is opened, and a start that comes later
 * mounts what is open already.
 */
#include "run/root_use.h"

#include <fcntl.h>
#include <unistd.h>

#include "container/ids.h"
#include "container/labels.h"
#include "container/object.h"
#include "container/wait.h"
#include "run/volume_mounts.h"
#include "storage/rootfs.h"

#include "prepare.h"

static struct root_op *of(struct op *op)
{
    return (struct root_op *)op;
}

struct root_op *root_op_create(struct container *c, const struct op_type *type)
{
    struct root_op *o = (struct root_op *)op_create(c->parts->ops, type);

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->op.subject = o->id;
    o->pidfd = -1;
    o->view = (struct root_view)ROOT_VIEW_NONE;
    return o;
}

void root_op_finish(struct root_op *o)
{
    ASSERT(o->view.tree < 0 && !o->hold.is_held);
    if (o->pidfd >= 0)
        close(steal_fd(&o->pidfd));
    if (o->prep && o->prep->lent_root >= 0)
        close(steal_fd(&o->prep->lent_root));
    container_unref(o->c);
}

struct err *root_settle(struct op *op)
{
    struct container *c = of(op)->c;

    if (!state_is_running(c) || c->is_exiting || c->exit.is_set)
        container_settle_for(c, op);
    return NULL;
}

struct err *root_claim(struct op *op)
{
    return root_gate_take(&of(op)->c->root, &of(op)->hold, op);
}

void root_unclaim(struct op *op)
{
    root_gate_give(&of(op)->c->root, &of(op)->hold);
}

/* What the worker needs: the process, or what would be mounted. */
struct err *root_look(struct op *op)
{
    struct root_op *o = of(op);
    struct container *c = o->c;

    if (c->is_gone || c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD)
        return err_new(ERR_CONFLICT, "container %s is being removed", o->id);
    if (state_is_running(c)) {
        TRY(ids_of(op->arena, &c->doc, &o->ids));
        o->context = labels_mount(c);
        o->pidfd = fcntl(c->pidfd, F_DUPFD_CLOEXEC, 0);
        return o->pidfd < 0 ? err_sys("keep the container's process") : NULL;
    }
    o->prep = arena_new(op->arena, struct prep);
    o->prep->lent_root = -1;
    TRY(prep_plan_root(op->arena, c, o->prep));
    o->context = o->prep->as.context;
    o->prep->lent_root = root_gate_borrow(&c->root, NULL, o->context, &o->prep->has_other_owners);
    return NULL;
}

/* Volumes with file systems of their own are mounted for as long as it takes to clone them. The
 * count is the container's: nobody else has its root meanwhile. */
bool root_wants_volumes(const struct op *op)
{
    const struct root_op *o = (const struct root_op *)op;

    return o->prep && !o->is_bare && volume_mounts_are_wanted(o->c);
}

struct err *root_mount_volumes(struct op *op)
{
    of(op)->has_volumes = true;
    return volume_mounts_begin(of(op)->c, op);
}

void root_unmount_volumes(struct op *op)
{
    if (of(op)->has_volumes)
        volume_mounts_end(of(op)->c);
    of(op)->has_volumes = false;
}

/* ---- worker ---- */

static void close_mounts(const struct sandbox_mount *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(v[i].fd);
}

static struct err *open_mounts(struct root_op *o, struct sandbox_mount *v, size_t *n)
{
    struct prep *p = o->prep;
    size_t n_etc = 0;
    struct err *e;

    *n = 0;
    if (o->is_bare)
        return NULL;
    e = prep_open_mounts(o->op.arena, p, true, v, n);
    if (!e) /* last: something may be mounted at /etc */
        e = etc_files_open_again(o->op.arena, p->dir, p->mounts, p->n_mounts, v + *n, &n_etc);
    *n += n_etc;
    if (e)
        close_mounts(v, *n);
    return e;
}

static struct err *assemble(struct root_op *o)
{
    struct prep *p = o->prep;
    size_t room = p->n_mounts + ETC_FILES, n;
    struct sandbox_mount *mounts = arena_array(o->op.arena, room, sizeof(*mounts));
    struct view_mount *v = arena_array(o->op.arena, room, sizeof(*v));
    struct err *e;
    int root;

    TRY(open_mounts(o, mounts, &n));
    for (size_t i = 0; i < n; i++)
        v[i] = (struct view_mount){mounts[i].fd, mounts[i].target, mounts[i].is_file};
    e = prep_mount_root(p, &root);
    if (!e)
        e = root_view_assemble(p->parts->layers, root, v, n, p->host->readonly_rootfs, &o->view);
    close_mounts(mounts, n);
    return e;
}

struct err *root_open(struct op *op)
{
    struct root_op *o = of(op);

    ASSERT_WORKER();
    if (o->pidfd < 0)
        return assemble(o);
    return root_view_of_process(o->pidfd, o->is_bare, &o->view);
}

void root_close(struct op *op)
{
    root_view_close(&of(op)->view);
}

/* ---- loop ---- */

struct err *root_share(struct op *op)
{
    struct root_op *o = of(op);

    o->lender.view = &o->view;
    o->lender.ids = o->ids;
    o->lender.context = o->context;
    list_append(&o->c->root.lenders, &o->lender.link);
    root_unmount_volumes(op);
    root_unclaim(op);
    return NULL;
}

void root_unshare(struct op *op)
{
    list_remove(&of(op)->lender.link);
}

struct err *root_leave(struct op *op)
{
    root_unshare(op);
    return NULL;
}

/* Behind root_leave: nobody borrows from it any more. The last unmount writes what is not written
 * yet, so it is a worker's. */
struct err *root_shut(struct op *op)
{
    root_close(op);
    return NULL;
}
