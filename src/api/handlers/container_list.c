/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /containers/json, in slices (listing.h). Sizes are asked for one after the other, since a
 * worker walks the files. Loop thread.
 */
#include "view/view.h"

#include "listing.h"

struct container_listing {
    struct listing listing; /* must be first */
    bool all, wants_sizes;
    int64_t left; /* of the limit */
    struct container_filter *filter;
    struct container_list list;
};

static struct err *read_list_params(struct request *r, struct container_listing *l)
{
    int64_t limit;

    TRY(query_i64(&r->query, "limit", 0, &limit));
    TRY(container_filter_parse(parts_of(r)->containers, r->arena, request_param(r, "filters"),
                               &l->filter));
    l->wants_sizes = query_is_true(&r->query, "size");
    l->all = query_is_true(&r->query, "all") || limit > 0 || container_filter_wants_all(l->filter);
    l->left = limit > 0 ? limit : INT64_MAX;
    return NULL;
}

static void finish(struct listing *listing)
{
    container_list_unref(&((struct container_listing *)listing)->list);
}

static void on_size(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct container_listing *l = ctx;
    struct listing *listing = &l->listing;
    struct container *c = container_list_at(&l->list, listing->at);

    if (c && !listing->is_gone)
        container_write_summary(c, &listing->w, listing->request->api_version, err ? 0 : rw,
                                err ? 0 : root);
    err_drop(err);
    listing_resume(listing);
}

static bool write_item(struct listing *listing, size_t at)
{
    struct container_listing *l = (struct container_listing *)listing;
    struct container *c = container_list_at(&l->list, at);

    if (!c || !(l->all || container_is_up(c)) || !container_matches(c, l->filter))
        return true;
    if (--l->left == 0)
        listing->n = at + 1;
    if (l->wants_sizes) {
        container_sizes(c, on_size, l);
        return false;
    }
    container_write_summary(c, &listing->w, listing->request->api_version, -1, -1);
    return true;
}

static const struct listing_type container_listing_type = {.item = write_item, .finish = finish};

void handle_container_list(struct request *r)
{
    struct container_listing *l = arena_new(r->arena, struct container_listing);

    if (reply_failed(r, read_list_params(r, l)))
        return;
    container_list_ref(parts_of(r)->containers, &l->list);
    listing_begin(&l->listing, r, &container_listing_type, l->list.n);
}
