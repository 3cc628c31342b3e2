/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client → tar → files of a container. One thread of the pool for clients reads the request's body
 * as fast as it comes.
 * Trap: a wait may end before its worker comes back. What the worker uses is in `intake`, which
 * outlives the operation.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id_map.h"
#include "container/object.h"
#include "run/root_use.h"
#include "runtime/users.h"
#include "storage/copy.h"
#include "view/copy.h"

struct intake {
    struct job job;
    struct ticket *ticket;
    struct copy_in *owner; /* only while the ticket is valid */
    int tree;
    struct copy_input from;
    struct copy_target target;
    struct arena *arena; /* of the target's path */
    struct copy_options options;
    _Atomic bool is_cancelled;
    struct err *err;
};

struct copy_in {
    struct root_op root; /* first */
    struct copy_in_request request;
    const char *user;
    struct intake *intake;
    void (*done)(void *ctx, struct err *err);
    void *ctx;
};

static void intake_free(struct intake *i)
{
    int fds[] = {i->tree, i->target.dir};

    for (size_t k = 0; k < ARRAY_LEN(fds); k++)
        if (fds[k] >= 0)
            close(fds[k]);
    i->from.close(i->from.ctx);
    arena_destroy(i->arena);
    err_drop(i->err);
    free(i);
}

static bool is_cancelled(void *ctx)
{
    return ((struct intake *)ctx)->is_cancelled;
}

/* ---- find (worker) ---- */

/* copyUIDGID: the files belong to whom the container runs as, by its own passwd file. */
static struct err *find_owner(struct copy_in *o, struct intake *i)
{
    struct user_files files;
    struct sandbox_user user = {0};
    struct strs none = {0};

    if (!o->request.gives_to_user || text_is_empty(o->user))
        return NULL;
    TRY(user_files_read(o->root.op.arena, i->tree, &files));
    TRY(user_resolve(o->root.op.arena, &files, o->user, &none, &user));
    i->options.has_owner = true;
    i->options.uid = user.uid;
    i->options.gid = user.gid;
    return NULL;
}

static struct err *find(struct op *op)
{
    struct copy_in *o = (struct copy_in *)op;
    struct intake *i = o->intake;

    ASSERT_WORKER();
    i->tree = fcntl(o->root.view.tree, F_DUPFD_CLOEXEC, 0);
    if (i->tree < 0)
        return err_sys("keep the container's root");
    if (o->root.ids) {
        struct id_map *ids = arena_new(i->arena, struct id_map);

        *ids = *o->root.ids;
        i->options.ids = ids;
    }
    TRY(copy_find_target(i->arena, i->tree, o->root.id, o->request.path, &i->target));
    return find_owner(o, i);
}

/* ---- unpack ---- */

static void unpack(struct job *job)
{
    struct intake *i = container_of(job, struct intake, job);

    ASSERT_WORKER();
    i->err = copy_in(i->tree, &i->target, &i->from, &i->options);
}

static void on_unpacked(struct job *job)
{
    struct intake *i = container_of(job, struct intake, job);
    struct ticket *t = i->ticket;
    struct err *err = steal_ptr(&i->err);

    if (ticket_op(t))
        i->owner->intake = NULL;
    intake_free(i);
    ticket_answer(t, err);
}

static struct err *begin(struct op *op)
{
    struct copy_in *o = (struct copy_in *)op;
    struct intake *i = o->intake;

    if (i->is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    i->ticket = op_wait(op);
    i->job.run = unpack;
    i->job.done = on_unpacked;
    pool_submit(o->root.c->parts->pools, POOL_CLIENT, &i->job);
    return NULL;
}

/* The wait was ended: what is at work takes back what it made, and frees itself. */
static void stop(struct op *op)
{
    struct copy_in *o = (struct copy_in *)op;
    struct intake *i = steal_ptr(&o->intake);

    if (i)
        i->is_cancelled = true;
}

void copy_in_cancel(struct copy_in *o)
{
    ASSERT_LOOP();
    if (o->intake)
        o->intake->is_cancelled = true;
}

static void finish(struct op *op)
{
    struct copy_in *o = (struct copy_in *)op;

    if (o->intake)
        intake_free(o->intake);
    root_op_finish(&o->root);
}

static const struct op_step copy_steps[] = {
    {"settle", ON_EVENT, root_settle, NULL, 0},
    {"claim-root", ON_EVENT, root_claim, root_unclaim, 0},
    {"look", ON_LOOP, root_look, NULL, 0},
    {"mount-volumes", ON_EVENT, root_mount_volumes, root_unmount_volumes, 0, root_wants_volumes},
    {"open-root", ON_WORKER, root_open, root_close, 0},
    {"share-root", ON_LOOP, root_share, root_unshare, 0},
    {"find", ON_DISK, find, NULL, 0},
    {"unpack", ON_EVENT, begin, stop, -1},
    {"leave-root", ON_LOOP, root_leave, NULL, 0},
    {"close-root", ON_DISK, root_shut, NULL, 0},
    {0},
};
static const struct op_type copy_type = {"container/copy-in", OP_MUTATING, sizeof(struct copy_in),
                                         copy_steps, finish};
OP_LISTED(copy_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct copy_in *o = ctx;

    (void)op;
    o->done(o->ctx, err);
}

struct copy_in *container_copy_in(struct container *c, const struct copy_in_request *r,
                                  const struct copy_input *from,
                                  void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct copy_in *o = (struct copy_in *)root_op_create(c, &copy_type);
    struct arena *a = o->root.op.arena;

    ASSERT_LOOP();
    o->request = *r;
    o->request.path = arena_strdup(a, r->path);
    o->user = arena_strdup(a, c->doc.config.user);
    o->done = done;
    o->ctx = ctx;
    o->intake = mem_new(struct intake);
    *o->intake = (struct intake){.owner = o,
                                 .tree = -1,
                                 .from = *from,
                                 .target.dir = -1,
                                 .arena = arena_create(),
                                 .options.store = c->parts->layers,
                                 .options.keeps_kind = r->keeps_kind,
                                 .options.is_cancelled = is_cancelled,
                                 .options.ctx = o->intake};
    o->intake->options.container_id = arena_strdup(o->intake->arena, c->doc.id);
    op_start(&o->root.op, on_done, o);
    return o;
}
