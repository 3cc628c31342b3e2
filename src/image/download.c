/* SPDX-License-Identifier: Apache-2.0 */
/* What the pipe does not take is refused, and comes again: no byte is kept here. */
#include "image/download.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/text.h"
#include "core/loop.h"

#include "registry_endpoint.h"
#include "web.h"

struct download {
    struct loop *loop;
    struct web *web;
    struct web_call *call;
    int fd;
    struct watch *watch; /* of fd; NULL: it was never full */
    size_t skip;         /* of what comes again: it is in the pipe */
    bool has_begun;
    char *url;
    const struct download_handler *handler;
    void *ctx;
};

static void free_download(struct download *d)
{
    watch_close(d->watch);
    close(d->fd);
    web_destroy(d->web);
    free(d->url);
    free(d);
}

static void on_room(void *arg, int events)
{
    struct download *d = arg;

    (void)events;
    watch_set(d->watch, 0);
    web_resume(d->call);
}

static void wait_for_room(struct download *d)
{
    if (d->watch)
        watch_set(d->watch, UV_WRITABLE);
    else
        d->watch = watch_open(d->loop, d->fd, UV_WRITABLE, on_room, d);
}

static bool is_refusal(const struct web_reply *r)
{
    return r->status < 200 || r->status > 299;
}

static enum web_verdict on_body(void *ctx, const struct web_reply *r, const void *p, size_t n)
{
    struct download *d = ctx;
    size_t done = d->skip < n ? d->skip : n;

    if (is_refusal(r))
        return WEB_STOP;
    if (!d->has_begun && d->handler->began)
        d->handler->began(d->ctx);
    d->has_begun = true;
    d->skip -= done;
    while (done < n) {
        ssize_t w = write(d->fd, (const char *)p + done, n - done);

        if (w < 0 && errno != EAGAIN)
            return WEB_STOP; /* nobody reads any more */
        if (w < 0) {
            d->skip = done;
            wait_for_room(d);
            return WEB_PAUSE;
        }
        done += (size_t)w;
    }
    return WEB_TAKEN;
}

static struct err *refusal(const char *url, int status)
{
    static const struct {
        int status;
        enum err_kind kind;
    } kinds[] = {{401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN}, {404, ERR_NOT_FOUND}};
    enum err_kind kind = status < 500 ? ERR_INVALID : ERR_INTERNAL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].status == status)
            kind = kinds[i].kind;
    return err_new(kind, "failed to GET %s with status %d", url, status);
}

/* filename="x" or filename=x of Content-Disposition, the last part alone. */
static char *name_said(const char *disposition)
{
    const char *at = disposition ? strcasestr(disposition, "filename=") : NULL;
    autofree char *value = at ? mem_strdup(at + strlen("filename=")) : NULL;
    char *name = value, *slash;

    if (!value)
        return NULL;
    if (*name == '"')
        name++;
    name[strcspn(name, "\";")] = '\0';
    slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    return *name && strcmp(name, ".") && strcmp(name, "..") ? mem_strdup(name) : NULL;
}

static void on_end(void *ctx, const struct web_reply *r, struct err *err)
{
    struct download *d = ctx;
    autofree char *name = name_said(r->content_disposition);
    struct download_result result = {
        .file_name = name,
        .modified_s = r->last_modified ? curl_getdate(r->last_modified, NULL) : -1,
    };

    d->call = NULL;
    if (r->status >= 400 || (!err && is_refusal(r))) {
        err_drop(err);
        err = refusal(d->url, r->status);
    }
    d->handler->done(d->ctx, err, &result);
    free_download(d);
}

struct download *download_start(struct loop *l, struct pools *p, const char *url, int fd,
                                const struct download_handler *handler, void *ctx)
{
    static const struct web_handler to_pipe = {.body = on_body, .end = on_end};
    const char *host = strstr(url, "://") + 3;
    autofree char *domain = mem_printf("%.*s", (int)strcspn(host, "/?#"), host);
    struct download *d = mem_new(struct download);
    struct web_request request = {.is_loopback = domain_is_loopback(domain)};

    ASSERT_LOOP();
    d->loop = l;
    d->web = web_create(l, p);
    d->fd = fd;
    d->url = mem_strdup(url);
    d->handler = handler;
    d->ctx = ctx;
    request.url = d->url;
    d->call = web_start(d->web, &request, &to_pipe, d);
    return d;
}

void download_cancel(struct download *d)
{
    free_download(d);
}
