/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl → a pipe → a worker. What the pipe does not take is refused, and comes again: no byte is
 * kept here. The read end is open as long as the source, so no write meets a pipe without a reader
 * (SIGPIPE).
 * Trap: the end of a pipe says nothing of why. Who has read to it asks url_source_failure, which is
 * set before the end.
 */
#include "url_source.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#include "registry_endpoint.h"

struct url_source {
    struct loop *loop;
    struct web *web;
    struct web_call *call; /* NULL: over */
    char *url;
    int write_fd; /* -1: ended */
    struct watch *watch;
    size_t skip; /* of what comes again: it is in the pipe */
    bool has_begun;
    void (*began)(void *ctx);
    void *ctx;
    pthread_mutex_t lock;
    struct err *failure; /* locked */
};

struct err *url_source_address(struct arena *a, const char *text, char **out)
{
    const char *rest = strstr(text, "://"), *host;

    if (!rest)
        text = arena_printf(a, "http://%s", text);
    else if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
        return err_new(ERR_INVALID, "unsupported protocol scheme \"%.*s\"",
                       (int)(rest - text < 100 ? rest - text : 100), text);
    host = strstr(text, "://") + 3;
    if (!host[strspn(host, "/?#")] || strchr("/?#", *host))
        return err_new(ERR_INVALID, "no host in \"%.200s\"", text);
    *out = arena_strdup(a, text);
    return NULL;
}

/* Whose errors come first is told. Takes e. */
static void end_with(struct url_source *s, struct err *e)
{
    watch_close(steal_ptr(&s->watch));
    pthread_mutex_lock(&s->lock);
    if (s->failure)
        err_drop(e);
    else
        s->failure = e;
    pthread_mutex_unlock(&s->lock);
    if (s->write_fd >= 0)
        close(steal_fd(&s->write_fd));
}

static struct err *refusal(const struct url_source *s, int status)
{
    static const struct {
        int status;
        enum err_kind kind;
    } kinds[] = {{401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN}, {404, ERR_NOT_FOUND}};
    enum err_kind kind = status < 500 ? ERR_INVALID : ERR_INTERNAL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].status == status)
            kind = kinds[i].kind;
    return err_new(kind, "failed to GET %s with status %d", s->url, status);
}

static void on_writable(void *arg, int events)
{
    struct url_source *s = arg;

    (void)events;
    watch_set(s->watch, 0);
    if (s->call)
        web_resume(s->call);
}

static void wait_for_room(struct url_source *s)
{
    if (s->watch)
        watch_set(s->watch, UV_WRITABLE);
    else
        s->watch = watch_open(s->loop, s->write_fd, UV_WRITABLE, on_writable, s);
}

static enum web_verdict on_body(void *ctx, const struct web_reply *r, const void *p, size_t n)
{
    struct url_source *s = ctx;
    size_t done = s->skip < n ? s->skip : n;

    if (r->status >= 400 || s->write_fd < 0)
        return WEB_STOP;
    if (!s->has_begun)
        s->began(s->ctx);
    s->has_begun = true;
    s->skip -= done;
    while (done < n) {
        ssize_t w = write(s->write_fd, (const char *)p + done, n - done);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) { /* EAGAIN: there is nothing else while the read end is open */
            s->skip = done;
            wait_for_room(s);
            return WEB_PAUSE;
        }
        done += (size_t)w;
    }
    return WEB_TAKEN;
}

static void on_end(void *ctx, const struct web_reply *r, struct err *err)
{
    struct url_source *s = ctx;

    s->call = NULL;
    if (r->status >= 400) {
        err_drop(err);
        err = refusal(s, r->status);
    }
    end_with(s, err);
}

struct err *url_source_open(struct loop *l, struct pools *pools, const char *url,
                            void (*began)(void *ctx), void *ctx, int *out_fd,
                            struct url_source **out)
{
    static const struct web_handler handler = {on_body, NULL, on_end};
    const char *host = strstr(url, "://") + 3;
    autofree char *domain = mem_printf("%.*s", (int)strcspn(host, "/?#"), host);
    struct web_request request = {.url = url, .is_loopback = domain_is_loopback(domain)};
    struct url_source *s;
    int fds[2];
    struct err *e;

    ASSERT_LOOP();
    TRY(fd_pipe(fds, 0));
    e = fd_set_nonblock(fds[1]);
    if (e) {
        close(fds[0]);
        close(fds[1]);
        return e;
    }
    s = mem_new(struct url_source);
    pthread_mutex_init(&s->lock, NULL);
    s->loop = l;
    s->url = mem_strdup(url);
    s->write_fd = fds[1];
    s->began = began;
    s->ctx = ctx;
    s->web = web_create(l, pools);
    s->call = web_start(s->web, &request, &handler, s);
    *out_fd = fds[0];
    *out = s;
    return NULL;
}

struct err *url_source_failure(struct url_source *s)
{
    struct err *e;

    pthread_mutex_lock(&s->lock);
    e = err_copy(s->failure);
    pthread_mutex_unlock(&s->lock);
    return e;
}

void url_source_stop(struct url_source *s)
{
    if (!s || s->write_fd < 0)
        return;
    web_cancel(steal_ptr(&s->call));
    end_with(s, err_new(ERR_CANCELLED, "the client is gone"));
}

void url_source_destroy(struct url_source *s)
{
    if (!s)
        return;
    url_source_stop(s);
    web_destroy(s->web);
    err_drop(s->failure);
    pthread_mutex_destroy(&s->lock);
    free(s->url);
    free(s);
}
