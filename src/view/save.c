/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker save: images → archive → client, who is sent it at his own speed (pump.h). Loop thread.
 * Nothing is written: what an engine leaves that ends meanwhile is a connection that broke off.
 */
#include "view/save.h"

#include "base/text.h"
#include "container/parts.h"
#include "core/op.h"
#include "image/save.h"
#include "stream/sink.h"

#include "pump.h"

struct images_save {
    struct op op; /* first */
    struct parts *parts;
    struct strs names;
    const char *platform;
    struct image_archive *archive; /* the pump's while it is there */
    struct sink *sink;
    void (*begin)(void *ctx);
    void (*done)(void *ctx, struct err *err);
    void *ctx;
    struct pump *pump;
    bool is_cancelled;
};

static struct err *hold_layers(struct op *op)
{
    struct images_save *s = (struct images_save *)op;

    return image_archive_create(s->parts->images, &s->names, s->platform, &s->archive);
}

static struct err *read_records(struct op *op)
{
    return image_archive_open(((struct images_save *)op)->archive);
}

/* ---- send ---- */

static struct err *more(void *ctx, size_t room, struct buf *out, bool *is_end)
{
    return image_archive_more(ctx, room, out, is_end);
}

static void destroy(void *ctx)
{
    image_archive_destroy(ctx);
}

static void on_over(void *owner, bool is_sent)
{
    struct images_save *s = owner;

    if (is_sent)
        image_archive_tell(s->archive);
    s->archive = NULL;
    s->pump = NULL;
}

static void on_room(void *ctx)
{
    struct images_save *s = ctx;

    if (s->pump)
        pump_resume(s->pump);
}

static struct err *send_archive(struct op *op)
{
    struct images_save *s = (struct images_save *)op;
    const struct pump_source source = {more, destroy, s->archive};

    if (s->is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    s->sink->on_room = on_room;
    s->sink->ctx = s;
    s->begin(s->ctx);
    s->pump = pump_start(s->parts->pools, s->sink, op_wait(op), &source, on_over, s);
    return NULL;
}

static void stop(struct op *op)
{
    struct images_save *s = (struct images_save *)op;

    s->archive = NULL;
    pump_stop(steal_ptr(&s->pump));
}

void images_save_cancel(struct images_save *s)
{
    ASSERT_LOOP();
    s->is_cancelled = true;
    if (s->pump)
        pump_cancel(s->pump);
}

/* ---- the operation ---- */

static void finish(struct op *op)
{
    image_archive_destroy(((struct images_save *)op)->archive);
}

static const struct op_step save_steps[] = {
    {"hold-layers", ON_LOOP, hold_layers, NULL, 0},
    {"read-records", ON_DISK, read_records, NULL, 0},
    {"send", ON_EVENT, send_archive, stop, -1},
    {0},
};
static const struct op_type save_type = {"image/save", OP_MUTATING, sizeof(struct images_save),
                                         save_steps, finish};
OP_LISTED(save_type);

static void on_saved(struct op *op, struct err *err, void *ctx)
{
    struct images_save *s = ctx;

    (void)op;
    s->done(s->ctx, err);
}

struct images_save *images_save(struct parts *p, const struct strs *names, const char *platform,
                                struct sink *sink, void (*begin)(void *ctx),
                                void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct images_save *s = (struct images_save *)op_create(p->ops, &save_type);

    ASSERT_LOOP();
    s->parts = p;
    s->names = strs_copy(s->op.arena, names);
    s->platform = arena_strdup(s->op.arena, platform);
    s->op.subject = s->names.n ? s->names.v[0] : NULL;
    s->sink = sink;
    s->begin = begin;
    s->done = done;
    s->ctx = ctx;
    op_start(&s->op, on_saved, s);
    return s;
}
