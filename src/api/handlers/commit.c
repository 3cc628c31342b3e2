/* SPDX-License-Identifier: Apache-2.0 */
/* POST /commit. Loop thread. */
#include "run/commands.h"
#include "runtime/config.h"

#include "judge.h"

struct commit_asked {
    struct request *request;
    struct strs warnings;
    struct commit *commit; /* NULL before it began, and when it is over */
    bool is_over;
};

static void on_committed(void *ctx, struct err *err, const char *image_id)
{
    struct commit_asked *asked = ctx;
    struct request *r = asked->request;
    struct buf b = {0};
    struct jw w = {.out = &b};

    asked->is_over = true;
    asked->commit = NULL;
    if (reply_failed(r, err))
        return;
    jw_obj(&w, NULL);
    jw_str(&w, "Id", image_id);
    if (asked->warnings.n) /* ours, as at the other creates */
        jw_strs(&w, "Warnings", &asked->warnings);
    jw_obj_end(&w);
    reply_json(r, 201, &b);
}

/* No body at all is as good as null, as with Docker. */
static struct err *read_config(struct commit_asked *asked, struct config *out)
{
    struct request *r = asked->request;
    const struct json *doc;
    const char *body;
    size_t len;

    TRY(request_json(r, &body, &len));
    if (!len)
        return NULL;
    TRY(json_parse(r->arena, body, len, &doc));
    TRY(json_fill(r->arena, doc, &config_json, out));
    TRY(json_check_sizes(&config_json, out, REQUEST_ENTRIES_MAX));
    config_warn_unused_by_image(r->arena, doc, &asked->warnings);
    return NULL;
}

/* He will never hear of an image that has perhaps no name. */
static void on_client_gone(void *ctx)
{
    struct commit_asked *asked = ctx;

    if (asked->commit)
        container_commit_cancel(asked->commit);
}

static void commit(struct request *r, struct container *c)
{
    struct commit_asked *asked = arena_new(r->arena, struct commit_asked);
    struct commit_request q = {
        .repo = request_param(r, "repo"),
        .tag = request_param(r, "tag"),
        .comment = request_param(r, "comment"),
        .author = request_param(r, "author"),
        .changes = query_all(r->arena, &r->query, "changes"),
        .wants_pause = !query_get(&r->query, "pause")[0] || query_is_true(&r->query, "pause"),
    };

    struct commit *o;

    if (!r->conn) { /* it left while it was judged */
        request_abandon(r);
        return;
    }
    asked->request = r;
    if (reply_failed(r, read_config(asked, &q.config)))
        return;
    asked->request = request_ref(r); /* until it has begun */
    request_on_gone(r, on_client_gone, asked);
    o = container_commit(c, &q, on_committed, asked);
    if (!asked->is_over)
        asked->commit = o;
    request_unref(r);
}

void handle_commit(struct request *r)
{
    struct container *c;

    if (reply_failed(r, container_find(parts_of(r)->containers, request_param(r, "container"), &c)))
        return;
    r->object_id = arena_strdup(r->arena, container_id(c));
    judge_container(r, c, commit);
}
