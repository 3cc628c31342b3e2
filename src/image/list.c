/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a build: an image that nobody listed is listed, under its names. Loop thread; the
 * answer waits for the disk. */
#include "adopt.h"

#include "core/op.h"

struct listing {
    struct op op; /* must be first */
    struct image_table *table;
    const char *id;
    struct strs names;
    struct adoption adopted;
    image_done_fn done;
    void *ctx;
};

static struct err *enter(struct op *op)
{
    struct listing *l = (struct listing *)op;
    struct image_facts facts = {0};
    struct image *i = image_by_id(l->table, l->id);

    if (!i)
        return err_new(ERR_NOT_FOUND, "No such image: %s", l->id);
    facts.text = i->text;
    return adopt_image(l->table, op->arena, &facts, &l->names, &l->adopted);
}

static void leave(struct op *op)
{
    struct listing *l = (struct listing *)op;

    adopt_undo(l->table, &l->adopted);
}

static struct err *save(struct op *op)
{
    struct listing *l = (struct listing *)op;

    adopt_save(l->table, op, &l->adopted, 1);
    return NULL;
}

static struct err *tell(struct op *op)
{
    struct listing *l = (struct listing *)op;
    struct image *i = image_by_id(l->table, l->id);

    for (size_t n = 0; i && n < l->names.n; n++)
        image_event(i, "tag", NULL, image_name_familiar(op->arena, l->names.v[n]));
    return NULL;
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct listing *l = (struct listing *)op;

    (void)ctx;
    l->done(l->ctx, err, err ? NULL : image_by_id(l->table, l->id));
}

static const struct op_step list_steps[] = {
    {"enter", ON_LOOP, enter, leave, 0},
    {"save", ON_EVENT, save, NULL, 0},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type list_type = {
    .name = "image/list",
    .class = OP_INTERNAL, /* the build that waits for it was admitted */
    .size = sizeof(struct listing),
    .steps = list_steps,
};
OP_LISTED(list_type);

void image_list(struct image_table *t, const char *id, const struct strs *full_names,
                image_done_fn done, void *ctx)
{
    struct listing *l = (struct listing *)op_create(t->ops, &list_type);

    l->table = t;
    l->id = arena_strdup(l->op.arena, id);
    l->names = strs_copy(l->op.arena, full_names);
    l->op.subject = l->id;
    l->done = done;
    l->ctx = ctx;
    op_start(&l->op, on_done, NULL);
}
