/* SPDX-License-Identifier: Apache-2.0 */
/* Inspect, changes. Loop thread. */
#include "view/view.h"

#include "api.h"

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

static void on_changes(void *ctx, struct err *err, const char *json)
{
    if (!reply_failed(ctx, err))
        reply_json_text(ctx, 200, json);
}

void handle_container_changes(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_changes(c, on_changes, r);
}
