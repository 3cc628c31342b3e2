/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering the table. Loop thread. Memory changes first, then the database; when
 * that fails the names go back. The winner of a name is written before the loser:
 * after a crash in between both have it, and start-up believes the later one.
 */
#include "adopt.h"

#include <string.h>

static void give_names(struct image_table *t, struct arena *a, const struct strs *names,
                       struct adoption *ad)
{
    ad->was_named = true;
    for (size_t n = 0; n < names->n; n++) {
        const struct image *before = image_by_name(t, names->v[n]);

        if (before == ad->image)
            continue;
        ad->was_named = false;
        pairs_set(a, &ad->moved, names->v[n], before ? before->id : "");
        image_add_name(ad->image, names->v[n]);
    }
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
    ad.was_removed = ad.image->is_removed;
    ad.image->is_removed = false;
    give_names(t, a, names, &ad);
    if (ad.is_new || ad.was_removed)
        ad.was_named = false;
    *out = ad;
    return NULL;
}

void adopt_undo(struct image_table *t, struct adoption *ad)
{
    struct image *i = image_by_id(t, ad->id);

    if (!i)
        return;
    for (size_t n = 0; n < ad->moved.n; n++) {
        struct image *before = image_by_id(t, ad->moved.v[n].value);

        if (image_by_name(t, ad->moved.v[n].key) != i)
            continue;
        if (before) {
            image_add_name(before, ad->moved.v[n].key);
            image_save(before, NULL, NULL);
        } else {
            image_drop_name(i, ad->moved.v[n].key);
        }
    }
    i->is_removed = ad->was_removed;
    if ((!ad->is_new && !i->is_removed) || image_users(i)) {
        image_save(i, NULL, NULL);
        return;
    }
    db_delete(t->db, IMAGE_KIND, i->id, NULL, NULL); /* a write that was given up may still come */
    image_withdraw(i);
}

static void save_losers(struct image_table *t, const struct adoption *ad)
{
    for (size_t n = 0; n < ad->moved.n; n++) {
        struct image *loser = image_by_id(t, ad->moved.v[n].value);

        if (loser)
            image_save(loser, NULL, NULL);
    }
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
