/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker rmi. Loop thread; the answer waits for the disk. Docker's rules: a name
 * goes first, the image with its last name; an id removes all of them; containers
 * hold an image, running ones even against force. What is removed under a stopped
 * container stays on disk, unnamed and unlisted, until the container goes.
 */
#include "image_table.h"

#include "base/ref.h"
#include "core/op.h"

#include <stdio.h>
#include <string.h>

struct removing {
    struct op op; /* must be first */
    struct image_table *table;
    const char *given;
    bool force;
    struct image *image; /* while "take" runs */
    bool is_last;        /* nothing needs its layers */
    char id[DIGEST_MAX];
    char short_id[ID_SHORT + 1];
    struct strs untagged, deleted; /* what was done, for the answer */
    void (*done)(void *ctx, struct err *err, const char *json);
    void *ctx;
};

/* ---- questions ---- */

/* Whether it was found by a name: a name wins over a short id that reads the same. */
static bool is_name(const struct removing *g)
{
    struct arena *a = g->op.arena;
    struct ref r;
    autoerr struct err *e = ref_parse(a, g->given, &r);

    if (e)
        return false;
    if (r.digest)
        r.tag = NULL;
    else if (!r.tag)
        r.tag = arena_strdup(a, "latest");
    return image_by_name(g->table, ref_full(a, &r)) == g->image;
}

/* The part before the tag or the digest of a full name. */
static size_t repo_len(const char *full)
{
    const char *at = strchr(full, '@');
    const char *colon = strrchr(full, ':');

    if (at)
        return (size_t)(at - full);
    return colon && !strchr(colon, '/') ? (size_t)(colon - full) : strlen(full);
}

static bool same_repo(const char *a, const char *b)
{
    return repo_len(a) == repo_len(b) && !strncmp(a, b, repo_len(a));
}

/* At most one tag, and digests of that repository only. */
static bool is_single(const struct image *i)
{
    const char *first =
        i->full_tags.n ? i->full_tags.v[0] : (i->full_digests.n ? i->full_digests.v[0] : NULL);

    if (i->full_tags.n > 1)
        return false;
    for (size_t n = 0; n < i->full_digests.n; n++)
        if (!same_repo(i->full_digests.v[n], first))
            return false;
    return true;
}

static bool has_tag_in_repo(const struct image *i, const char *full)
{
    for (size_t n = 0; n < i->full_tags.n; n++)
        if (same_repo(i->full_tags.v[n], full))
            return true;
    return false;
}

static bool has_names(const struct image *i)
{
    return i->full_tags.n || i->full_digests.n;
}

static struct err *conflict(const struct removing *g, bool is_hard, const char *why,
                            const char *container)
{
    return err_new(ERR_CONFLICT, "conflict: unable to delete %s (%s) - %s%s%.*s", g->short_id,
                   is_hard ? "cannot be forced" : "must be forced", why, container ? " " : "",
                   ID_SHORT, container ? container : "");
}

static struct err *check_users(const struct removing *g)
{
    const char *running = image_user(g->image, true);
    const char *stopped = image_user(g->image, false);

    if (running)
        return conflict(g, true, "image is being used by running container", running);
    if (stopped && !g->force)
        return conflict(g, false, "image is being used by stopped container", stopped);
    return NULL;
}

/* ---- acts ---- */

/* `names` may be the image's own list. */
static void drop_names(struct removing *g, const struct strs *names)
{
    const struct strs gone = strs_copy(g->op.arena, names);

    image_drop_names(g->image, names);
    for (size_t n = 0; n < gone.n; n++) {
        strs_add(g->op.arena, &g->untagged, image_name_familiar(g->op.arena, gone.v[n]));
        image_event(g->image, "untag", NULL, NULL);
    }
}

static void drop_all_names(struct removing *g)
{
    drop_names(g, &g->image->full_tags);
    drop_names(g, &g->image->full_digests);
}

static void drop_digests_of_repo(struct removing *g, const char *full)
{
    const struct strs *digests = &g->image->full_digests;
    struct strs of_repo = {0};

    for (size_t n = 0; n < digests->n; n++)
        if (same_repo(digests->v[n], full))
            strs_add(g->op.arena, &of_repo, digests->v[n]);
    drop_names(g, &of_repo);
}

/* How many layers from the base two images have in common, if more than `least`. A chain id says
 * all that is below it, so equal ones stand at equal depths. */
static size_t shared_depth(const struct image *i, const struct image *other, size_t least)
{
    size_t n = least;

    while (n < i->chain.n && n < other->chain.n && !strcmp(i->chain.v[n], other->chain.v[n]))
        n++;
    return n;
}

/* Layers that only this image names; Docker lists them by chain id, the top first. */
static void list_layers(struct removing *g)
{
    const struct image *i = g->image, *other;
    size_t cursor = 0, shared = 0;

    while ((other = image_next(g->table, &cursor)))
        if (other != i)
            shared = shared_depth(i, other, shared);
    for (size_t n = i->chain.n; n > shared; n--)
        strs_add(g->op.arena, &g->deleted, i->chain.v[n - 1]);
}

static void delete_image(struct removing *g)
{
    drop_all_names(g);
    image_event(g->image, "delete", NULL, NULL);
    strs_add(g->op.arena, &g->deleted, g->image->id);
    g->image->is_removed = true;
    g->is_last = !image_is_held(g->image);
    if (g->is_last)
        list_layers(g);
}

static struct err *take_by_id(struct removing *g)
{
    if (!is_single(g->image) && !g->force)
        return conflict(g, false, "image is referenced in multiple repositories", NULL);
    TRY(check_users(g));
    delete_image(g);
    return NULL;
}

static struct err *take_by_name(struct removing *g)
{
    struct arena *a = g->op.arena;
    const char *user = image_user(g->image, true);
    autoerr struct err *in_use = NULL;
    struct strs one = {0};
    struct ref r;
    char *full;

    if (!user)
        user = image_user(g->image, false);
    if (!g->force && is_single(g->image) && user)
        return err_new(ERR_CONFLICT,
                       "conflict: unable to remove repository reference \"%s\" (must force) - "
                       "container %.12s is using its referenced image %s",
                       g->given, user, g->short_id);
    TRY(ref_parse(a, g->given, &r));
    if (r.digest)
        r.tag = NULL;
    else if (!r.tag)
        r.tag = arena_strdup(a, "latest");
    full = ref_full(a, &r);
    strs_add(a, &one, full);
    drop_names(g, &one);
    if (!r.digest && !has_tag_in_repo(g->image, full))
        drop_digests_of_repo(g, full);
    if (has_names(g->image))
        return NULL;
    in_use = check_users(g);
    if (!in_use) /* else it stays, without a name */
        delete_image(g);
    return NULL;
}

static struct err *take(struct op *op)
{
    struct removing *g = (struct removing *)op;

    TRY(image_find(g->table, g->given, &g->image));
    if (g->image->is_removed)
        return err_new(ERR_NOT_FOUND, "No such image: %s", g->given);
    snprintf(g->id, sizeof(g->id), "%s", g->image->id);
    snprintf(g->short_id, sizeof(g->short_id), "%s", digest_hex(g->id));
    return is_name(g) ? take_by_name(g) : take_by_id(g);
}

/* A container or a pull may have come to use it meanwhile. The document goes first for those who
 * ask for both; after a crash that lets only the layers go, it still says that it was removed. */
static struct err *let_go(struct op *op)
{
    struct removing *g = (struct removing *)op;
    struct image *i = g->is_last ? image_by_id(g->table, g->id) : NULL;

    if (!i || !i->is_removed || image_is_held(i))
        return NULL;
    db_delete(g->table->db, IMAGE_KIND, g->id, NULL, NULL);
    image_withdraw(i);
    return NULL;
}

/* Names are gone, and it was told: the document follows, whatever its write said. */
static void save_again(struct op *op)
{
    struct removing *g = (struct removing *)op;
    struct image *i;

    err_drop(let_go(op));
    i = image_by_id(g->table, g->id);
    if (i)
        image_save(i, NULL, NULL);
}

/* Removed, in so many words, before its layers are: a document that lacks layers and does not say
 * so is damage. */
static struct err *save(struct op *op)
{
    struct removing *g = (struct removing *)op;
    struct image *i = image_by_id(g->table, g->id);

    if (i) /* else its last container was removed just now */
        db_put_for(g->table->db, op, IMAGE_KIND, i->id, image_document(op->arena, i));
    return NULL;
}

/* ---- the answer ---- */

static void write_items(struct jw *w, const char *key, const struct strs *items)
{
    for (size_t n = 0; n < items->n; n++) {
        jw_obj(w, NULL);
        jw_str(w, key, items->v[n]);
        jw_obj_end(w);
    }
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct removing *g = (struct removing *)op;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    (void)ctx;
    jw_arr(&w, NULL);
    write_items(&w, "Untagged", &g->untagged);
    write_items(&w, "Deleted", &g->deleted);
    jw_arr_end(&w);
    if (g->done)
        g->done(g->ctx, err, err ? NULL : b.data);
    else
        err_drop(err);
}

static const struct op_step remove_steps[] = {
    {"take", ON_LOOP, take, save_again, 0},
    {"save", ON_EVENT, save, NULL, 0},
    {"let-go", ON_LOOP, let_go, NULL, 0},
    {0},
};

static const struct op_type remove_type = {
    .name = "image/remove",
    .class = OP_MUTATING,
    .size = sizeof(struct removing),
    .steps = remove_steps,
};
OP_LISTED(remove_type);

void image_remove(struct image_table *t, const char *ref, bool force, bool no_prune,
                  void (*done)(void *ctx, struct err *err, const char *json), void *ctx)
{
    struct removing *g = (struct removing *)op_create(t->ops, &remove_type);

    (void)no_prune; /* images here have no untagged parents to prune */
    g->table = t;
    g->given = arena_strdup(g->op.arena, ref);
    g->force = force;
    g->op.subject = g->given;
    g->done = done;
    g->ctx = ctx;
    op_start(&g->op, on_done, NULL);
}
