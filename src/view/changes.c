/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has changed (docker diff), read on a disk worker. */
#include <stdlib.h>
#include <string.h>

#include "container/object.h"
#include "image/image.h"
#include "storage/rootfs.h"
#include "view/view.h"

struct change {
    const char *path;
    enum rootfs_change kind;
};

struct changed {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id;
    struct strs chain;
    struct change *v;
    size_t n, room;
    struct buf out;
    void (*done)(void *ctx, struct err *err, const char *json);
    void *ctx;
};

static void note(void *ctx, const char *path, enum rootfs_change kind)
{
    struct changed *o = ctx;

    o->v = arena_grow(o->op.arena, o->v, o->n, &o->room, sizeof(*o->v));
    o->v[o->n++] = (struct change){arena_strdup(o->op.arena, path), kind};
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

static struct err *read_changes(struct op *op)
{
    struct changed *o = (struct changed *)op;
    struct jw w = {.out = &o->out};

    ASSERT_WORKER();
    TRY(rootfs_changes(o->parts->layers, o->id, &o->chain, note, o));
    if (!o->n) {
        buf_puts(&o->out, "null");
        return NULL;
    }
    qsort(o->v, o->n, sizeof(*o->v), by_path);
    jw_arr(&w, NULL);
    for (size_t i = 0; i < o->n; i++) {
        jw_obj(&w, NULL);
        jw_str(&w, "Path", o->v[i].path);
        jw_int(&w, "Kind", o->v[i].kind);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    return NULL;
}

static void finish(struct op *op)
{
    struct changed *o = (struct changed *)op;

    buf_finish(&o->out);
    container_unref(o->c);
}

static const struct op_step changes_steps[] = {
    {"read", ON_DISK, read_changes, NULL, 0},
    {0},
};
static const struct op_type changes_type = {"container/changes", OP_INTERNAL,
                                            sizeof(struct changed), changes_steps, finish};
OP_LISTED(changes_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct changed *o = ctx;

    (void)op;
    o->done(o->ctx, err, err ? NULL : o->out.data);
}

void container_changes(struct container *c,
                       void (*done)(void *ctx, struct err *err, const char *json), void *ctx)
{
    struct changed *o;

    ASSERT_LOOP();
    if (!c->image) {
        done(ctx,
             err_new(ERR_NOT_FOUND,
                     "No such image: %s (it was removed while the container existed)",
                     c->doc.image_name),
             NULL);
        return;
    }
    o = (struct changed *)op_create(c->parts->ops, &changes_type);
    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->op.subject = o->id;
    o->chain = strs_copy(o->op.arena, image_chain(c->image));
    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, o);
}
