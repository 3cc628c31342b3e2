/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker load: the operation. The archive is put aside and read by a disk worker,
 * its layers are made as those of a pull, one image after the other; all images
 * enter the table together or none does. Read the step table at the end first.
 */
#include "adopt.h"
#include "archive_plan.h"
#include "job.h"
#include "platform.h"

#include <string.h>

struct load {
    struct image_job job; /* must be first */
    int in_fd;
    bool is_quiet;
    const char *platform; /* asked for, "": any */
    struct staging *staging;
    struct archive_plan plan;
    struct layers **layers; /* beside plan.v: they hold what was made */
    size_t at;              /* the image whose layers are being made */
    struct adoption *adopted;
    size_t n_adopted;
};

/* ---- worker ---- */

static struct err *check_platform(struct arena *a, const struct load *l,
                                  const struct archived_image *i)
{
    struct platform want, is;
    struct image_blob b;

    TRY(platform_parse(a, l->platform, &want));
    TRY(image_blob_parse(a, i->text, strlen(i->text), &b));
    is = (struct platform){b.os, b.architecture, b.variant};
    return platform_check(a, i->names.n ? i->names.v[0] : "in the archive", &want, &is);
}

static struct err *read_archive(struct op *op)
{
    struct load *l = (struct load *)op;
    struct err *e;

    TRY(staging_fill(op->arena, l->job.table->data_root, l->in_fd, &l->job.is_cancelled,
                     &l->staging));
    e = archive_plan_read(op->arena, l->staging, &l->plan);
    for (size_t i = 0; !e && *l->platform && i < l->plan.n; i++)
        e = check_platform(op->arena, l, &l->plan.v[i]);
    if (e)
        staging_remove(steal_ptr(&l->staging));
    return e;
}

static void drop_archive(struct op *op)
{
    struct load *l = (struct load *)op;

    staging_remove(steal_ptr(&l->staging));
}

static struct err *remove_archive(struct op *op)
{
    drop_archive(op);
    return NULL;
}

/* ---- loop ---- */

static void make_next(struct load *l);

static void on_layers(void *ctx, struct err *err)
{
    struct load *l = ctx;

    l->at++;
    if (err || l->at == l->plan.n)
        ticket_answer(steal_ptr(&l->job.ticket), err);
    else
        make_next(l);
}

static void make_next(struct load *l)
{
    struct archived_image *i = &l->plan.v[l->at];
    struct progress quiet = {0};

    l->layers[l->at] = layers_start(l->job.table, NULL, i->layers, i->n_layers,
                                    l->is_quiet ? &quiet : &l->job.progress, on_layers, l);
}

static struct err *make_layers(struct op *op)
{
    struct load *l = (struct load *)op;

    if (l->job.is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    l->layers = arena_array(op->arena, l->plan.n + 1, sizeof(*l->layers));
    l->job.ticket = op_wait(op);
    make_next(l);
    return NULL;
}

static void end_layers(struct op *op)
{
    struct load *l = (struct load *)op;

    for (size_t n = 0; l->layers && n < l->plan.n; n++)
        layers_end(steal_ptr(&l->layers[n]));
    op_recall_ticket(op);
}

static void unadopt(struct op *op)
{
    struct load *l = (struct load *)op;

    while (l->n_adopted > 0)
        adopt_undo(l->job.table, &l->adopted[--l->n_adopted]);
}

static struct err *adopt(struct op *op)
{
    struct load *l = (struct load *)op;

    l->adopted = arena_array(op->arena, l->plan.n + 1, sizeof(*l->adopted));
    for (size_t n = 0; n < l->plan.n; n++) {
        const struct archived_image *i = &l->plan.v[n];
        struct image_facts facts = {
            .text = i->text,
            .manifest_type = i->manifest_type,
            .manifest_digest = i->manifest_digest,
            .manifest_size = i->manifest_bytes,
            .manifest_text = i->manifest_text,
        };
        struct err *e =
            adopt_image(l->job.table, op->arena, &facts, &i->names, &l->adopted[l->n_adopted]);

        if (e) {
            unadopt(op);
            return e;
        }
        l->n_adopted++;
    }
    l->job.image = l->adopted[0].image;
    return NULL;
}

static struct err *save(struct op *op)
{
    struct load *l = (struct load *)op;

    adopt_save(l->job.table, op, l->adopted, l->n_adopted);
    return NULL;
}

static void tell_image(struct load *l, const struct archived_image *i, const struct image *image)
{
    struct arena *a = l->job.op.arena;

    for (size_t n = 0; n < i->names.n; n++)
        progress_stream(&l->job.progress, arena_printf(a, "Loaded image: %s\n",
                                                       image_name_familiar(a, i->names.v[n])));
    if (!i->names.n)
        progress_stream(&l->job.progress, arena_printf(a, "Loaded image ID: %s\n", image->id));
    image_event(image, "load", NULL, NULL);
}

static struct err *tell(struct op *op)
{
    struct load *l = (struct load *)op;

    for (size_t n = 0; n < l->n_adopted; n++)
        tell_image(l, &l->plan.v[n], l->adopted[n].image);
    return NULL;
}

static void finish(struct op *op)
{
    struct load *l = (struct load *)op;

    image_job_finish(&l->job);
    end_layers(op);
    if (l->in_fd >= 0)
        close(steal_fd(&l->in_fd));
}

static const struct op_step load_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"read-archive", ON_DISK, read_archive, drop_archive, -1},
    {"make-layers", ON_EVENT, make_layers, end_layers, -1},
    {"remove-archive", ON_DISK, remove_archive, NULL, -1},
    {"adopt", ON_LOOP, adopt, unadopt, 0},
    {"save", ON_EVENT, save, NULL, -1},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type load_type = {
    .name = "image/load",
    .class = OP_INTERNAL, /* it reads at the client's speed */
    .size = sizeof(struct load),
    .steps = load_steps,
    .finish = finish,
};
OP_LISTED(load_type);

struct image_job *image_load(struct image_table *t, int in_fd, bool quiet, const char *platform,
                             image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &load_type, progress, done, ctx);
    struct load *l = (struct load *)j;

    l->in_fd = in_fd;
    l->is_quiet = quiet;
    l->platform = arena_strdup(j->op.arena, platform ? platform : "");
    image_job_start(j);
    return j;
}
