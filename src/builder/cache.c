/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cache.h. An entry keeps an image (image_keep), and with it the layers. The image is on disk
 * before its entry is, so what a crash leaves is an entry that is whole, or an image that nobody
 * keeps, which the next start removes.
 */
#include "cache.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "container/parts.h"
#include "core/db.h"
#include "core/loop.h"

#define KIND "build-cache"
#define SAVE_USE_NS (3600 * NS_PER_S) /* an entry that is used is written so often */

struct entry {
    char *key, *image_id, *what;
    int64_t bytes, created_ns, used_ns, uses;
    int64_t saved_ns; /* used_ns as it is on disk */
    struct image *image;
};

struct build_cache {
    struct parts *parts;
    struct map *entries; /* key → struct entry */
    struct map *making;  /* key → struct making */
    int64_t bytes;
};

struct making {
    struct list waiting; /* struct cache_wait */
};

static const struct jfield entry_fields[] = {
    J(J_STR, struct entry, image_id, "image"),
    J(J_STR, struct entry, what, "what"),
    J(J_I64, struct entry, bytes, "bytes"),
    J(J_I64, struct entry, created_ns, "createdNs"),
    J(J_I64, struct entry, used_ns, "usedNs"),
    J(J_I64, struct entry, uses, "uses"),
    J_END,
};
static const struct jtable entry_json = {sizeof(struct entry), entry_fields};

static void entry_free(struct entry *e)
{
    free(e->key);
    free(e->image_id);
    free(e->what);
    free(e);
}

static void save(struct build_cache *c, struct entry *e)
{
    autoarena struct arena *a = arena_create();

    e->saved_ns = e->used_ns;
    db_put(c->parts->db, KIND, digest_hex(e->key), json_encode(a, &entry_json, e), NULL, NULL);
}

/* ---- in and out ---- */

static void insert(struct build_cache *c, struct entry *e)
{
    map_put(c->entries, e->key, e);
    c->bytes += e->bytes;
}

/* Its image may go with it. */
static void drop(struct build_cache *c, struct entry *e)
{
    map_take(c->entries, e->key);
    c->bytes -= e->bytes;
    db_delete(c->parts->db, KIND, digest_hex(e->key), NULL, NULL);
    image_let_go(e->image);
    entry_free(e);
}

static struct entry *least_used(const struct build_cache *c)
{
    struct entry *least = NULL;
    size_t cursor = 0;
    void *v;

    while (map_next(c->entries, &cursor, NULL, &v)) {
        struct entry *e = v;

        if (!least || e->used_ns < least->used_ns)
            least = e;
    }
    return least;
}

/* Never the newest: it was used a moment ago. */
static void keep_bounds(struct build_cache *c)
{
    while (map_count(c->entries) > 1 &&
           (c->bytes > CACHE_BYTES_MAX || map_count(c->entries) > CACHE_ENTRIES_MAX))
        drop(c, least_used(c));
}

static struct err *on_document(void *ctx, const char *hex, const char *json)
{
    autoarena struct arena *a = arena_create();
    struct build_cache *c = ctx;
    struct entry f = {0}, *e;
    struct image *image = NULL;
    struct err *err = json_decode(a, json, strlen(json), &entry_json, &f);

    if (!err && (!id_is_valid(hex) || text_is_empty(f.image_id) || f.bytes < 0))
        err = err_new(ERR_INVALID, "it is not understood");
    if (!err)
        err = image_find(c->parts->images, f.image_id, &image);
    if (err) {
        log_debug("an entry of the build cache is forgotten", KV("key", hex),
                  KV("reason", err_text(err)));
        err_drop(err);
        db_delete(c->parts->db, KIND, hex, NULL, NULL);
        return NULL;
    }
    e = mem_new(struct entry);
    *e = f;
    e->key = mem_printf("sha256:%s", hex);
    e->image_id = mem_strdup(f.image_id);
    e->what = mem_strdup(f.what ? f.what : "");
    e->saved_ns = e->used_ns;
    e->image = image;
    image_keep(image);
    insert(c, e);
    return NULL;
}

struct err *build_cache_open(struct parts *p, struct build_cache **out)
{
    struct build_cache *c = mem_new(struct build_cache);
    struct err *e;

    c->parts = p;
    c->entries = map_create();
    c->making = map_create();
    e = db_each(p->db, KIND, on_document, c);
    if (e) {
        build_cache_close(c);
        return e;
    }
    keep_bounds(c);
    *out = c;
    return NULL;
}

/* The images' table is closed behind it, so nothing is let go. */
void build_cache_close(struct build_cache *c)
{
    size_t cursor = 0;
    void *e;

    if (!c)
        return;
    while (map_next(c->entries, &cursor, NULL, &e))
        entry_free(e);
    map_destroy(c->entries);
    ASSERT(!map_count(c->making));
    map_destroy(c->making);
    free(c);
}

/* ---- steps ---- */

enum cache_answer build_cache_want(struct build_cache *c, const char *key, bool is_fresh,
                                   struct cache_wait *w, struct image **out)
{
    struct entry *e = is_fresh ? NULL : map_get(c->entries, key);
    struct making *m = map_get(c->making, key);

    ASSERT_LOOP();
    if (e) {
        e->used_ns = clock_wall_ns();
        e->uses++;
        if (e->used_ns - e->saved_ns > SAVE_USE_NS)
            save(c, e);
        *out = e->image;
        return CACHE_HAS;
    }
    if (m) {
        list_append(&m->waiting, &w->link);
        return CACHE_WAIT;
    }
    m = mem_new(struct making);
    list_init(&m->waiting);
    map_put(c->making, key, m);
    return CACHE_YOURS;
}

void build_cache_leave(struct cache_wait *w)
{
    if (list_is_linked(&w->link))
        list_remove(&w->link);
}

static void put(struct build_cache *c, const char *key, struct image *image, const char *what,
                int64_t bytes)
{
    struct entry *e = map_get(c->entries, key);

    image_keep(image); /* before the old entry goes: it may have the same image */
    if (e)
        drop(c, e);
    e = mem_new(struct entry);
    e->key = mem_strdup(key);
    e->image_id = mem_strdup(image_id(image));
    e->what = mem_strdup(what);
    e->bytes = bytes;
    e->created_ns = e->used_ns = clock_wall_ns();
    e->image = image;
    insert(c, e);
    save(c, e);
    keep_bounds(c);
}

void build_cache_made(struct build_cache *c, const char *key, struct image *image, const char *what,
                      int64_t bytes)
{
    struct making *m = map_take(c->making, key);
    struct list due;

    ASSERT_LOOP();
    ASSERT(m);
    if (image)
        put(c, key, image, what, bytes);
    list_init(&due);
    while (!list_is_empty(&m->waiting)) {
        struct cache_wait *w = list_first(&m->waiting, struct cache_wait, link);

        list_remove(&w->link);
        list_append(&due, &w->link);
    }
    free(m);
    while (!list_is_empty(&due)) {
        struct cache_wait *w = list_first(&due, struct cache_wait, link);

        list_remove(&w->link);
        w->fn(w);
    }
}

/* ---- what users see ---- */

bool cache_item_is_asked(const struct build_prune *p, const char *key, int64_t used_ns)
{
    if (p->until_ns && used_ns >= p->until_ns)
        return false;
    for (size_t i = 0; i < p->ids.n; i++)
        if (text_starts(key, p->ids.v[i]))
            return true;
    return p->ids.n == 0;
}

static bool is_asked(const struct build_prune *p, const struct entry *e)
{
    return (p->all || image_is_hidden(e->image)) &&
           cache_item_is_asked(p, digest_hex(e->key), e->used_ns);
}

static int by_use(const void *a, const void *b)
{
    int64_t left = (*(struct entry *const *)a)->used_ns,
            right = (*(struct entry *const *)b)->used_ns;

    return left < right ? -1 : left > right;
}

void build_cache_prune(struct build_cache *c, struct arena *a, const struct build_prune *p,
                       struct strs *deleted, int64_t *bytes)
{
    size_t n = 0, cursor = 0;
    struct entry **asked = arena_array(a, map_count(c->entries) + 1, sizeof(*asked));
    void *v;

    *bytes = 0;
    while (map_next(c->entries, &cursor, NULL, &v))
        if (is_asked(p, v))
            asked[n++] = v;
    qsort(asked, n, sizeof(*asked), by_use);
    for (size_t i = 0; i < n && (!p->keep_bytes || c->bytes > p->keep_bytes); i++) {
        strs_add(a, deleted, digest_hex(asked[i]->key));
        *bytes += image_is_hidden(asked[i]->image) ? asked[i]->bytes : 0;
        drop(c, asked[i]);
    }
}

int64_t build_cache_bytes(const struct build_cache *c)
{
    return c->bytes;
}

void cache_item_write(const struct cache_item *i, struct jw *w, int api_version)
{
    jw_obj(w, NULL);
    jw_str(w, "ID", i->key);
    if (api_version < 142)
        jw_str(w, "Parent", "");
    jw_str(w, "Type", i->type);
    jw_str(w, "Description", i->what);
    jw_bool(w, "InUse", i->is_in_use);
    jw_bool(w, "Shared", i->is_shared);
    jw_int(w, "Size", i->bytes);
    jw_time(w, "CreatedAt", i->created_ns);
    jw_time(w, "LastUsedAt", i->used_ns);
    jw_int(w, "UsageCount", i->uses);
    jw_obj_end(w);
}

void build_cache_write(const struct build_cache *c, struct jw *w, int api_version)
{
    size_t cursor = 0;
    void *v;

    while (map_next(c->entries, &cursor, NULL, &v)) {
        const struct entry *e = v;
        const struct cache_item item = {
            .key = digest_hex(e->key),
            .type = "regular",
            .what = e->what,
            .is_in_use = image_users(e->image) > 0,
            .is_shared = !image_is_hidden(e->image),
            .bytes = e->bytes,
            .created_ns = e->created_ns,
            .used_ns = e->used_ns,
            .uses = e->uses,
        };

        cache_item_write(&item, w, api_version);
    }
}
