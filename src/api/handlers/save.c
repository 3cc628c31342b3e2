/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker save: GET /images/get and /images/{name}/get. An error in front of the first byte is an
 * HTTP error; later the answer breaks off. Loop thread.
 */
#include "view/save.h"
#include "image/image.h"

#include "api.h"
#include "conn.h"

#define TYPE_TAR "application/x-tar"

struct saving {
    struct request *request;
    struct reply_sink sink;
    struct images_save *save; /* NULL before it began, and when it is over */
    bool is_over;
};

static void on_begin(void *ctx)
{
    reply_begin(((struct saving *)ctx)->request, 200, TYPE_TAR);
}

static void on_sent(void *ctx, struct err *err)
{
    struct saving *s = ctx;

    s->is_over = true;
    s->save = NULL;
    reply_sink_finish(&s->sink, err);
}

static void on_reader_gone(void *ctx)
{
    struct saving *s = ctx;

    if (s->save)
        images_save_cancel(s->save);
}

static void save(struct request *r, const struct strs *names)
{
    struct saving *s = arena_new(r->arena, struct saving);
    const char *platform;
    struct images_save *begun;

    if (reply_failed(r, image_platform_of_json(r->arena, request_param(r, "platform"), &platform)))
        return;
    s->request = request_ref(r); /* until the saving has begun */
    reply_sink_init(&s->sink, r, TYPE_TAR);
    request_on_gone(r, on_reader_gone, s);
    begun = images_save(parts_of(r), names, platform, &s->sink.sink, on_begin, on_sent, s);
    if (!s->is_over)
        s->save = begun;
    request_unref(r);
}

void handle_images_get(struct request *r)
{
    struct strs names = query_all(r->arena, &r->query, "names");

    save(r, &names);
}

void handle_image_get(struct request *r)
{
    struct strs names = {0};

    strs_add(r->arena, &names, request_arg(r, 0));
    save(r, &names);
}
