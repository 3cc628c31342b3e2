/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of containers and inspect. Sizes are asked for one container after the other, as a
 * worker walks the files; containers that vanish meanwhile are left out. Loop thread.
 */
#include "api.h"

struct listing {
    struct request *request;
    struct strs ids; /* only when sizes are wanted */
    size_t at;
    struct buf json;
    struct jw w;
};

struct list_params {
    bool all, sizes;
    int64_t limit;
    struct container_filter *filter;
};

static struct err *read_list_params(struct request *r, struct list_params *out)
{
    TRY(query_i64(&r->query, "limit", 0, &out->limit));
    TRY(container_filter_parse(parts_of(r)->containers, r->arena, request_param(r, "filters"),
                               &out->filter));
    out->sizes = query_is_true(&r->query, "size");
    out->all = query_is_true(&r->query, "all") || out->limit > 0 ||
               container_filter_wants_all(out->filter);
    return NULL;
}

static bool is_listed(struct container *c, const struct list_params *p)
{
    return (p->all || container_is_running(c)) && container_matches(c, p->filter);
}

static void end_list(struct listing *l)
{
    jw_arr_end(&l->w);
    reply_json(l->request, 200, &l->json);
}

static void next_with_size(struct listing *l);

static void on_list_size(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct listing *l = ctx;
    struct request *r = l->request;
    struct container *c;
    struct err *gone;

    gone = container_find(parts_of(r)->containers, l->ids.v[l->at++], &c);
    if (!gone)
        container_write_summary(c, &l->w, r->api_version, err ? 0 : rw, err ? 0 : root);
    err_drop(gone);
    err_drop(err);
    next_with_size(l);
}

static void next_with_size(struct listing *l)
{
    while (l->at < l->ids.n) {
        struct container *c;
        struct err *gone = container_find(parts_of(l->request)->containers, l->ids.v[l->at], &c);

        if (!gone) {
            container_sizes(c, on_list_size, l);
            return;
        }
        err_drop(gone);
        l->at++;
    }
    end_list(l);
}

void handle_container_list(struct request *r)
{
    struct listing *l = arena_new(r->arena, struct listing);
    struct list_params p;
    struct container *c;
    size_t cursor = 0;
    int64_t n = 0;

    if (reply_failed(r, read_list_params(r, &p)))
        return;
    l->request = r;
    l->w.out = &l->json;
    jw_arr(&l->w, NULL);
    while ((c = container_next(parts_of(r)->containers, &cursor))) {
        if (p.limit > 0 && n == p.limit)
            break;
        if (!is_listed(c, &p))
            continue;
        n++;
        if (p.sizes)
            strs_add(r->arena, &l->ids, container_id(c));
        else
            container_write_summary(c, &l->w, r->api_version, -1, -1);
    }
    next_with_size(l);
}

static void write_inspect(struct request *r, struct container *c, int64_t rw, int64_t root)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    container_write_inspect(c, &w, r->api_version, rw, root);
    reply_json(r, 200, &b);
}

static void on_inspect_size(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct request *r = ctx;
    struct container *c;

    if (reply_failed(r, err))
        return;
    c = container_of_request(r);
    if (c)
        write_inspect(r, c, rw, root);
}

void handle_container_inspect(struct request *r)
{
    struct container *c = container_of_request(r);

    if (!c)
        return;
    if (query_is_true(&r->query, "size"))
        container_sizes(c, on_inspect_size, r);
    else
        write_inspect(r, c, -1, -1);
}
