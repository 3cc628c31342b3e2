/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of images: by id and by full name; start-up and look-ups. Loop
 * thread. An image that was removed by force under stopped containers stays in
 * the table unlisted until the last of them goes: their layers are its layers.
 */
#include "image_table.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/ref.h"

#include "blob_book.h"
#include "document.h"
#include "permits.h"

#include <fcntl.h>
#include <string.h>

enum { SHORT_ID_MIN = 1, HEX_LEN = 64 };

/* ---- in and out ---- */

/* From here on it is found, and its layers are held. */
void image_publish(struct image *i)
{
    struct image_table *t = i->table;

    ASSERT_LOOP();
    ASSERT(i->magic == IMAGE_MAGIC && !map_get(t->images, i->id));
    map_put(t->images, i->id, i);
    for (size_t n = 0; n < i->chain.n; n++) {
        shelf_ref(t->shelf, i->chain.v[n]);
        blob_book_hold(t->book, i->blob.diff_ids.v[n]);
    }
    for (size_t n = 0; n < i->full_tags.n; n++)
        map_put(t->names, i->full_tags.v[n], i);
    for (size_t n = 0; n < i->full_digests.n; n++)
        map_put(t->names, i->full_digests.v[n], i);
    image_check(i);
}

void image_withdraw(struct image *i)
{
    struct image_table *t = i->table;

    ASSERT_LOOP();
    ASSERT(map_get(t->images, i->id) == i);
    image_drop_names(i, &i->full_tags);
    image_drop_names(i, &i->full_digests);
    map_take(t->images, i->id);
    for (size_t n = i->chain.n; n > 0; n--) {
        shelf_unref(t->shelf, i->chain.v[n - 1]);
        blob_book_let_go(t->book, i->blob.diff_ids.v[n - 1]);
    }
    image_destroy(i);
}

void image_save(struct image *i, db_done_fn done, void *ctx)
{
    autoarena struct arena *a = arena_create();

    ASSERT_LOOP();
    image_check(i);
    db_put(i->table->db, IMAGE_KIND, i->id, image_document(a, i), done, ctx);
}

void image_event(const struct image *i, const char *action, const char *id, const char *name)
{
    autoarena struct arena *a = arena_create();
    struct event e = {.type = "image", .action = action, .id = id ? id : i->id};

    e.attrs = event_labels(a, &i->blob.run.labels);
    pairs_set(a, &e.attrs, "name", name ? name : i->id);
    events_publish(i->table->events, &e);
}

/* ---- start-up ---- */

/* A layer that is missing makes the image useless: it is dropped, and can be pulled again. */
static struct err *on_document(void *ctx, const char *id, const char *json)
{
    struct image_table *t = ctx;
    struct image *i = NULL;
    autoerr struct err *e = image_from_document(t, json, &i);

    if (!e && strcmp(i->id, id) != 0)
        e = err_new(ERR_INTERNAL, "the document's config does not match its id");
    for (size_t n = 0; !e && n < i->chain.n; n++)
        if (!shelf_has(t->shelf, i->chain.v[n]))
            e = err_new(ERR_INTERNAL, "layer %s is missing on disk", i->chain.v[n]);
    if (e) {
        if (i && i->is_removed) /* a crash came between its layers and its document */
            db_delete(t->db, IMAGE_KIND, id, NULL, NULL);
        else
            db_set_aside(t->db, IMAGE_KIND, id, json, err_text(e));
        image_destroy(i);
        return NULL;
    }
    image_claim_names(i);
    image_publish(i);
    return NULL;
}

/* ---- layers that no image names ---- */

struct layer_evidence {
    struct map *lost, *going; /* chain ids; the values mean nothing */
    struct map *into;
};

static struct err *note_layers(void *ctx, const char *id, const char *json)
{
    struct layer_evidence *ev = ctx;
    autoarena struct arena *a = arena_create();
    struct strs chain = {0};
    char true_id[DIGEST_MAX];
    autoerr struct err *e = image_document_layers(a, json, true_id, &chain);

    for (size_t n = 0; !e && n < chain.n; n++)
        map_put(ev->into, chain.v[n], ev);
    (void)id;
    return NULL;
}

static bool is_left_behind(void *ctx, struct layer_store *store, const char *chain_id)
{
    const struct layer_evidence *ev = ctx;
    enum db_evidence what = map_get(ev->lost, chain_id)    ? DB_HAS_LOST
                            : map_get(ev->going, chain_id) ? DB_WAS_GOING
                                                           : DB_KNOWS_NOTHING;

    return layer_is_left_behind(store, chain_id, what);
}

/* A layer goes only when it is known why it is there; see core/db.h. */
static struct err *sweep_layers(struct image_table *t)
{
    struct layer_evidence ev = {.lost = map_create(), .going = map_create()};
    struct err *e;

    ev.into = ev.lost;
    e = db_each_evidence(t->db, IMAGE_KIND, DB_HAS_LOST, note_layers, &ev);
    ev.into = ev.going;
    if (!e)
        e = db_each_evidence(t->db, IMAGE_KIND, DB_WAS_GOING, note_layers, &ev);
    if (!e)
        shelf_sweep(t->shelf, is_left_behind, &ev, db_quarantine(t->db));
    map_destroy(ev.lost);
    map_destroy(ev.going);
    return e;
}

/* DATA_ROOT/tmp holds half loaded archives; what is there now belongs to nobody. */
static struct err *empty_tmp(const char *data_root)
{
    autoarena struct arena *a = arena_create();
    autoclose int dir = -1;

    TRY(dir_make_all(data_root, 0710));
    dir = open(data_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open %s", data_root);
    TRY(dir_remove_tree(dir, "tmp"));
    return dir_make_all(path_join(a, data_root, "tmp"), 0700);
}

void image_table_reload(struct image_table *t)
{
    ASSERT_LOOP();
    permits_set_max(t->downloads, t->settings->max_concurrent_downloads);
    permits_set_max(t->uploads, t->settings->max_concurrent_uploads);
}

struct err *image_table_open(struct layer_store *layers, struct loop *l, struct pools *p,
                             struct ops *ops, struct db *db, struct events *ev,
                             const struct settings *s, const char *data_root,
                             struct image_table **out)
{
    struct image_table *t = mem_new(struct image_table);
    struct err *e;

    *t = (struct image_table){
        .store = layers, .loop = l, .pools = p, .ops = ops, .db = db, .events = ev, .settings = s};
    t->data_root = mem_strdup(data_root);
    list_init(&t->jobs);
    list_init(&t->closing);
    t->images = map_create();
    t->names = map_create();
    e = empty_tmp(data_root);
    if (!e)
        e = shelf_open(layers, p, &t->shelf);
    if (!e)
        e = blob_book_open(db, &t->book);
    if (!e)
        e = db_each(db, IMAGE_KIND, on_document, t);
    if (!e)
        e = sweep_layers(t);
    if (e) {
        image_table_close(t);
        return e;
    }
    blob_book_sweep(t->book);
    t->downloads = permits_create(s->max_concurrent_downloads);
    t->uploads = permits_create(s->max_concurrent_uploads);
    *out = t;
    return NULL;
}

void image_table_sweep(struct image_table *t)
{
    size_t cursor = 0;
    const char *id;
    void *v;

    while (map_next(t->images, &cursor, &id, &v)) {
        struct image *i = v;

        if (!i->is_removed || image_is_held(i))
            continue;
        db_delete(t->db, IMAGE_KIND, i->id, NULL, NULL);
        image_withdraw(i); /* takes the current entry only */
    }
}

/* Workers may still be at layers: the last of them frees the table. */
void image_table_close(struct image_table *t)
{
    size_t cursor = 0;
    const char *id;
    void *i;

    if (!t)
        return;
    ASSERT(!t->is_closed && t->n_busy >= 0);
    while (map_next(t->images, &cursor, &id, &i))
        image_destroy(i);
    map_destroy(t->images);
    map_destroy(t->names);
    shelf_close(t->shelf);
    blob_book_close(t->book);
    permits_destroy(t->downloads);
    permits_destroy(t->uploads);
    free(t->data_root);
    t->is_closed = true;
    if (!t->n_busy)
        free(t);
}

/* ---- look-ups ---- */

struct image *image_next(struct image_table *t, size_t *cursor)
{
    const char *id;
    void *i;

    while (map_next(t->images, cursor, &id, &i))
        if (!((struct image *)i)->is_removed)
            return i;
    return NULL;
}

size_t image_count(const struct image_table *t)
{
    size_t cursor = 0, n = 0;

    while (image_next((struct image_table *)t, &cursor))
        n++;
    return n;
}

struct image *image_by_name(struct image_table *t, const char *full)
{
    return map_get(t->names, full);
}

struct image *image_by_id(struct image_table *t, const char *id)
{
    return map_get(t->images, id);
}

/* Not one that only its stopped containers keep. */
struct image *image_present(struct image_table *t, const char *id)
{
    struct image *i = image_by_id(t, id);

    return i && !i->is_removed ? i : NULL;
}

/* A short id must be of one image: of one that is listed, or else of a step of a build. */
static struct err *find_prefix_among(struct image_table *t, const char *hex, const char *given,
                                     bool is_unlisted, struct image **out)
{
    size_t cursor = 0, len = strlen(hex);
    struct image *found = NULL;
    void *v;

    while (map_next(t->images, &cursor, NULL, &v)) {
        struct image *i = v;

        if (i->is_removed != is_unlisted || (is_unlisted && !i->n_keeps) ||
            strncmp(digest_hex(i->id), hex, len) != 0)
            continue;
        if (found)
            return err_new(ERR_INVALID, "multiple IDs found with provided prefix: %s", given);
        found = i;
    }
    *out = found;
    return NULL;
}

static struct err *find_prefix(struct image_table *t, const char *hex, const char *given,
                               struct image **out)
{
    size_t len = strlen(hex);

    if (len < SHORT_ID_MIN || len > HEX_LEN || !text_is_hex(hex, len))
        return NULL;
    TRY(find_prefix_among(t, hex, given, false, out));
    return *out ? NULL : find_prefix_among(t, hex, given, true, out);
}

static struct image *find_full_id(struct image_table *t, const char *s)
{
    char id[DIGEST_MAX] = "sha256:";

    if (text_starts(s, id))
        s += strlen(id);
    if (strlen(s) != HEX_LEN)
        return NULL;
    memcpy(id + strlen(id), s, HEX_LEN + 1);
    return image_by_id(t, id);
}

/* A digest is more exact than a tag, so with both the tag does not count, as in Docker. */
static struct image *find_ref(struct image_table *t, struct arena *a, struct ref *r)
{
    struct ref key = *r;

    if (key.digest)
        key.tag = NULL;
    else if (!key.tag)
        key.tag = arena_strdup(a, "latest");
    return image_by_name(t, ref_full(a, &key));
}

struct err *image_find(struct image_table *t, const char *s, struct image **out)
{
    autoarena struct arena *a = arena_create();
    struct image *i = find_full_id(t, s);
    struct ref r;

    if (i) {
        *out = i;
        return NULL;
    }
    if (text_starts(s, "sha256:")) {
        TRY(find_prefix(t, s + strlen("sha256:"), s, &i));
        if (!i)
            return err_new(ERR_NOT_FOUND, "No such image: %s", s);
        *out = i;
        return NULL;
    }
    if (text_is_hex(s, HEX_LEN))
        return err_new(ERR_NOT_FOUND, "No such image: sha256:%s", s);
    TRY(ref_parse(a, s, &r));
    i = find_ref(t, a, &r);
    if (!i)
        TRY(find_prefix(t, s, s, &i));
    if (!i && !r.tag && !r.digest)
        r.tag = arena_strdup(a, "latest");
    if (!i)
        return err_new(ERR_NOT_FOUND, "No such image: %s", ref_familiar(a, &r));
    *out = i;
    return NULL;
}
