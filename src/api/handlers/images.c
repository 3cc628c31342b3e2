/* SPDX-License-Identifier: Apache-2.0 */
/* Images: lists, inspect, history, tag, remove, prune. Pulls and loads are in transfers.c. Loop. */
#include <string.h>

#include "base/clock.h"
#include "base/ref.h"
#include "image/image.h"

#include "listing.h"

/* ---- list ---- */

static const char *const list_filters[] = {"dangling", "label",     "label!", "before",
                                           "since",    "reference", "until",  NULL};

struct image_query {
    struct filters filters;
    bool has_dangling, dangling;
    int64_t before_ns, since_ns, until_ns; /* 0: none */
};

static struct err *created_of(struct request *r, const struct strs *refs, int64_t *out_ns)
{
    struct image *i;

    if (!refs)
        return NULL;
    TRY(image_find(parts_of(r)->images, refs->v[0], &i));
    *out_ns = image_created_ns(i);
    return NULL;
}

static struct err *read_image_query(struct request *r, struct image_query *out)
{
    struct filters *f = &out->filters;

    *out = (struct image_query){0};
    TRY(filters_parse(r->arena, request_param(r, "filters"), list_filters, f));
    out->has_dangling = filters_get(f, "dangling") != NULL;
    TRY(filters_bool(f, "dangling", &out->dangling));
    TRY(created_of(r, filters_get(f, "before"), &out->before_ns));
    TRY(created_of(r, filters_get(f, "since"), &out->since_ns));
    return filters_until(f, &out->until_ns);
}

/* "busybox", "busybox:*", "localhost:5000/x": against the name with and without the tag. */
static bool matches_reference(struct arena *a, const char *pattern, const char *tag)
{
    struct ref ref;
    struct err *err;

    if (text_glob(pattern, tag))
        return true;
    err = ref_parse(a, tag, &ref);
    if (err) {
        err_drop(err);
        return false;
    }
    return text_glob(pattern, ref_familiar_name(a, &ref));
}

static struct strs matching(struct arena *a, const struct strs *patterns, const struct strs *names)
{
    struct strs out = {0};

    for (size_t t = 0; t < names->n; t++)
        for (size_t p = 0; p < patterns->n; p++)
            if (matches_reference(a, patterns->v[p], names->v[t])) {
                strs_add(a, &out, names->v[t]);
                break;
            }
    return out;
}

static bool image_is_listed(const struct image *i, const struct image_query *q)
{
    int64_t created = image_created_ns(i);

    if (q->has_dangling && q->dangling != (image_tags(i)->n == 0))
        return false;
    if (q->before_ns && created >= q->before_ns)
        return false;
    if (q->since_ns && created <= q->since_ns)
        return false;
    if (q->until_ns && created >= q->until_ns)
        return false;
    return filters_match_labels(&q->filters, image_labels(i));
}

struct image_entry {
    char *id;
    int64_t created_ns, shared_bytes;
};

struct image_listing {
    struct listing listing; /* must be first */
    struct image_query query;
    struct image_entry *entries;
};

static int newest_first(const void *a, const void *b)
{
    int64_t left = ((const struct image_entry *)a)->created_ns,
            right = ((const struct image_entry *)b)->created_ns;

    return left < right ? 1 : left > right ? -1 : 0;
}

/* By reference only the names that match are shown: scripts remove what they see. */
static void write_image(struct image_listing *l, const struct image *i, int64_t shared_bytes)
{
    struct request *r = l->listing.request;
    const struct strs *references = filters_get(&l->query.filters, "reference");
    struct strs tags = *image_tags(i), digests = *image_digests(i);
    struct image_shown s = {.tags = &tags,
                            .digests = &digests,
                            .shared_bytes = shared_bytes,
                            .containers = r->api_version < 151 ? -1 : (int64_t)image_users(i),
                            .api_version = r->api_version};

    if (references) {
        tags = matching(r->arena, references, &tags);
        digests = matching(r->arena, references, &digests);
        if (!tags.n && !digests.n)
            return;
    }
    image_write_summary(i, &s, &l->listing.w);
}

static bool write_item(struct listing *listing, size_t at)
{
    struct image_listing *l = (struct image_listing *)listing;
    struct request *r = listing->request;
    struct image *i = image_present(parts_of(r)->images, l->entries[at].id);

    if (i && image_is_listed(i, &l->query))
        write_image(l, i, l->entries[at].shared_bytes);
    return true;
}

static const struct listing_type image_listing_type = {.item = write_item};

void handle_image_list(struct request *r)
{
    struct image_listing *l = arena_new(r->arena, struct image_listing);
    struct image_table *t = parts_of(r)->images;
    struct image_shares *shares = NULL;
    size_t cursor = 0, n = 0;
    struct image *i;

    if (reply_failed(r, read_image_query(r, &l->query)))
        return;
    if (r->api_version >= 142 && query_is_true(&r->query, "shared-size"))
        shares = image_shares_count(r->arena, t);
    l->entries = arena_array(r->arena, image_count(t) + 1, sizeof(*l->entries));
    while ((i = image_next(t, &cursor)))
        l->entries[n++] =
            (struct image_entry){arena_strdup(r->arena, image_id(i)), image_created_ns(i),
                                 shares ? image_shared_bytes(i, shares) : -1};
    if (shares)
        image_shares_finish(shares);
    qsort(l->entries, n, sizeof(*l->entries), newest_first);
    listing_begin(&l->listing, r, &image_listing_type, n);
}

/* ---- one image ---- */

static struct image *image_of_request(struct request *r)
{
    struct image *i;

    if (reply_failed(r, image_find(parts_of(r)->images, request_arg(r, 0), &i)))
        return NULL;
    return i;
}

void handle_image_inspect(struct request *r)
{
    struct image *i = image_of_request(r);
    const char *platform;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (!i ||
        reply_failed(r,
                     image_platform_of_json(r->arena, request_param(r, "platform"), &platform)) ||
        reply_failed(r, image_check_platform(i, request_arg(r, 0), platform)))
        return;
    image_write_inspect(i, &w, r->api_version);
    reply_json(r, 200, &b);
}

void handle_image_history(struct request *r)
{
    struct image *i = image_of_request(r);
    const char *platform;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (!i ||
        reply_failed(r,
                     image_platform_of_json(r->arena, request_param(r, "platform"), &platform)) ||
        reply_failed(r, image_check_platform(i, request_arg(r, 0), platform)))
        return;
    image_write_history(i, &w);
    reply_json(r, 200, &b);
}

static void on_tagged(void *ctx, struct err *err, struct image *image)
{
    (void)image;
    if (!reply_failed(ctx, err))
        reply_empty(ctx, 201);
}

void handle_image_tag(struct request *r)
{
    const char *tag = request_param(r, "tag");

    image_tag(parts_of(r)->images, request_arg(r, 0), request_param(r, "repo"), *tag ? tag : NULL,
              on_tagged, r);
}

static void on_removed(void *ctx, struct err *err, const char *json)
{
    if (!reply_failed(ctx, err))
        reply_json_text(ctx, 200, json);
}

void handle_image_remove(struct request *r)
{
    image_remove(parts_of(r)->images, request_arg(r, 0), query_is_true(&r->query, "force"),
                 query_is_true(&r->query, "noprune"), on_removed, r);
}

/* ---- prune: one removal after the other ---- */

static const char *const prune_filters[] = {"dangling", "label", "label!", "until", NULL};

struct image_prune {
    struct request *request;
    struct strs names; /* tags and ids to remove */
    size_t at;
    int64_t bytes; /* of the image that is being removed */
    int64_t reclaimed;
    struct buf json;
    struct jw w;
};

static void prune_next(struct image_prune *p);

static void copy_deleted(struct image_prune *p, const char *json)
{
    const struct json *list;
    struct err *err = json_parse(p->request->arena, json, strlen(json), &list);

    for (const struct json *i = err ? NULL : json_first(list); i; i = json_next(i)) {
        jw_raw(&p->w, NULL, json_text(p->request->arena, i));
        if (json_get(i, "Deleted")) {
            p->reclaimed += p->bytes;
            p->bytes = 0;
        }
    }
    err_drop(err);
}

static void on_pruned(void *ctx, struct err *err, const char *json)
{
    struct image_prune *p = ctx;

    if (!err)
        copy_deleted(p, json);
    err_drop(err); /* in use by now, or gone: no reason to stop */
    prune_next(p);
}

static void prune_next(struct image_prune *p)
{
    struct image_table *t = parts_of(p->request)->images;

    while (p->at < p->names.n) {
        const char *name = p->names.v[p->at++];
        struct image *i;
        struct err *gone = image_find(t, name, &i);

        if (!gone) {
            p->bytes = image_size(i);
            image_remove(t, name, false, false, on_pruned, p);
            return;
        }
        err_drop(gone);
    }
    jw_arr_end(&p->w);
    jw_int(&p->w, "SpaceReclaimed", p->reclaimed);
    jw_obj_end(&p->w);
    reply_json(p->request, 200, &p->json);
}

static bool is_prunable(const struct image *i, const struct filters *f, bool only_dangling,
                        int64_t until_ns)
{
    return image_users(i) == 0 && !(only_dangling && image_tags(i)->n > 0) &&
           !(until_ns && image_created_ns(i) >= until_ns) &&
           filters_match_labels(f, image_labels(i));
}

void handle_image_prune(struct request *r)
{
    struct image_prune *p = arena_new(r->arena, struct image_prune);
    bool only_dangling = true;
    struct filters f;
    int64_t until_ns;
    struct image *i;
    size_t cursor = 0;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), prune_filters, &f)) ||
        reply_failed(r, filters_bool(&f, "dangling", &only_dangling)) ||
        reply_failed(r, filters_until(&f, &until_ns)))
        return;
    p->request = r;
    p->w.out = &p->json;
    while ((i = image_next(parts_of(r)->images, &cursor))) {
        if (!is_prunable(i, &f, only_dangling, until_ns))
            continue;
        for (size_t k = 0; k < image_tags(i)->n; k++)
            strs_add(r->arena, &p->names, image_tags(i)->v[k]);
        if (image_tags(i)->n == 0)
            strs_add(r->arena, &p->names, image_id(i));
    }
    jw_obj(&p->w, NULL);
    jw_arr(&p->w, "ImagesDeleted");
    prune_next(p);
}
