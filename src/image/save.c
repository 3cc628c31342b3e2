/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker save: which images, and the archive of them. What the archive needs of an image is copied
 * on the loop, so that workers see no object; its layers are held. The documents are in
 * save_documents.c.
 */
#include "image_archive.h"

#include "base/ref.h"

#include <string.h>

enum { NAMES_MAX = 1000 };

/* ---- which images ---- */

static struct saved_image *add_image(struct image_archive *a, const struct image *i)
{
    struct saved_image *s = map_get(a->by_id, i->id);

    if (s)
        return s;
    s = arena_new(a->arena, struct saved_image);
    s->id = arena_strdup(a->arena, i->id);
    s->text = arena_strdup(a->arena, i->text);
    s->platform = (struct platform){
        arena_strdup(a->arena, i->blob.os),
        arena_strdup(a->arena, i->blob.architecture),
        arena_strdup(a->arena, i->blob.variant),
    };
    s->chain = strs_copy(a->arena, &i->chain);
    s->diff_ids = strs_copy(a->arena, &i->blob.diff_ids);
    for (size_t n = 0; n < s->chain.n; n++)
        shelf_ref(a->table->shelf, s->chain.v[n]);
    map_put(a->by_id, s->id, s);
    a->v = arena_grow(a->arena, a->v, a->n, &a->room, sizeof(struct saved_image *));
    a->v[a->n++] = s;
    return s;
}

static struct err *add_named(struct image_archive *a, const struct image *i, const char *name,
                             const char *full_tag)
{
    struct saved_image *s;

    TRY(image_check_platform(i, name, a->platform));
    if (a->n == ARCHIVE_IMAGES_MAX && !map_get(a->by_id, i->id))
        return err_new(ERR_INVALID, "an archive holds at most %d images", ARCHIVE_IMAGES_MAX);
    s = add_image(a, i);
    if (!full_tag || map_put(a->tags, full_tag, s))
        return NULL;
    strs_add(a->arena, &s->tags, full_tag);
    return NULL;
}

/* Of a name alone: "docker.io/library/busybox". NULL: it is more than that, or an id. */
static char *repository_of(struct arena *a, const char *name, struct ref *out)
{
    autoerr struct err *e = ref_parse(a, name, out);

    if (e || out->tag || out->digest)
        return NULL;
    return arena_printf(a, "%s/%s", out->domain, out->path);
}

/* All tags of all repositories that were named, in one walk. */
static struct err *add_repositories(struct image_archive *a, struct map *wanted)
{
    autobuf struct buf repository = {0};
    const char *name;
    size_t cursor = 0;
    void *i;

    while (map_count(wanted) && map_next(a->table->names, &cursor, &name, &i)) {
        const char *colon = strrchr(name, ':');
        bool *is_found;

        if (strchr(name, '@') || !colon)
            continue;
        repository.len = 0;
        buf_add(&repository, name, (size_t)(colon - name));
        is_found = map_get(wanted, repository.data);
        if (!is_found)
            continue;
        *is_found = true;
        TRY(add_named(a, i, image_name_familiar(a->arena, name), name));
    }
    return NULL;
}

static struct err *add_one(struct image_archive *a, const char *name)
{
    struct image *i;
    struct ref r = {0};
    struct err *e;

    TRY(image_find(a->table, name, &i));
    e = ref_parse(a->arena, name, &r);
    if (!e && r.tag && !r.digest && image_by_name(a->table, ref_full(a->arena, &r)) == i)
        return add_named(a, i, name, ref_full(a->arena, &r));
    err_drop(e);
    return add_named(a, i, name, NULL);
}

static struct err *choose(struct image_archive *a, const struct strs *names, struct map *wanted)
{
    struct ref r;

    for (size_t n = 0; n < names->n; n++) {
        char *repository = repository_of(a->arena, names->v[n], &r);

        if (repository && !map_get(wanted, repository))
            map_put(wanted, repository, arena_new(a->arena, bool));
    }
    TRY(add_repositories(a, wanted));
    for (size_t n = 0; n < names->n; n++) {
        char *repository = repository_of(a->arena, names->v[n], &r);
        const bool *is_found = repository ? map_get(wanted, repository) : NULL;

        if (!is_found || !*is_found)
            TRY(add_one(a, names->v[n]));
    }
    return NULL;
}

static int by_id(const void *left, const void *right)
{
    return strcmp((*(struct saved_image *const *)left)->id,
                  (*(struct saved_image *const *)right)->id);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Whatever the order in which they were named. */
static void sort(struct image_archive *a)
{
    if (a->n)
        qsort(a->v, a->n, sizeof(*a->v), by_id);
    for (size_t n = 0; n < a->n; n++)
        if (a->v[n]->tags.n)
            qsort(a->v[n]->tags.v, a->v[n]->tags.n, sizeof(char *), by_text);
}

struct err *image_archive_create(struct image_table *t, const struct strs *names,
                                 const char *platform, struct image_archive **out)
{
    struct image_archive *a;
    struct map *wanted;
    struct err *e;

    ASSERT_LOOP();
    if (!names->n || names->n > NAMES_MAX)
        return err_new(ERR_INVALID,
                       "bad parameter: names: one image at least is to be named, and "
                       "at most %d",
                       NAMES_MAX);
    a = mem_new(struct image_archive);
    wanted = map_create();
    a->arena = arena_create();
    a->table = t;
    a->platform = arena_strdup(a->arena, platform);
    a->by_id = map_create();
    a->tags = map_create();
    t->n_busy++;
    e = choose(a, names, wanted);
    map_destroy(wanted);
    if (e) {
        image_archive_destroy(a);
        return e;
    }
    sort(a);
    *out = a;
    return NULL;
}

void image_archive_tell(const struct image_archive *a)
{
    ASSERT_LOOP();
    for (size_t n = 0; n < a->n; n++) {
        const struct image *i = image_by_id(a->table, a->v[n]->id);

        if (i)
            image_event(i, "save", NULL, NULL);
    }
}

/* The table may be closed by now: then nobody counts layers any more. */
void image_archive_destroy(struct image_archive *a)
{
    if (!a)
        return;
    ASSERT_LOOP();
    archive_out_destroy(a->out);
    for (size_t n = 0; n < a->n_layers; n++)
        layer_tar_close(a->layers[n].tar);
    for (size_t n = 0; !a->table->is_closed && n < a->n; n++)
        for (size_t k = a->v[n]->chain.n; k > 0; k--)
            shelf_unref(a->table->shelf, a->v[n]->chain.v[k - 1]);
    ASSERT(a->table->n_busy > 0);
    a->table->n_busy--;
    if (a->table->is_closed && !a->table->n_busy)
        free(a->table);
    map_destroy(a->by_id);
    map_destroy(a->tags);
    arena_destroy(a->arena);
    free(a);
}

/* ---- worker ---- */

static struct err *open_layer(struct image_archive *a, const char *chain_id, const char *diff_id,
                              struct layer_tar **out)
{
    struct layer_tar *t;

    TRY(layer_tar_open(a->table->store, chain_id, &t));
    a->layers = arena_grow(a->arena, a->layers, a->n_layers, &a->layers_room, sizeof(*a->layers));
    a->layers[a->n_layers++] = (struct saved_layer){diff_id, t};
    if (strcmp(layer_tar_diff_id(t), diff_id) != 0)
        return err_new(ERR_CONFLICT, "layer %.19s… says that it is %s, and it should be %s",
                       chain_id, layer_tar_diff_id(t), diff_id);
    *out = t;
    return NULL;
}

/* Layers of the same content are one blob, whatever lies below them. */
static struct err *open_layers(struct image_archive *a, struct map *blobs)
{
    for (size_t n = 0; n < a->n; n++) {
        struct saved_image *s = a->v[n];

        s->sizes = arena_array(a->arena, s->chain.n + 1, sizeof(*s->sizes));
        for (size_t k = 0; k < s->chain.n; k++) {
            struct layer_tar *t = map_get(blobs, s->diff_ids.v[k]);

            if (!t) {
                TRY(open_layer(a, s->chain.v[k], s->diff_ids.v[k], &t));
                map_put(blobs, s->diff_ids.v[k], t);
            }
            s->sizes[k] = layer_tar_size(t);
        }
    }
    return NULL;
}

/* The documents stand in front: who looks for them need not read the layers first. */
struct err *image_archive_open(struct image_archive *a)
{
    struct map *blobs = map_create();
    struct err *e = open_layers(a, blobs);

    ASSERT_WORKER();
    map_destroy(blobs);
    if (e)
        return e;
    a->out = archive_out_create();
    saved_documents_add(a);
    for (size_t n = 0; n < a->n_layers; n++)
        archive_out_add_layer(a->out, saved_blob_path(a->arena, a->layers[n].diff_id),
                              steal_ptr(&a->layers[n].tar));
    return NULL;
}

struct err *image_archive_more(struct image_archive *a, size_t room, struct buf *out, bool *is_end)
{
    ASSERT_WORKER();
    return archive_out_more(a->out, room, out, is_end);
}
