/* SPDX-License-Identifier: Apache-2.0 */
#include "image/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/text.h"
#include "core/loop.h"

#include "web.h"

struct download {
    struct loop *loop;
    struct web *web;
    struct web_call *call;
    int fd;
    struct watch *watch; /* of fd, while something is left */
    struct buf left;     /* that the pipe has not taken yet */
    bool is_whole;       /* all has come */
    char *url, *file_name;
    int64_t modified_s;
    void (*done)(void *ctx, struct err *err, const struct download_result *r);
    void *ctx;
};

static void free_download(struct download *d)
{
    watch_close(d->watch);
    if (d->fd >= 0)
        close(d->fd);
    web_destroy(d->web);
    buf_finish(&d->left);
    free(d->file_name);
    free(d->url);
    free(d);
}

/* Writes what is kept. False: nobody reads any more. */
static bool write_left(struct download *d)
{
    while (d->left.len) {
        ssize_t n = write(d->fd, d->left.data, d->left.len);

        if (n < 0)
            return errno == EAGAIN;
        buf_drop_front(&d->left, (size_t)n);
    }
    return true;
}

static void end(struct download *d, struct err *err)
{
    struct download_result r = {.file_name = d->file_name, .modified_s = d->modified_s};

    d->done(d->ctx, err, &r);
    free_download(d);
}

static void on_room(void *arg, int events)
{
    struct download *d = arg;
    bool is_read = write_left(d);

    (void)events;
    if (is_read && d->left.len)
        return;
    watch_close(steal_ptr(&d->watch));
    if (d->is_whole)
        end(d, NULL);
    else
        web_resume(d->call); /* whose next piece fails when nobody reads */
}

static void keep(struct download *d, const char *p, size_t n)
{
    buf_add(&d->left, p, n);
    d->watch = watch_open(d->loop, d->fd, UV_WRITABLE, on_room, d);
}

/* What the pipe does not take is kept, once; the next piece is refused, and comes again. */
static enum web_verdict on_body(void *ctx, const struct web_reply *r, const void *p, size_t n)
{
    struct download *d = ctx;
    ssize_t done;

    if (r->status < 200 || r->status > 299)
        return WEB_TAKEN; /* a page about the failure */
    if (d->left.len)
        return WEB_PAUSE;
    done = write(d->fd, p, n);
    if (done < 0 && errno != EAGAIN)
        return WEB_STOP;
    done = done < 0 ? 0 : done;
    if ((size_t)done < n)
        keep(d, (const char *)p + done, n - (size_t)done);
    return WEB_TAKEN;
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

    d->call = NULL;
    if (!err && (r->status < 200 || r->status > 299))
        err = err_new(ERR_INVALID, "the server answers %d", r->status);
    if (err) {
        end(d, err_wrap(err, "Get \"%s\"", d->url));
        return;
    }
    d->file_name = name_said(r->content_disposition);
    d->modified_s = r->last_modified ? curl_getdate(r->last_modified, NULL) : -1;
    d->is_whole = true;
    if (!d->left.len)
        end(d, NULL);
}

struct download *
download_start(struct loop *l, struct pools *p, const char *url, int fd,
               void (*done)(void *ctx, struct err *err, const struct download_result *r), void *ctx)
{
    static const struct web_handler handler = {.body = on_body, .end = on_end};
    struct download *d = mem_new(struct download);

    ASSERT_LOOP();
    d->loop = l;
    d->web = web_create(l, p);
    d->fd = fd;
    d->url = mem_strdup(url);
    d->modified_s = -1;
    d->done = done;
    d->ctx = ctx;
    d->call = web_start(d->web, &(struct web_request){.url = d->url}, &handler, d);
    return d;
}

void download_cancel(struct download *d)
{
    free_download(d);
}
