/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a container → tar → client, who is sent it at his own speed (pump.h). Loop thread. */
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/object.h"
#include "run/root_use.h"
#include "storage/copy.h"
#include "stream/sink.h"
#include "tar/pack.h"
#include "view/copy.h"

#include "pump.h"

/* What the worker uses: outlives the operation if it must. */
struct packing {
    int source;
    struct tar_pack *pack;
};

struct copy_out {
    struct root_op root; /* first */
    const char *path;
    struct copy_source source;
    struct sink *sink;
    void (*begin)(void *ctx, const struct copy_source *s);
    void (*told)(void *ctx, struct err *err, const struct copy_source *s);
    void (*done)(void *ctx, struct err *err);
    void *ctx;
    struct packing *packing; /* the pump's */
    struct pump *pump;
    bool is_cancelled, is_sent;
};

/* ---- find (worker) ---- */

static struct err *find(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;

    ASSERT_WORKER();
    return copy_find(op->arena, o->root.view.tree, o->root.id, o->path, &o->source);
}

static void forget(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;

    if (o->source.fd >= 0)
        close(steal_fd(&o->source.fd));
}

/* ---- send ---- */

static struct err *more(void *ctx, size_t room, struct buf *out, bool *is_end)
{
    return tar_pack_more(((struct packing *)ctx)->pack, room, out, is_end);
}

static void destroy(void *ctx)
{
    struct packing *k = ctx;

    tar_pack_destroy(k->pack);
    close(k->source);
    free(k);
}

static void on_over(void *owner, bool is_sent)
{
    struct copy_out *o = owner;

    o->pump = NULL;
    o->is_sent = is_sent;
    if (is_sent && tar_pack_torn(o->packing->pack))
        log_info("a file became shorter while it was copied: its end was given as zeros",
                 KV("id", o->root.id), KV("path", tar_pack_torn(o->packing->pack)));
}

static void on_room(void *ctx)
{
    struct copy_out *o = ctx;

    if (o->pump)
        pump_resume(o->pump);
}

static struct err *send_files(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;
    struct pump_source source = {more, destroy, NULL};

    if (o->is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    source.ctx = o->packing = mem_new(struct packing);
    o->packing->pack = o->root.is_bare ? copy_pack_root(&o->source, o->root.ids)
                                       : copy_pack(&o->source, o->root.ids);
    o->packing->source = steal_fd(&o->source.fd);
    o->sink->on_room = on_room;
    o->sink->ctx = o;
    o->begin(o->ctx, &o->source);
    o->pump = pump_start(o->root.c->parts->pools, o->sink, op_wait(op), &source, on_over, o);
    return NULL;
}

static void stop(struct op *op)
{
    pump_stop(steal_ptr(&((struct copy_out *)op)->pump));
}

void copy_out_cancel(struct copy_out *o)
{
    ASSERT_LOOP();
    o->is_cancelled = true;
    if (o->pump)
        pump_cancel(o->pump);
}

/* ---- the operations ---- */

static void finish(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;

    forget(op);
    root_op_finish(&o->root);
}

static const struct op_step stat_steps[] = {
    {"settle", ON_EVENT, root_settle, NULL, 0},
    {"claim-root", ON_EVENT, root_claim, root_unclaim, 0},
    {"look", ON_LOOP, root_look, NULL, 0},
    {"mount-volumes", ON_EVENT, root_mount_volumes, root_unmount_volumes, 0, root_wants_volumes},
    {"open-root", ON_WORKER, root_open, root_close, 0},
    {"share-root", ON_LOOP, root_share, root_unshare, 0},
    {"find", ON_DISK, find, forget, 0},
    {"leave-root", ON_LOOP, root_leave, NULL, 0},
    {"close-root", ON_DISK, root_shut, NULL, 0},
    {0},
};
static const struct op_type stat_type = {"container/path-stat", OP_MUTATING,
                                         sizeof(struct copy_out), stat_steps, finish};
OP_LISTED(stat_type);

static const struct op_step copy_steps[] = {
    {"settle", ON_EVENT, root_settle, NULL, 0},
    {"claim-root", ON_EVENT, root_claim, root_unclaim, 0},
    {"look", ON_LOOP, root_look, NULL, 0},
    {"mount-volumes", ON_EVENT, root_mount_volumes, root_unmount_volumes, 0, root_wants_volumes},
    {"open-root", ON_WORKER, root_open, root_close, 0},
    {"share-root", ON_LOOP, root_share, root_unshare, 0},
    {"find", ON_DISK, find, forget, 0},
    {"send", ON_EVENT, send_files, stop, -1},
    {"leave-root", ON_LOOP, root_leave, NULL, 0},
    {"close-root", ON_DISK, root_shut, NULL, 0},
    {0},
};
static const struct op_type copy_type = {"container/copy-out", OP_MUTATING, sizeof(struct copy_out),
                                         copy_steps, finish};
OP_LISTED(copy_type);

static struct copy_out *make(struct container *c, const char *path, const struct op_type *type,
                             void *ctx)
{
    struct copy_out *o = (struct copy_out *)root_op_create(c, type);

    ASSERT_LOOP();
    o->path = arena_strdup(o->root.op.arena, path ? path : "/");
    o->root.is_bare = !path;
    o->source.fd = -1;
    o->ctx = ctx;
    return o;
}

static void on_stat(struct op *op, struct err *err, void *ctx)
{
    struct copy_out *o = ctx;

    (void)op;
    o->told(o->ctx, err, err ? NULL : &o->source);
}

void container_path_stat(struct container *c, const char *path,
                         void (*done)(void *ctx, struct err *err, const struct copy_source *s),
                         void *ctx)
{
    struct copy_out *o = make(c, path, &stat_type, ctx);

    o->told = done;
    op_start(&o->root.op, on_stat, o);
}

static void on_copied(struct op *op, struct err *err, void *ctx)
{
    struct copy_out *o = ctx;

    (void)op;
    if (err && o->is_sent) { /* the client has all of it */
        log_warn("the files of a container were not closed as they should", KV("id", o->root.id),
                 KV("error", err_text(err)));
        err_drop(err);
        err = NULL;
    }
    o->done(o->ctx, err);
}

struct copy_out *container_copy_out(struct container *c, const char *path, struct sink *sink,
                                    void (*begin)(void *ctx, const struct copy_source *s),
                                    void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct copy_out *o = make(c, path, &copy_type, ctx);

    o->sink = sink;
    o->begin = begin;
    o->done = done;
    op_start(&o->root.op, on_copied, o);
    return o;
}
