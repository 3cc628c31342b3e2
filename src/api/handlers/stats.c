/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/stats: one object, or one a second, the first at once. Loop thread. */
#include "view/stats.h"

#include "api.h"

#define QUEUE_MAX (256u << 10) /* a client that does not read misses some */

struct stats_stream {
    struct request *request;
    struct stats_watch *watch;
};

static void on_stats(void *ctx, struct err *err, struct buf *line)
{
    if (!reply_failed(ctx, err))
        reply_body(ctx, 200, TYPE_JSON, "", line);
}

static void on_object(void *ctx, const struct buf *line)
{
    struct stats_stream *s = ctx;
    struct request *r = s->request;

    if (!r->is_begun)
        reply_begin(r, 200, TYPE_JSON);
    if (!line)
        reply_end(r);
    else if (reply_queued(r) <= QUEUE_MAX)
        reply_write(r, line->data, line->len);
}

static void on_gone(void *ctx)
{
    struct stats_stream *s = ctx;

    stats_watch_end(s->watch);
    request_abandon(s->request);
}

void handle_container_stats(struct request *r)
{
    struct container *c = container_of_request(r);
    bool is_one_shot = query_is_true(&r->query, "one-shot");
    bool is_stream = !*request_param(r, "stream") || query_is_true(&r->query, "stream");
    struct stats_stream *s;

    if (!c)
        return;
    if (is_stream && is_one_shot) {
        reply_err(r, err_new(ERR_INVALID, "cannot have stream=true and one-shot=true"));
        return;
    }
    if (!is_stream) {
        container_stats(c, is_one_shot, on_stats, r);
        return;
    }
    s = arena_new(r->arena, struct stats_stream);
    s->request = r;
    s->watch = container_watch_stats(c, on_object, s);
    request_on_gone(r, on_gone, s);
}
