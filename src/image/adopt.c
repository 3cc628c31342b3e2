/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering the table. Loop thread. Memory changes first, then the database; when
 * that fails the names go back. The winner of a name is written before the loser:
 * after a crash in between both have it, and start-up believes the later one.
 */
#include "adopt.h"

#include <string.h>

static void give_names(struct arena *a, const struct strs *names, struct adoption *ad)
{
    image_add_names(ad->image, a, names, &ad->moved);
    ad->was_named = ad->moved.n == 0;
}

struct err *adopt_image(struct image_table *t, struct arena *a, const struct image_facts *f,
                        const struct strs *names, struct adoption *out)
{
    struct adoption ad = {0};

    digest_of(f->text, strlen(f->text), ad.id);
    ad.image = image_by_id(t, ad.id);
    if (!ad.image) {
        TRY(image_create(t, f, &ad.image));
        image_publish(ad.image);
        ad.is_new = true;
    }
    image_learn_manifest(ad.image, f);
    ad.was_removed = ad.image->is_removed;
    ad.image->is_removed = false;
    give_names(a, names, &ad);
    if (ad.is_new || ad.was_removed)
        ad.was_named = false;
    *out = ad;
    return NULL;
}

/* Each owner once, with all that goes back to it. */
static void give_back(struct image_table *t, struct arena *a, const struct adoption *ad)
{
    struct map *owners = map_create();
    struct strs nobodys = {0};
    struct image *i = image_by_id(t, ad->id);
    size_t cursor = 0;
    const char *id;
    void *names;

    for (size_t n = 0; n < ad->moved.n; n++) {
        const char *name = ad->moved.v[n].key, *owner = ad->moved.v[n].value;
        struct strs *list = map_get(owners, owner);

        if (image_by_name(t, name) != i)
            continue;
        if (!list && image_by_id(t, owner))
            map_put(owners, owner, list = arena_new(a, struct strs));
        strs_add(a, list ? list : &nobodys, name);
    }
    while (map_next(owners, &cursor, &id, &names)) {
        struct pairs moved = {0};

        image_add_names(image_by_id(t, id), a, names, &moved);
        image_save(image_by_id(t, id), NULL, NULL);
    }
    image_drop_names(i, &nobodys);
    map_destroy(owners);
}

void adopt_undo(struct image_table *t, struct adoption *ad)
{
    autoarena struct arena *a = arena_create();
    struct image *i = image_by_id(t, ad->id);

    if (!i)
        return;
    give_back(t, a, ad);
    i->is_removed = ad->was_removed;
    if ((!ad->is_new && !i->is_removed) || image_is_held(i)) {
        image_save(i, NULL, NULL);
        return;
    }
    db_delete(t->db, IMAGE_KIND, i->id, NULL, NULL); /* a write that was given up may still come */
    image_withdraw(i);
}

static void save_losers(struct image_table *t, const struct adoption *ad)
{
    struct map *saved = map_create();

    for (size_t n = 0; n < ad->moved.n; n++) {
        struct image *loser = image_by_id(t, ad->moved.v[n].value);

        if (loser && !map_put(saved, loser->id, loser))
            image_save(loser, NULL, NULL);
    }
    map_destroy(saved);
}

void adopt_save(struct image_table *t, struct op *op, const struct adoption *v, size_t n)
{
    autoarena struct arena *a = arena_create();

    ASSERT(n > 0);
    for (size_t i = 0; i + 1 < n; i++)
        image_save(v[i].image, NULL, NULL);
    db_put_for(t->db, op, IMAGE_KIND, v[n - 1].image->id, image_document(a, v[n - 1].image));
    for (size_t i = 0; i < n; i++)
        save_losers(t, &v[i]);
}
