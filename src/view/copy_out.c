/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a container → tar → client. A worker makes a piece of the stream, the loop sends it, and
 * asks for the next one when the client has taken enough: a slow client holds no thread, and no
 * more memory than two pieces. Trap: a wait may end before its worker comes back. What the worker
 * uses is in `pump`, which outlives the operation.
 */
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/object.h"
#include "run/root_use.h"
#include "storage/copy.h"
#include "stream/sink.h"
#include "tar/pack.h"
#include "view/copy.h"

#define PIECE_BYTES (256u << 10)

struct copy_pump {
    struct job job;
    struct ticket *ticket; /* void: nobody wants it any more */
    struct pools *pools;
    struct sink *sink;
    struct copy_out *owner; /* only while the ticket is valid */
    int source;
    struct tar_pack *pack;
    struct buf pieces[2]; /* one is made while the other is sent */
    int filling;
    bool is_busy, is_end;
    struct err *err;
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
    struct copy_pump *pump;
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

/* ---- the pump ---- */

static void pump_free(struct copy_pump *p)
{
    tar_pack_destroy(p->pack);
    close(p->source);
    buf_finish(&p->pieces[0]);
    buf_finish(&p->pieces[1]);
    err_drop(p->err);
    free(p);
}

static void fill(struct job *job)
{
    struct copy_pump *p = container_of(job, struct copy_pump, job);
    struct buf *out = &p->pieces[p->filling];

    ASSERT_WORKER();
    out->len = 0;
    p->err = tar_pack_more(p->pack, PIECE_BYTES, out, &p->is_end);
}

static void on_filled(struct job *job);

static void ask_for_more(struct copy_pump *p)
{
    p->job.run = fill;
    p->job.done = on_filled;
    p->is_busy = true;
    pool_submit(p->pools, POOL_DISK, &p->job);
}

/* The operation may end in here, and the pump is nobody's by then. */
static void end(struct copy_pump *p, struct err *err)
{
    struct ticket *t = steal_ptr(&p->ticket);

    if (ticket_op(t)) {
        p->owner->pump = NULL;
        p->owner->is_sent = !err;
    }
    pump_free(p);
    ticket_answer(t, err);
}

static void tell_torn(struct copy_pump *p)
{
    if (p->is_end && tar_pack_torn(p->pack))
        log_info("a file became shorter while it was copied: its end was given as zeros",
                 KV("id", p->owner->root.id), KV("path", tar_pack_torn(p->pack)));
}

static void on_filled(struct job *job)
{
    struct copy_pump *p = container_of(job, struct copy_pump, job);
    struct buf *piece = &p->pieces[p->filling];
    bool is_end;

    p->is_busy = false;
    if (!ticket_op(p->ticket) || p->owner->is_cancelled) {
        end(p, err_new(ERR_CANCELLED, "the client is gone"));
        return;
    }
    if (p->err) {
        end(p, steal_ptr(&p->err));
        return;
    }
    tell_torn(p);
    is_end = p->is_end; /* the next piece is under way when this one is sent */
    p->filling = !p->filling;
    if (!is_end && p->sink->queued(p->sink) <= SINK_HIGH)
        ask_for_more(p);
    p->sink->write(p->sink, piece->data, piece->len);
    if (is_end)
        end(p, NULL);
    else if (!p->is_busy && p->sink->queued(p->sink) <= SINK_HIGH)
        ask_for_more(p);
}

static void on_room(void *ctx)
{
    struct copy_out *o = ctx;

    if (o->pump && !o->pump->is_busy)
        ask_for_more(o->pump);
}

static struct err *start_pump(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;
    struct copy_pump *p;

    if (o->is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    p = o->pump = mem_new(struct copy_pump);
    p->pools = o->root.c->parts->pools;
    p->sink = o->sink;
    p->owner = o;
    p->source = steal_fd(&o->source.fd);
    o->source.fd = p->source;
    p->pack = o->root.is_bare ? copy_pack_root(&o->source, o->root.ids)
                              : copy_pack(&o->source, o->root.ids);
    o->source.fd = -1;
    p->ticket = op_wait(op);
    o->sink->on_room = on_room;
    o->sink->ctx = o;
    o->begin(o->ctx, &o->source);
    ask_for_more(p);
    return NULL;
}

/* The wait was ended: a pump at work frees itself when it comes back. */
static void stop(struct op *op)
{
    struct copy_out *o = (struct copy_out *)op;
    struct copy_pump *p = steal_ptr(&o->pump);

    if (!p || p->is_busy)
        return;
    ticket_drop(steal_ptr(&p->ticket));
    pump_free(p);
}

void copy_out_cancel(struct copy_out *o)
{
    ASSERT_LOOP();
    o->is_cancelled = true;
    if (o->pump && !o->pump->is_busy)
        end(o->pump, err_new(ERR_CANCELLED, "the client is gone"));
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
    {"send", ON_EVENT, start_pump, stop, -1},
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
