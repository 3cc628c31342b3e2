/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker commit: the container stands still while what it has written becomes an image. Loop
 * thread; what an image is, image/import.c knows. Not in the container's lane: a stop does not wait
 * for gigabytes to be read, and a removal makes the commit fail.
 * Trap: a pause or an image may come when nobody waits for it any more. The carrier, which outlives
 * the operation, then thaws the container.
 */
#include "container/event.h"
#include "container/object.h"
#include "image/image.h"
#include "run/commands.h"

#include "merge.h"

struct commit_carrier {
    struct ticket *ticket;
    struct container *c;
};

struct commit {
    struct op op;
    struct container *c;
    const char *id;
    struct image_commit image;
    bool wants_pause, has_paused, is_cancelled;
    struct image_job *job; /* while it is awaited */
    const char *image_id;
    commit_done_fn done;
    void *ctx;
};

static struct commit_carrier *carrier_create(struct commit *o)
{
    struct commit_carrier *k = mem_new(struct commit_carrier);

    k->c = container_ref(o->c);
    k->ticket = op_wait(&o->op);
    return k;
}

/* The engine ends: nobody hears of it. */
static void carrier_drop(void *ctx)
{
    struct commit_carrier *k = ctx;

    ticket_drop(steal_ptr(&k->ticket));
    container_unref(k->c);
    free(k);
}

/* Its ticket is the last that is heard of the operation. */
static void carrier_end(struct commit_carrier *k, struct err *err)
{
    struct ticket *t = steal_ptr(&k->ticket);

    container_unref(k->c);
    free(k);
    ticket_answer(t, err);
}

/* ---- pause ---- */

static bool wants_pause(const struct op *op)
{
    const struct commit *o = (const struct commit *)op;

    return o->wants_pause && o->c->doc.state.status == STATUS_RUNNING && !o->c->is_exiting;
}

static bool has_paused(const struct op *op)
{
    return ((const struct commit *)op)->has_paused;
}

static struct err *note_pause(struct op *op)
{
    struct commit *o = (struct commit *)op;

    o->c->doc.state.is_paused_to_commit = true;
    container_save_for(o->c, op);
    return NULL;
}

static void forget_pause(struct op *op)
{
    struct commit *o = (struct commit *)op;

    o->c->doc.state.is_paused_to_commit = false;
    if (!o->c->is_gone)
        container_save(o->c);
}

static void on_thawed(void *ctx, struct err *err)
{
    struct container *c = container_of_ctx(ctx);

    err_drop(err); /* it has ended, or a user was first */
    container_unref(c);
}

static void thaw(struct container *c)
{
    container_pause(c, false, on_thawed, container_ref(c));
}

/* One that has ended by now, or that a user has paused, stands still as well. */
static void on_paused(void *ctx, struct err *err)
{
    struct commit_carrier *k = ctx;
    struct commit *o = (struct commit *)ticket_op(k->ticket);

    if (o)
        o->has_paused = !err;
    else if (!err)
        thaw(k->c);
    if (err && err_kind(err) == ERR_CONFLICT)
        err_drop(steal_ptr(&err));
    carrier_end(k, err);
}

static struct err *pause_it(struct op *op)
{
    struct commit *o = (struct commit *)op;

    container_pause(o->c, true, on_paused, carrier_create(o));
    return NULL;
}

static void unpause(struct op *op)
{
    struct commit *o = (struct commit *)op;

    if (o->has_paused)
        thaw(o->c);
}

static void on_unpaused(void *ctx, struct err *err)
{
    err_drop(err);
    carrier_end(ctx, NULL);
}

static struct err *unpause_it(struct op *op)
{
    struct commit *o = (struct commit *)op;

    o->has_paused = false; /* the thaw saves it */
    o->c->doc.state.is_paused_to_commit = false;
    container_pause(o->c, false, on_unpaused, carrier_create(o));
    return NULL;
}

/* ---- the image ---- */

static struct err *check(struct op *op)
{
    struct commit *o = (struct commit *)op;

    if (o->c->doc.state.status == STATUS_DEAD || o->c->doc.state.status == STATUS_REMOVING ||
        o->c->is_gone)
        return err_new(ERR_CONFLICT, "You cannot commit container %s which is being removed",
                       o->id);
    if (!o->c->image)
        return err_new(ERR_NOT_FOUND,
                       "No such image: %s (it was removed while the container existed)",
                       o->c->doc.image_name);
    return NULL;
}

static bool is_there(void *ctx)
{
    const struct commit_carrier *k = ctx;

    return !k->c->is_gone && k->c->doc.state.status != STATUS_REMOVING &&
           k->c->doc.state.status != STATUS_DEAD;
}

static void on_image(void *ctx, struct err *err, struct image *image)
{
    struct commit_carrier *k = ctx;
    struct commit *o = (struct commit *)ticket_op(k->ticket);

    if (o)
        o->job = NULL;
    if (o && !err)
        o->image_id = arena_strdup(o->op.arena, image_id(image));
    carrier_end(k, err);
}

static struct err *make_image(struct op *op)
{
    struct commit *o = (struct commit *)op;

    TRY(check(op)); /* it may have gone while it was paused */
    if (o->is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    o->job = image_commit(o->c->parts->images, o->c->image, &o->image, on_image, carrier_create(o));
    return NULL;
}

static void cancel_image(struct op *op)
{
    struct commit *o = (struct commit *)op;

    if (o->job)
        image_job_cancel(steal_ptr(&o->job));
}

static struct err *tell(struct op *op)
{
    struct commit *o = (struct commit *)op;
    struct pairs more = {0};

    if (!text_is_empty(o->image.comment))
        pairs_set(op->arena, &more, "comment", o->image.comment);
    pairs_set(op->arena, &more, "imageID", o->image_id);
    if (!text_is_empty(o->image.repo))
        pairs_set(op->arena, &more, "imageRef",
                  text_is_empty(o->image.tag)
                      ? o->image.repo
                      : arena_printf(op->arena, "%s:%s", o->image.repo, o->image.tag));
    container_event_with(o->c, "commit", &more);
    return NULL;
}

static void finish(struct op *op)
{
    container_unref(((struct commit *)op)->c);
}

static const struct op_step commit_steps[] = {
    {"check", ON_LOOP, check, NULL, 0},
    {"note-pause", ON_EVENT, note_pause, forget_pause, 0, wants_pause},
    {"pause", ON_EVENT, pause_it, unpause, -1, wants_pause},
    {"make-image", ON_EVENT, make_image, cancel_image, -1},
    {"unpause", ON_EVENT, unpause_it, NULL, -1, has_paused},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};
static const struct op_type commit_type = {"container/commit", OP_MUTATING, sizeof(struct commit),
                                           commit_steps, finish};
OP_LISTED(commit_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct commit *o = (struct commit *)op;

    (void)ctx;
    o->done(o->ctx, err, err ? NULL : o->image_id);
}

/* What the request says wins over what the container has. */
static char *config_text(struct container *c, struct arena *a, struct config *asked)
{
    const struct strs on_build = asked->on_build; /* its image's were for that one's builds */

    config_merge_image(a, asked, &c->doc.config);
    asked->on_build = on_build;
    return json_encode(a, &config_json, asked);
}

struct commit *container_commit(struct container *c, struct commit_request *r, commit_done_fn done,
                                void *ctx)
{
    struct commit *o = (struct commit *)op_create(c->parts->ops, &commit_type);
    struct arena *a = o->op.arena;

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->id = arena_strdup(a, c->doc.id);
    o->op.subject = o->id;
    o->wants_pause = r->wants_pause;
    o->image = (struct image_commit){
        .container_id = o->id,
        .config = config_text(c, a, &r->config),
        .created_by = strs_join(a, &c->doc.config.cmd, " "),
        .repo = arena_strdup(a, r->repo),
        .tag = arena_strdup(a, r->tag),
        .comment = arena_strdup(a, r->comment),
        .author = arena_strdup(a, r->author),
        .changes = strs_copy(a, &r->changes),
        .is_there = is_there,
        .forget = carrier_drop,
    };
    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, NULL);
    return o;
}

/* The job answers with an error, unless the image is there by then. */
void container_commit_cancel(struct commit *o)
{
    ASSERT_LOOP();
    o->is_cancelled = true;
    if (o->job)
        image_job_cancel(o->job);
}
