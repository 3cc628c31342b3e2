/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of blobs that are pushed. Loop thread. Each takes the cheapest way that its registry
 * goes: it is there (HEAD), it is in another repository there (POST ?mount=&from=), it is sent. The
 * group ends with the first failure. Trap: a permit comes from within the release of another
 * group's.
 */
#include "push_blobs.h"

#include "permits.h"
#include "upload.h"

#include "base/map.h"

#include <string.h>

enum { TICK_MS = 100, HEADS_MAX = 5, MOUNTS_MAX = 3 };

#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"

/* What the layer may be at a registry, as we have it from there. */
struct candidate {
    const char *digest, *media_type;
    int64_t size_bytes;
    const char *mount_from; /* a path at the same registry; NULL: none */
    bool is_looked_for;     /* by HEAD */
};

struct push_item {
    struct push_blobs *group;
    struct pushed_blob *blob;
    const struct pushed_blob *like; /* the same blob, above it in the list: it waits for that one */
    char label[ID_SHORT + 1];       /* "" : the config, of which nothing is said */
    struct candidate v[BLOB_FACTS_MAX + 1];
    size_t n, at;
    int n_heads, n_mounts;
    char *location; /* of an upload that a refused mount has begun */
    struct permit permit;
    struct fetch *fetch;
    struct upload *upload;
    int64_t said;
    bool is_mounting; /* the fetch may begin an upload */
    bool is_done;
};

struct push_blobs {
    struct push_blobs_plan plan;
    struct progress progress;
    void *ctx;
    struct arena *arena;
    struct timer timer;
    struct push_item *items;
    size_t n_done;
    bool is_over;
    struct err *err;
};

static const char *repository_of(struct push_blobs *g)
{
    return arena_printf(g->arena, "%s/%s", g->plan.domain, g->plan.path);
}

static void say(const struct push_item *i, const char *status)
{
    if (*i->label)
        progress_state(&i->group->progress, i->label, status);
}

/* ---- the end ---- */

static void let_go(struct push_blobs *g)
{
    for (size_t n = 0; n < g->plan.n; n++) {
        struct push_item *i = &g->items[n];

        if (i->is_mounting)
            registry_forget_beginning(g->plan.registry, steal_ptr(&i->fetch));
        fetch_cancel(steal_ptr(&i->fetch));
        upload_cancel(steal_ptr(&i->upload));
        registry_forget_upload(g->plan.registry, steal_ptr(&i->location));
        if (!i->permit.is_held)
            permit_release(g->plan.table->uploads, &i->permit);
    }
    /* None of ours is in the line any more. */
    for (size_t n = 0; n < g->plan.n; n++)
        permit_release(g->plan.table->uploads, &g->items[n].permit);
}

static void on_over(struct timer *t)
{
    struct push_blobs *g = container_of(t, struct push_blobs, timer);

    g->plan.done(g->ctx, steal_ptr(&g->err));
}

/* The caller may be anywhere, so the callback comes from the loop. */
static void end(struct push_blobs *g, struct err *err)
{
    if (g->is_over) {
        err_drop(err);
        return;
    }
    g->is_over = true;
    g->err = err;
    let_go(g);
    timer_set(g->plan.table->loop, &g->timer, 0, on_over);
}

static void copy_result(struct pushed_blob *to, const struct pushed_blob *from)
{
    memcpy(to->digest, from->digest, sizeof(to->digest));
    to->media_type = from->media_type;
    to->size_bytes = from->size_bytes;
    to->way = BLOB_WAS_THERE;
}

static void item_is_done(struct push_item *i, enum blob_way way)
{
    struct push_blobs *g = i->group;
    const struct pushed_blob *b = i->blob;

    i->is_done = true;
    i->blob->way = way;
    g->n_done++;
    if (b->diff_id) {
        const struct blob_fact f = {
            .repository = (char *)repository_of(g),
            .digest = i->blob->digest,
            .media_type = (char *)b->media_type,
            .size_bytes = b->size_bytes,
        };

        blob_book_note(g->plan.table->book, b->diff_id, &f);
    }
    for (size_t n = 0; n < g->plan.n; n++) {
        struct push_item *other = &g->items[n];

        if (other->like != b)
            continue;
        copy_result(other->blob, b);
        other->is_done = true;
        g->n_done++;
        say(other, "Layer already exists");
    }
    permit_release(g->plan.table->uploads, &i->permit);
    if (g->n_done == g->plan.n)
        end(g, NULL);
}

static void take_candidate(struct push_item *i, const struct candidate *c)
{
    memcpy(i->blob->digest, c->digest, DIGEST_MAX);
    i->blob->media_type = c->media_type;
    i->blob->size_bytes = c->size_bytes;
}

/* ---- send ---- */

static const char *packed_type(const struct push_item *i)
{
    bool is_oci = i->group->plan.is_oci;

    if (!i->blob->diff_id)
        return is_oci ? OCI_CONFIG : DOCKER_CONFIG;
    return is_oci ? OCI_LAYER "+gzip" : DOCKER_LAYER ".gzip";
}

static const char *plain_type(const struct push_item *i)
{
    return i->group->plan.is_oci ? OCI_LAYER : DOCKER_LAYER;
}

/* It came as the tar itself: so it goes, and its digest stays. */
static bool is_plain(const struct push_item *i)
{
    const struct pushed_blob *b = i->blob;

    return b->diff_id && b->first_digest && !strcmp(b->first_digest, b->diff_id);
}

static void on_retry(void *ctx, int wait_s)
{
    char status[64];

    snprintf(status, sizeof(status), "Retrying in %d second%s", wait_s, wait_s == 1 ? "" : "s");
    say(ctx, status);
}

static void on_sent(void *ctx, const struct upload_result *r, struct err *err)
{
    struct push_item *i = ctx;

    i->upload = NULL;
    if (err) {
        end(i->group, err);
        return;
    }
    memcpy(i->blob->digest, r->digest, DIGEST_MAX);
    i->blob->size_bytes = r->size_bytes;
    i->blob->media_type = is_plain(i) ? plain_type(i) : packed_type(i);
    say(i, r->was_there ? "Layer already exists" : "Pushed");
    item_is_done(i, r->was_there ? BLOB_WAS_THERE : BLOB_WAS_SENT);
}

static void send_blob(struct push_item *i)
{
    struct push_blobs *g = i->group;
    const struct upload_plan plan = {
        .table = g->plan.table,
        .registry = g->plan.registry,
        .source = {.text = i->blob->text,
                   .store = g->plan.table->store,
                   .chain_id = i->blob->chain_id,
                   .diff_id = i->blob->diff_id,
                   .is_plain = is_plain(i)},
        .location = i->location,
        .retry = on_retry,
        .done = on_sent,
    };

    i->upload = upload_start(&plan, i);
    i->location = NULL; /* the upload's */
}

/* ---- mount ---- */

static void next_mount(struct push_item *i);

static void on_mounted(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct push_item *i = ctx;
    const struct candidate *c = &i->v[i->at];

    i->fetch = NULL;
    i->is_mounting = false;
    if (!err && r->status == 201) {
        take_candidate(i, c);
        say(i, arena_printf(i->group->arena, "Mounted from %s", c->mount_from));
        item_is_done(i, BLOB_WAS_MOUNTED);
        return;
    }
    if (!err && r->location) /* 202: it may be sent instead */
        i->location = arena_strdup(i->group->arena, r->location);
    err_drop(err); /* sending will say what is wrong */
    i->at++;
    next_mount(i);
}

static void mount(struct push_item *i, const struct candidate *c)
{
    struct arena *a = i->group->arena;
    char *path = arena_printf(a, "blobs/uploads/?mount=%s&from=%s", text_to_query(a, c->digest),
                              text_to_query(a, c->mount_from));
    struct fetch_plan plan = {.path = path,
                              .method = "POST",
                              .max_bytes = 64 * 1024,
                              .size_bytes = -1,
                              .content_from = -1,
                              .done = on_mounted};

    i->is_mounting = true;
    i->fetch = registry_get(i->group->plan.registry, &plan, i);
}

static void next_mount(struct push_item *i)
{
    for (; i->at < i->n && i->n_mounts < MOUNTS_MAX; i->at++) {
        if (!i->v[i->at].mount_from)
            continue;
        i->n_mounts++;
        registry_forget_upload(i->group->plan.registry, steal_ptr(&i->location));
        mount(i, &i->v[i->at]);
        return;
    }
    send_blob(i);
}

/* ---- look ---- */

static void next_look(struct push_item *i);

/* What a registry says of the size is compared: a manifest would be wrong with another one. */
static void on_looked(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct push_item *i = ctx;
    const struct candidate *c = &i->v[i->at];
    bool is_there = !err && (r->content_length < 0 || r->content_length == c->size_bytes);

    i->fetch = NULL;
    if (err && (!r->status || r->status == 429 || (r->status >= 500 && r->status != 501))) {
        end(i->group, err);
        return;
    }
    if (is_there) {
        take_candidate(i, c);
        say(i, "Layer already exists");
        item_is_done(i, BLOB_WAS_THERE);
        return;
    }
    if (err && r->status == 404 && i->blob->diff_id)
        blob_book_forget(i->group->plan.table->book, i->blob->diff_id, repository_of(i->group),
                         c->digest);
    err_drop(err); /* a refusal has no words here: sending will say what is wrong */
    i->at++;
    next_look(i);
}

static void look(struct push_item *i, const struct candidate *c)
{
    autofree char *path = mem_printf("blobs/%s", c->digest);
    struct fetch_plan plan = {
        .path = path, .method = "HEAD", .size_bytes = -1, .content_from = -1, .done = on_looked};

    i->fetch = registry_get(i->group->plan.registry, &plan, i);
}

static void next_look(struct push_item *i)
{
    for (; i->at < i->n && i->n_heads < HEADS_MAX; i->at++) {
        if (!i->v[i->at].is_looked_for)
            continue;
        i->n_heads++;
        look(i, &i->v[i->at]);
        return;
    }
    i->at = 0;
    next_mount(i);
}

/* ---- candidates ---- */

/* The media type of the same content in the family of the manifest; NULL: it has none there. */
static const char *type_in_family(const char *type, bool is_oci)
{
    static const struct {
        const char *oci, *docker;
    } types[] = {
        {OCI_LAYER "+gzip", DOCKER_LAYER ".gzip"},
        {OCI_LAYER, DOCKER_LAYER},
        {OCI_LAYER "+zstd", NULL},
        {OCI_CONFIG, DOCKER_CONFIG},
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (!strcmp(type, types[i].oci) || (types[i].docker && !strcmp(type, types[i].docker)))
            return is_oci ? types[i].oci : types[i].docker;
    return NULL;
}

static void add_candidate(struct push_item *i, const struct candidate *c)
{
    struct candidate *to = &i->v[i->n];

    if (i->n == ARRAY_LEN(i->v))
        return;
    *to = *c;
    for (size_t n = 0; n < i->n; n++)
        if (!strcmp(i->v[n].digest, c->digest))
            to->is_looked_for = false; /* once is enough */
    i->n++;
}

/* "docker.io/library/x" and "docker.io" → "library/x"; NULL: another registry. */
static const char *path_at(const char *repository, const char *domain)
{
    size_t n = strlen(domain);

    return text_starts(repository, domain) && repository[n] == '/' ? repository + n + 1 : NULL;
}

static void find_candidates(struct push_item *i)
{
    struct push_blobs *g = i->group;
    const struct pushed_blob *b = i->blob;
    const struct blob_fact *facts;
    size_t n;

    if (b->first_digest)
        add_candidate(
            i, &(struct candidate){b->first_digest, b->first_type, b->first_size, NULL, true});
    if (!b->diff_id)
        return;
    facts = blob_book_of(g->plan.table->book, b->diff_id, &n);
    for (size_t k = 0; k < n; k++) {
        const char *type = type_in_family(facts[k].media_type, g->plan.is_oci),
                   *from = path_at(facts[k].repository, g->plan.domain);
        struct candidate c = {arena_strdup(g->arena, facts[k].digest), type, facts[k].size_bytes,
                              NULL, true};

        if (!type)
            continue;
        if (from && strcmp(from, g->plan.path) != 0) {
            c.mount_from = arena_strdup(g->arena, from);
            registry_add_source(g->plan.registry, from);
        }
        add_candidate(i, &c);
    }
}

/* ---- begin ---- */

static void on_permit(struct permit *p)
{
    struct push_item *i = container_of(p, struct push_item, permit);

    if (!i->group->is_over)
        next_look(i);
}

static void on_tick(struct timer *t)
{
    struct push_blobs *g = container_of(t, struct push_blobs, timer);

    timer_set(g->plan.table->loop, &g->timer, TICK_MS, on_tick);
    for (size_t n = 0; n < g->plan.n; n++) {
        struct push_item *i = &g->items[n];
        int64_t at, size;

        if (!i->upload || !*i->label)
            continue;
        upload_progress(i->upload, &at, &size);
        if (at == i->said || at == 0)
            continue;
        i->said = at;
        progress_bytes(&g->progress, i->label, "Pushing", at, size);
    }
}

/* As Docker, from the top of the image down. */
static void on_begin(struct timer *t)
{
    struct push_blobs *g = container_of(t, struct push_blobs, timer);

    timer_set(g->plan.table->loop, &g->timer, TICK_MS, on_tick);
    for (size_t n = g->plan.n; n > 0; n--)
        say(&g->items[n - 1], "Preparing");
    for (size_t n = g->plan.n; n > 0 && !g->is_over; n--) {
        struct push_item *i = &g->items[n - 1];

        if (i->like || i->is_done)
            continue;
        if (permit_take(g->plan.table->uploads, &i->permit))
            next_look(i);
        else
            say(i, "Waiting");
    }
    if (!g->plan.n)
        end(g, NULL);
}

static void find_twins(struct push_blobs *g)
{
    struct map *seen = map_create();

    for (size_t n = 0; n < g->plan.n; n++) {
        struct pushed_blob *b = &g->plan.v[n];

        if (!b->diff_id)
            continue;
        g->items[n].like = map_get(seen, b->diff_id);
        if (!g->items[n].like)
            map_put(seen, b->diff_id, b);
    }
    map_destroy(seen);
}

struct push_blobs *push_blobs_start(const struct push_blobs_plan *p, void *ctx)
{
    struct push_blobs *g = mem_new(struct push_blobs);

    ASSERT_LOOP();
    g->plan = *p;
    g->progress = *p->progress;
    g->ctx = ctx;
    g->arena = arena_create();
    g->items = mem_array(p->n + 1, sizeof(*g->items));
    for (size_t n = 0; n < p->n; n++) {
        struct push_item *i = &g->items[n];

        i->group = g;
        i->blob = &p->v[n];
        i->permit.fn = on_permit;
        if (i->blob->diff_id)
            memcpy(i->label, digest_hex(i->blob->diff_id), ID_SHORT);
        find_candidates(i);
    }
    find_twins(g);
    timer_set(p->table->loop, &g->timer, 0, on_begin);
    return g;
}

void push_blobs_end(struct push_blobs *g)
{
    if (!g)
        return;
    g->is_over = true;
    timer_clear(g->plan.table->loop, &g->timer);
    let_go(g);
    err_drop(g->err);
    arena_destroy(g->arena);
    free(g->items);
    free(g);
}
