/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /containers/json, in slices of less than a millisecond: the list is taken at once, its
 * containers are filtered and written later, as fast as the client reads. So each comes at most
 * once, and none is missing that was there throughout; who vanishes meanwhile is left out. Sizes
 * are asked for one after the other, since a worker walks the files. Loop thread.
 */
#include "api.h"

#include "base/clock.h"

#define SLICE_NS (NS_PER_MS / 2)
#define WHOLE_MAX (64u << 10) /* an answer up to that is sent in one piece, with its length */

struct listing {
    struct request *request;
    bool all, wants_sizes;
    int64_t left; /* of the limit */
    struct container_filter *filter;
    struct container_list list;
    size_t at;
    struct buf json;
    struct jw w;
    struct timer timer;
    bool is_sizing, is_waiting, is_gone;
};

static struct err *read_list_params(struct request *r, struct listing *l)
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

static bool is_listed(struct container *c, const struct listing *l)
{
    return (l->all || container_is_running(c)) && container_matches(c, l->filter);
}

static void finish_list(struct listing *l)
{
    timer_clear(parts_of(l->request)->loop, &l->timer);
    containers_release(&l->list);
}

static void send_part(struct listing *l)
{
    if (!l->request->is_begun)
        reply_begin(l->request, 200, TYPE_JSON);
    reply_write(l->request, l->json.data, l->json.len);
    l->json.len = 0;
}

static void end_list(struct listing *l)
{
    jw_arr_end(&l->w);
    finish_list(l);
    if (!l->request->is_begun) {
        reply_json(l->request, 200, &l->json);
        return;
    }
    buf_putc(&l->json, '\n');
    send_part(l);
    buf_finish(&l->json);
    reply_end(l->request);
}

static void go_on(struct listing *l);

static void on_slice(struct timer *t)
{
    go_on(container_of(t, struct listing, timer));
}

static void on_room(void *ctx)
{
    struct listing *l = ctx;

    if (!l->is_waiting)
        return;
    l->is_waiting = false;
    go_on(l);
}

/* The client is gone, and no worker has us any more. */
static void abandon(struct listing *l)
{
    finish_list(l);
    buf_finish(&l->json);
    request_abandon(l->request);
}

static void on_list_gone(void *ctx)
{
    struct listing *l = ctx;

    l->is_gone = true;
    if (!l->is_sizing)
        abandon(l);
}

static void on_size(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct listing *l = ctx;
    struct container *c = container_list_at(&l->list, l->at++);

    l->is_sizing = false;
    if (l->is_gone) {
        err_drop(err);
        abandon(l);
        return;
    }
    if (c)
        container_write_summary(c, &l->w, l->request->api_version, err ? 0 : rw, err ? 0 : root);
    err_drop(err);
    timer_set(parts_of(l->request)->loop, &l->timer, 0, on_slice);
}

/* False: it goes on when the worker is done. */
static bool write_next(struct listing *l)
{
    struct container *c = container_list_at(&l->list, l->at);

    if (!c || !is_listed(c, l)) {
        l->at++;
        return true;
    }
    l->left--;
    if (l->wants_sizes) {
        l->is_sizing = true;
        container_sizes(c, on_size, l);
        return false;
    }
    container_write_summary(c, &l->w, l->request->api_version, -1, -1);
    l->at++;
    return true;
}

/* False: the client has to read first. */
static bool has_room(struct listing *l)
{
    if (l->json.len >= WHOLE_MAX)
        send_part(l);
    l->is_waiting = l->request->is_begun && reply_queued(l->request) > SINK_HIGH;
    return !l->is_waiting;
}

static void go_on(struct listing *l)
{
    int64_t end_ns = clock_boot_ns() + SLICE_NS;

    while (l->at < l->list.n && l->left > 0) {
        if (!has_room(l) || !write_next(l))
            return;
        if (clock_boot_ns() >= end_ns) {
            timer_set(parts_of(l->request)->loop, &l->timer, 0, on_slice);
            return;
        }
    }
    end_list(l);
}

void handle_container_list(struct request *r)
{
    struct listing *l = arena_new(r->arena, struct listing);

    if (reply_failed(r, read_list_params(r, l)))
        return;
    l->request = r;
    l->w.out = &l->json;
    containers_hold(parts_of(r)->containers, &l->list);
    request_on_gone(r, on_list_gone, l);
    reply_on_room(r, on_room, l);
    jw_arr(&l->w, NULL);
    go_on(l);
}
