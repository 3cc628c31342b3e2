/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pull, push, load and import: one JSON object a line while they run. An error before the first
 * line is an HTTP error, later one is a line; of load, as with Docker, each is a line. A client
 * that goes cancels. Loop thread.
 */
#include <string.h>

#include "base/ref.h"
#include "image/image.h"

#include "api.h"
#include "request_job.h"

#define PROGRESS_QUEUE_MAX (1u << 20) /* a client that does not read misses progress lines */

struct transfer {
    struct request_job of;
    bool tells_errors_in_stream;
};

static void on_progress(void *ctx, const char *json)
{
    struct transfer *t = ctx;

    if (reply_queued(t->of.request) < PROGRESS_QUEUE_MAX)
        reply_json_line(t->of.request, json);
}

static void on_done(void *ctx, struct err *err, struct image *image)
{
    struct transfer *t = ctx;
    struct request *r = t->of.request;

    (void)image;
    request_job_ended(&t->of);
    if (err && !r->is_begun && !t->tells_errors_in_stream) {
        reply_err(r, err);
        return;
    }
    if (err)
        reply_json_failure(t->of.request, err, 0);
    if (!r->is_begun)
        reply_begin(r, 200, TYPE_JSON);
    err_drop(err);
    reply_end(r);
}

static struct transfer *transfer_create(struct request *r)
{
    struct transfer *t = arena_new(r->arena, struct transfer);

    request_job_init(&t->of, r);
    return t;
}

/* ---- pull ---- */

/* A digest may stand in the place of a tag. */
static struct err *read_pull_reference(struct request *r, const char **out)
{
    const char *from = request_param(r, "fromImage"), *tag = request_param(r, "tag");
    struct ref ref;

    *out = from;
    if (!*tag)
        return NULL;
    TRY(ref_parse(r->arena, from, &ref));
    ref.digest = NULL;
    if (strchr(tag, ':')) {
        ref.tag = NULL;
        *out = arena_printf(r->arena, "%s@%s", ref_familiar(r->arena, &ref), tag);
        return NULL;
    }
    TRY(ref_set_tag(r->arena, &ref, tag));
    *out = ref_familiar(r->arena, &ref);
    return NULL;
}

static void pull(struct request *r)
{
    const char *platform = request_param(r, "platform"), *reference;
    const struct registry_auth auth = request_registry_auth(r);
    struct transfer *t;

    if (reply_failed(r, read_pull_reference(r, &reference)))
        return;
    t = transfer_create(r);
    request_job_begun(&t->of,
                      image_pull(parts_of(r)->images, reference, *platform ? platform : NULL, &auth,
                                 on_progress, on_done, t));
}

/* ---- push ---- */

void handle_image_push(struct request *r)
{
    const struct registry_auth auth = request_registry_auth(r);
    const char *platform;
    struct image_job *job = NULL;
    struct transfer *t;

    if (reply_failed(r, image_platform_of_json(r->arena, request_param(r, "platform"), &platform)))
        return;
    t = transfer_create(r);
    reply_failed(r, image_push(parts_of(r)->images, request_arg(r, 0), request_param(r, "tag"),
                               platform, &auth, on_progress, on_done, t, &job));
    request_job_begun(&t->of, job);
}

/* ---- import, load ---- */

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

static void import(struct request *r)
{
    struct image_import import = {
        .repo = or_null(request_param(r, "repo")),
        .tag = or_null(request_param(r, "tag")),
        .message = or_null(request_param(r, "message")),
        .changes = query_all(r->arena, &r->query, "changes"),
        .platform = or_null(request_param(r, "platform")),
    };
    struct transfer *t;
    int fd = -1;

    if (strcmp(request_param(r, "fromSrc"), "-") != 0)
        import.url = request_param(r, "fromSrc");
    else if (reply_failed(r, request_body_pipe(r, &fd)))
        return;
    t = transfer_create(r);
    request_job_begun(&t->of,
                      image_import(parts_of(r)->images, fd, &import, on_progress, on_done, t));
}

void handle_image_create(struct request *r)
{
    if (*request_param(r, "fromImage"))
        pull(r);
    else if (*request_param(r, "fromSrc"))
        import(r);
    else
        reply_err(r, err_new(ERR_INVALID, "fromImage or fromSrc is needed"));
}

void handle_image_load(struct request *r)
{
    struct transfer *t;
    const char *platform;
    int fd;

    if (reply_failed(r,
                     image_platform_of_json(r->arena, request_param(r, "platform"), &platform)) ||
        reply_failed(r, request_body_pipe(r, &fd)))
        return;
    t = transfer_create(r);
    t->tells_errors_in_stream = true;
    request_job_begun(&t->of, image_load(parts_of(r)->images, fd, query_is_true(&r->query, "quiet"),
                                         platform, on_progress, on_done, t));
}
