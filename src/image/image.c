/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image object: its facts, its names, who uses it. Loop thread. Facts never
 * change after image_create; names do, and the lists that callers see are made
 * anew in an arena of their own each time, so a list is valid until the loop turns.
 */
#include "image_table.h"
#include "platform.h"

#include "base/clock.h"
#include "base/ref.h"

#include <string.h>

struct user {
    bool is_running;
};

/* One that was removed by force is kept by its containers alone. A name leads to one image, and
 * that one has it. */
void image_check(const struct image *i)
{
    ASSERT_DEBUG(i->magic == IMAGE_MAGIC);
    ASSERT_DEBUG(map_get(i->table->images, i->id) == i);
    ASSERT_DEBUG(!i->is_removed || (!i->full_tags.n && !i->full_digests.n));
    ASSERT_DEBUG(i->full_tags.n == i->tags.n && i->full_digests.n == i->digests.n);
    for (size_t n = 0; n < i->full_tags.n; n++)
        ASSERT_DEBUG(map_get(i->table->names, i->full_tags.v[n]) == i);
    for (size_t n = 0; n < i->full_digests.n; n++)
        ASSERT_DEBUG(map_get(i->table->names, i->full_digests.v[n]) == i);
}

/* The chain of the configuration's layers; each must be on disk, or a container could not be
 * mounted. */
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

/* The two lists that hold a name of this kind: full and familiar, side by side. */
struct name_lists {
    struct strs *full, *familiar;
};

static struct name_lists lists_of(struct image *i, bool is_digest)
{
    return is_digest ? (struct name_lists){&i->full_digests, &i->digests}
                     : (struct name_lists){&i->full_tags, &i->tags};
}

static void append_name(struct image *i, const char *full)
{
    struct name_lists l = lists_of(i, strchr(full, '@') != NULL);

    strs_add(i->names_arena, l.full, full);
    strs_add(i->names_arena, l.familiar, image_name_familiar(i->names_arena, full));
}

static void take_names(struct image *i, const struct strs *names)
{
    for (size_t n = 0; names && n < names->n; n++)
        append_name(i, names->v[n]);
}

static void set_manifest(struct image *i, const struct image_facts *f)
{
    i->manifest_type = arena_strdup(i->arena, f->manifest_type);
    i->manifest_digest = arena_strdup(i->arena, f->manifest_digest);
    i->manifest_size = f->manifest_size;
    i->manifest_text = arena_strdup(i->arena, f->manifest_text);
}

void image_learn_manifest(struct image *i, const struct image_facts *f)
{
    if (f->manifest_text && !i->manifest_text)
        set_manifest(i, f);
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
    set_manifest(i, f);
    i->last_tag_ns = f->last_tag_ns;
    i->is_removed = f->is_removed;
    take_names(i, f->tags);
    take_names(i, f->digests);
    return NULL;
}

struct err *image_create(struct image_table *t, const struct image_facts *f, struct image **out)
{
    struct image *i = mem_new(struct image);
    struct err *e;

    i->magic = IMAGE_MAGIC;
    i->table = t;
    i->arena = arena_create();
    i->names_arena = arena_create();
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
    ASSERT(i->magic == IMAGE_MAGIC);
    i->magic = 0;
    while (map_next(i->users, &cursor, &id, &user))
        free(user);
    map_destroy(i->users);
    arena_destroy(i->names_arena);
    arena_destroy(i->arena);
    free(i);
}

/* ---- names ---- */

/* As the user writes it: docker.io/library/busybox:latest is busybox:latest. */
const char *image_name_familiar(struct arena *a, const char *full)
{
    struct ref r;
    autoerr struct err *e = ref_parse(a, full, &r);

    return e ? arena_strdup(a, full) : ref_familiar(a, &r);
}

/* Whether it keeps a name: the table says whose it is. */
static bool is_own(const struct image *i, const char *full)
{
    return map_get(i->table->names, full) == i;
}

/* Lists without the names that the table has given to others or nobody, in an arena of their own:
 * one walk for any number of names. */
static void drop_lost_names(struct image *i)
{
    struct arena *a = arena_create();

    for (int is_digest = 0; is_digest < 2; is_digest++) {
        struct name_lists l = lists_of(i, is_digest);
        struct strs full = {0}, familiar = {0};

        for (size_t n = 0; n < l.full->n; n++) {
            if (!is_own(i, l.full->v[n]))
                continue;
            strs_add(a, &full, l.full->v[n]);
            strs_add(a, &familiar, l.familiar->v[n]);
        }
        *l.full = full;
        *l.familiar = familiar;
    }
    arena_destroy(i->names_arena);
    i->names_arena = a;
}

void image_add_names(struct image *i, struct arena *a, const struct strs *names,
                     struct pairs *moved)
{
    struct map *losers = map_create();
    size_t cursor = 0;
    void *loser;

    for (size_t n = 0; n < names->n; n++) {
        struct image *before = map_put(i->table->names, names->v[n], i);

        if (before == i)
            continue;
        if (before)
            map_put(losers, before->id, before);
        append_name(i, names->v[n]);
        pairs_add(a, moved, names->v[n], before ? before->id : "");
        i->last_tag_ns = clock_wall_ns();
    }
    while (map_next(losers, &cursor, NULL, &loser))
        drop_lost_names(loser);
    map_destroy(losers);
}

struct image *image_add_name(struct image *i, const char *full)
{
    autoarena struct arena *a = arena_create();
    struct strs one = {0};
    struct pairs moved = {0};

    strs_add(a, &one, full);
    image_add_names(i, a, &one, &moved);
    return moved.n && *moved.v[0].value ? image_by_id(i->table, moved.v[0].value) : NULL;
}

void image_drop_names(struct image *i, const struct strs *names)
{
    for (size_t n = 0; n < names->n; n++)
        if (is_own(i, names->v[n]))
            map_take(i->table->names, names->v[n]);
    drop_lost_names(i);
}

/* Two images with one name: a crash between two writes; the later tag is the true one. */
void image_claim_names(struct image *i)
{
    struct map *losers = map_create();
    size_t cursor = 0;
    void *loser;

    for (int is_digest = 0; is_digest < 2; is_digest++) {
        const struct strs *names = lists_of(i, is_digest).full;

        for (size_t n = 0; n < names->n; n++) {
            struct image *other = map_get(i->table->names, names->v[n]);

            if (other && other->last_tag_ns > i->last_tag_ns) {
                map_put(losers, i->id, i);
                continue;
            }
            if (other && other != i)
                map_put(losers, other->id, other);
            map_put(i->table->names, names->v[n], i);
        }
    }
    while (map_next(losers, &cursor, NULL, &loser))
        drop_lost_names(loser);
    map_destroy(losers);
}

void image_drop_name(struct image *i, const char *full)
{
    char *names[] = {(char *)full, NULL};

    image_drop_names(i, &(struct strs){names, 1});
}

/* ---- users ---- */

void image_ref(struct image *i, const char *container_id, bool is_running)
{
    struct user *u = map_get(i->users, container_id);

    ASSERT_LOOP();
    ASSERT(i->magic == IMAGE_MAGIC && container_id);
    if (!u) {
        u = mem_new(struct user);
        map_put(i->users, container_id, u);
    }
    u->is_running = is_running;
}

bool image_is_held(const struct image *i)
{
    return map_count(i->users) || i->n_keeps;
}

/* The last one who needed an image that nobody lists: now it goes. */
static void leave(struct image *i)
{
    if (!i->is_removed || image_is_held(i))
        return;
    db_delete(i->table->db, IMAGE_KIND, i->id, NULL, NULL);
    image_withdraw(i);
}

void image_unref(struct image *i, const char *container_id)
{
    ASSERT_LOOP();
    ASSERT(i->magic == IMAGE_MAGIC);
    free(map_take(i->users, container_id));
    leave(i);
}

void image_keep(struct image *i)
{
    ASSERT_LOOP();
    ASSERT(i->magic == IMAGE_MAGIC);
    i->n_keeps++;
}

void image_let_go(struct image *i)
{
    ASSERT_LOOP();
    ASSERT(i->magic == IMAGE_MAGIC && i->n_keeps);
    i->n_keeps--;
    leave(i);
}

bool image_is_hidden(const struct image *i)
{
    return i->is_removed;
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

struct err *image_check_platform(const struct image *i, const char *reference, const char *platform)
{
    autoarena struct arena *a = arena_create();
    struct platform want, is = {i->blob.os, i->blob.architecture, i->blob.variant};

    if (text_is_empty(platform))
        return NULL;
    TRY(platform_parse(a, platform, &want));
    return platform_check(a, reference, &want, &is);
}

struct err *image_platform_text(struct arena *a, const char *text, char **out)
{
    struct platform p;

    TRY(platform_parse(a, text, &p));
    *out = platform_text(a, &p);
    return NULL;
}

static const struct jfield platform_fields[] = {
    J(J_STR, struct platform, os, "os"),
    J(J_STR, struct platform, arch, "architecture"),
    J(J_STR, struct platform, variant, "variant"),
    J_END,
};
static const struct jtable platform_json = {sizeof(struct platform), platform_fields};

struct err *image_platform_of_json(struct arena *a, const char *json, const char **out)
{
    struct platform p = {0}, parsed;
    const char *text;
    struct err *e;

    *out = "";
    if (text_is_empty(json))
        return NULL;
    e = json_decode(a, json, strlen(json), &platform_json, &p);
    if (e)
        return err_wrap(e, "failed to parse platform");
    if (text_is_empty(p.os) || text_is_empty(p.arch))
        return err_new(ERR_INVALID, "invalid platform: both os and architecture must be provided");
    text = arena_printf(a, "%s/%s%s%s", p.os, p.arch, text_is_empty(p.variant) ? "" : "/",
                        text_is_empty(p.variant) ? "" : p.variant);
    TRY(platform_parse(a, text, &parsed));
    *out = text;
    return NULL;
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
