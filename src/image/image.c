/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image object: its facts, its names, who uses it. Loop thread. Facts never
 * change after image_create; names do, and the lists that callers see are made
 * anew in an arena of their own each time, so a list is valid until the loop turns.
 */
#include "image_table.h"

#include "base/clock.h"
#include "base/ref.h"

#include <string.h>

struct user {
    bool is_running;
};

static struct err *take_layers(struct image *i, const int64_t *sizes)
{
    const struct strs *diffs = &i->blob.diff_ids;
    const char *parent = NULL;

    i->layer_sizes = arena_array(i->arena, diffs->n + 1, sizeof(int64_t));
    for (size_t n = 0; n < diffs->n; n++) {
        char chain_id[DIGEST_MAX];
        int64_t size;

        layer_chain_id(parent, diffs->v[n], chain_id);
        strs_add(i->arena, &i->chain, chain_id);
        parent = i->chain.v[n];
        size = sizes ? sizes[n] : shelf_size(i->table->shelf, parent);
        if (size < 0)
            return err_new(ERR_INTERNAL, "layer %s of image %s is not on disk", chain_id, i->id);
        i->layer_sizes[n] = size;
        i->size_bytes += size;
    }
    return NULL;
}

/* Familiar lists for readers, from the full ones. */
static void refresh_names(struct image *i, const struct strs *tags, const struct strs *digests)
{
    struct arena *a = arena_create();
    struct strs full_tags = tags ? strs_copy(a, tags) : (struct strs){0};
    struct strs full_digests = digests ? strs_copy(a, digests) : (struct strs){0};

    arena_destroy(i->names_arena);
    i->names_arena = a;
    i->full_tags = full_tags;
    i->full_digests = full_digests;
    i->tags = i->digests = (struct strs){0};
    for (size_t n = 0; n < full_tags.n; n++)
        strs_add(a, &i->tags, image_name_familiar(a, full_tags.v[n]));
    for (size_t n = 0; n < full_digests.n; n++)
        strs_add(a, &i->digests, image_name_familiar(a, full_digests.v[n]));
}

static struct err *fill(struct image *i, const struct image_facts *f)
{
    size_t len = strlen(f->text);

    digest_of(f->text, len, i->id);
    i->text = arena_strdup(i->arena, f->text);
    TRY(image_blob_parse(i->arena, i->text, len, &i->blob));
    TRY(take_layers(i, f->layer_sizes));
    if (i->blob.created)
        clock_from_rfc3339(i->blob.created, &i->created_ns);
    i->manifest_type = arena_strdup(i->arena, f->manifest_type);
    i->manifest_digest = arena_strdup(i->arena, f->manifest_digest);
    i->manifest_size = f->manifest_size;
    i->last_tag_ns = f->last_tag_ns;
    i->is_removed = f->is_removed;
    refresh_names(i, f->tags, f->digests);
    return NULL;
}

struct err *image_create(struct image_table *t, const struct image_facts *f, struct image **out)
{
    struct image *i = mem_new(struct image);
    struct err *e;

    i->table = t;
    i->arena = arena_create();
    i->users = map_create();
    e = fill(i, f);
    if (e) {
        image_destroy(i);
        return e;
    }
    *out = i;
    return NULL;
}

void image_destroy(struct image *i)
{
    size_t cursor = 0;
    const char *id;
    void *user;

    if (!i)
        return;
    while (map_next(i->users, &cursor, &id, &user))
        free(user);
    map_destroy(i->users);
    arena_destroy(i->names_arena);
    arena_destroy(i->arena);
    free(i);
}

/* ---- names ---- */

const char *image_name_familiar(struct arena *a, const char *full)
{
    struct ref r;
    autoerr struct err *e = ref_parse(a, full, &r);

    return e ? arena_strdup(a, full) : ref_familiar(a, &r);
}

static bool image_has_name(const struct image *i, const char *full)
{
    return strs_has(strchr(full, '@') ? &i->full_digests : &i->full_tags, full);
}

static void change_names(struct image *i, const char *add, const char *drop)
{
    autoarena struct arena *a = arena_create();
    const struct strs *old[2] = {&i->full_tags, &i->full_digests};
    struct strs next[2] = {0};

    for (int kind = 0; kind < 2; kind++)
        for (size_t n = 0; n < old[kind]->n; n++)
            if (!drop || strcmp(old[kind]->v[n], drop) != 0)
                strs_add(a, &next[kind], old[kind]->v[n]);
    if (add)
        strs_add(a, &next[strchr(add, '@') != NULL], add);
    refresh_names(i, &next[0], &next[1]);
}

struct image *image_add_name(struct image *i, const char *full)
{
    struct image *before = map_get(i->table->names, full);

    if (before == i)
        return NULL;
    if (before)
        change_names(before, NULL, full);
    change_names(i, full, NULL);
    map_put(i->table->names, full, i);
    i->last_tag_ns = clock_wall_ns();
    return before;
}

void image_drop_name(struct image *i, const char *full)
{
    if (!image_has_name(i, full))
        return;
    change_names(i, NULL, full);
    if (map_get(i->table->names, full) == i)
        map_take(i->table->names, full);
}

/* ---- users ---- */

void image_ref(struct image *i, const char *container_id, bool is_running)
{
    struct user *u = map_get(i->users, container_id);

    if (!u) {
        u = mem_new(struct user);
        map_put(i->users, container_id, u);
    }
    u->is_running = is_running;
}

void image_unref(struct image *i, const char *container_id)
{
    free(map_take(i->users, container_id));
    if (!i->is_removed || map_count(i->users))
        return;
    db_delete(i->table->db, IMAGE_KIND, i->id, NULL, NULL);
    image_withdraw(i);
}

size_t image_users(const struct image *i)
{
    return map_count(i->users);
}

const char *image_user(const struct image *i, bool is_running)
{
    size_t cursor = 0;
    const char *id;
    void *user;

    while (map_next(i->users, &cursor, &id, &user))
        if (((struct user *)user)->is_running == is_running)
            return id;
    return NULL;
}

/* ---- what others read ---- */

const char *image_id(const struct image *i)
{
    return i->id;
}

const char *image_run_config_text(const struct image *i)
{
    return i->blob.config_text;
}

const struct strs *image_chain(const struct image *i)
{
    return &i->chain;
}

const struct strs *image_tags(const struct image *i)
{
    return &i->tags;
}

const struct strs *image_digests(const struct image *i)
{
    return &i->digests;
}

int64_t image_size(const struct image *i)
{
    return i->size_bytes;
}

int64_t image_created_ns(const struct image *i)
{
    return i->created_ns;
}

const struct pairs *image_labels(const struct image *i)
{
    return &i->blob.run.labels;
}
