/* SPDX-License-Identifier: Apache-2.0 */
/* docker tag: one more name for an image. Loop thread; the answer waits for the disk. */
#include "image_table.h"

#include "base/ref.h"
#include "core/op.h"

#include <string.h>

struct tagging {
    struct op op; /* must be first */
    struct image_table *table;
    const char *source, *repo, *tag;
    char id[DIGEST_MAX];
    char *full, *familiar;
    char before[DIGEST_MAX]; /* who had the name; "" for nobody */
    bool was_hidden;         /* a step of a build, or what rmi -f has left to a container */
    image_done_fn done;
    void *ctx;
};

static struct err *name_image(struct op *op)
{
    struct tagging *g = (struct tagging *)op;
    struct image *i = NULL, *before;
    struct ref r;

    TRY(image_find(g->table, g->source, &i));
    TRY(ref_parse(op->arena, g->repo, &r));
    if (r.digest)
        return err_new(ERR_INVALID, "refusing to create a tag with a digest reference");
    if (!strcmp(ref_familiar_name(op->arena, &r), "sha256"))
        return err_new(ERR_INVALID,
                       "refusing to create an ambiguous tag using digest algorithm as name");
    if (!text_is_empty(g->tag))
        TRY(ref_set_tag(op->arena, &r, g->tag));
    if (!r.tag)
        r.tag = arena_strdup(op->arena, "latest");
    g->full = ref_full(op->arena, &r);
    g->familiar = ref_familiar(op->arena, &r);
    snprintf(g->id, sizeof(g->id), "%s", i->id);
    g->was_hidden = i->is_removed;
    i->is_removed = false;
    before = image_add_name(i, g->full);
    if (before)
        snprintf(g->before, sizeof(g->before), "%s", before->id);
    return NULL;
}

static void unname_image(struct op *op)
{
    struct tagging *g = (struct tagging *)op;
    struct image *i = image_by_name(g->table, g->full);
    struct image *before = image_by_id(g->table, g->before);

    if (!i || strcmp(i->id, g->id) != 0)
        return;
    if (before)
        image_add_name(before, g->full);
    else
        image_drop_name(i, g->full);
    i->is_removed = g->was_hidden;
    image_save(i, NULL, NULL); /* the write of the name may still be on its way */
    if (before)
        image_save(before, NULL, NULL);
}

static struct err *save(struct op *op)
{
    struct tagging *g = (struct tagging *)op;
    struct image *i = image_by_id(g->table, g->id);
    struct image *before = image_by_id(g->table, g->before);

    if (!i)
        return err_new(ERR_NOT_FOUND, "No such image: %s", g->source);
    db_put_for(g->table->db, op, IMAGE_KIND, i->id, image_document(op->arena, i));
    if (before)
        image_save(before, NULL, NULL);
    return NULL;
}

static struct err *tell(struct op *op)
{
    struct tagging *g = (struct tagging *)op;
    struct image *i = image_by_id(g->table, g->id);

    if (i)
        image_event(i, "tag", NULL, g->familiar);
    return NULL;
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct tagging *g = (struct tagging *)op;

    (void)ctx;
    if (g->done)
        g->done(g->ctx, err, err ? NULL : image_by_id(g->table, g->id));
    else
        err_drop(err);
}

static const struct op_step tag_steps[] = {
    {"name-image", ON_LOOP, name_image, unname_image, 0},
    {"save", ON_EVENT, save, NULL, 0},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type tag_type = {
    .name = "image/tag",
    .class = OP_MUTATING,
    .size = sizeof(struct tagging),
    .steps = tag_steps,
};
OP_LISTED(tag_type);

void image_tag(struct image_table *t, const char *source, const char *repo, const char *tag,
               image_done_fn done, void *ctx)
{
    struct tagging *g = (struct tagging *)op_create(t->ops, &tag_type);

    g->table = t;
    g->source = arena_strdup(g->op.arena, source);
    g->repo = arena_strdup(g->op.arena, repo);
    g->tag = arena_strdup(g->op.arena, tag);
    g->op.subject = g->source;
    g->done = done;
    g->ctx = ctx;
    op_start(&g->op, on_done, NULL);
}
