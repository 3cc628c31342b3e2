/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume with a file system of its own (type=tmpfs, ext4, nfs …) is mounted once, at its
 * directory, as long as somebody uses it: all who do share it, and the host sees it there.
 * Operations in the volume's lane, so that the count and the mount never disagree.
 * Trap: the mount is in the host's table, so an engine that dies leaves it; the next one counts who
 * runs and takes away what nobody has.
 */
#include "core/op.h"

#include "volume_table.h"

struct volume_use {
    struct op op;
    struct volume *v; /* loop steps only; pinned */
    const char *path;
    struct pairs options;
    bool is_first, is_last;
    void (*done)(void *ctx, struct err *err, struct volume *v);
    void *ctx;
};

static struct volume_use *use_create(struct volume *v, const struct op_type *type)
{
    struct volume_use *u = (struct volume_use *)op_create(v->table->ops, type);

    u->v = volume_pin(v->table, v->name);
    ASSERT(u->v == v);
    u->path = arena_strdup(u->op.arena, v->path);
    u->options = pairs_copy(u->op.arena, &v->r.options);
    u->op.subject = arena_strdup(u->op.arena, v->name);
    return u;
}

static void unpin(struct op *op)
{
    volume_unpin(((struct volume_use *)op)->v);
}

/* ---- mount ---- */

static struct err *claim(struct op *op)
{
    struct volume_use *u = (struct volume_use *)op;

    if (u->v->state != VOLUME_READY)
        return err_new(ERR_NOT_FOUND, "get %s: no such volume", u->v->name);
    u->is_first = u->v->n_mounted == 0;
    return NULL;
}

static struct err *attach(struct op *op)
{
    struct volume_use *u = (struct volume_use *)op;

    return u->is_first ? volume_attach(u->path, &u->options) : NULL;
}

static void detach(struct op *op)
{
    struct volume_use *u = (struct volume_use *)op;

    if (u->is_first)
        volume_detach(u->path);
}

static struct err *count(struct op *op)
{
    ((struct volume_use *)op)->v->n_mounted++;
    return NULL;
}

static void on_mounted(struct op *op, struct err *err, void *ctx)
{
    struct volume_use *u = (struct volume_use *)op;

    (void)ctx;
    if (err)
        err = err_wrap(err, "failed to mount local volume %s", u->v->name);
    u->done(u->ctx, err, err ? NULL : u->v);
}

static const struct op_step mount_steps[] = {
    {"claim", ON_LOOP, claim, NULL},
    {"attach", ON_DISK, attach, detach},
    {"count", ON_LOOP, count, NULL},
    {0},
};
static const struct op_type mount_type = {
    "volume/mount", OP_MUTATING, sizeof(struct volume_use), mount_steps, unpin,
};
OP_LISTED(mount_type);

void volume_mount(struct volume *v, void (*done)(void *ctx, struct err *err, struct volume *v),
                  void *ctx)
{
    struct volume_use *u;

    ASSERT_LOOP();
    ASSERT(v->state == VOLUME_READY);
    u = use_create(v, &mount_type);
    u->done = done;
    u->ctx = ctx;
    op_start_in(&u->op, &v->lane, on_mounted, NULL);
}

/* ---- unmount ---- */

static struct err *look(struct op *op)
{
    struct volume_use *u = (struct volume_use *)op;

    u->is_last = u->v->n_mounted == 0;
    return NULL;
}

static struct err *detach_last(struct op *op)
{
    struct volume_use *u = (struct volume_use *)op;

    if (u->is_last)
        volume_detach(u->path);
    return NULL;
}

static const struct op_step unmount_steps[] = {
    {"look", ON_LOOP, look, NULL},
    {"detach", ON_DISK, detach_last, NULL},
    {0},
};
static const struct op_type unmount_type = {
    "volume/unmount", OP_INTERNAL, sizeof(struct volume_use), unmount_steps, unpin,
};
OP_LISTED(unmount_type);

/* Takes the mount away if nobody has it by then. One that could not be is found by the next. */
static void detach_later(struct volume *v)
{
    op_start_in(&use_create(v, &unmount_type)->op, &v->lane, NULL, NULL);
}

void volume_unmount(struct volume *v)
{
    ASSERT_LOOP();
    ASSERT(v->n_mounted > 0);
    if (--v->n_mounted == 0)
        detach_later(v);
}

void volume_note_mounted(struct volume *v)
{
    ASSERT_LOOP();
    v->n_mounted++;
}

void volume_settle_mount(struct volume *v)
{
    if (v->n_mounted == 0 && volume_has_file_system(&v->r.options))
        detach_later(v);
}
