/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A download for a worker. The read end of the pipe is open as long as the source.
 * Trap: the end of a pipe says nothing of why. Who has read to it asks url_source_failure, which is
 * set before the end.
 */
#include "url_source.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/download.h"

struct url_source {
    struct download *download; /* NULL: over */
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

static void set_failure(struct url_source *s, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    s->failure = e;
    pthread_mutex_unlock(&s->lock);
}

static void on_begun(void *ctx)
{
    struct url_source *s = ctx;

    s->began(s->ctx);
}

static void on_done(void *ctx, struct err *err, const struct download_result *r)
{
    struct url_source *s = ctx;

    (void)r;
    s->download = NULL;
    set_failure(s, err);
}

struct err *url_source_open(struct loop *l, struct pools *pools, const char *url,
                            void (*began)(void *ctx), void *ctx, int *out_fd,
                            struct url_source **out)
{
    static const struct download_handler handler = {on_begun, on_done};
    struct url_source *s;
    int fds[2];

    ASSERT_LOOP();
    TRY(fd_pipe_to_worker(fds));
    s = mem_new(struct url_source);
    pthread_mutex_init(&s->lock, NULL);
    s->began = began;
    s->ctx = ctx;
    s->download = download_start(l, pools, url, fds[1], &handler, s);
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
    if (!s || !s->download)
        return;
    set_failure(s, err_new(ERR_CANCELLED, "the client is gone"));
    download_cancel(steal_ptr(&s->download));
}

void url_source_destroy(struct url_source *s)
{
    if (!s)
        return;
    url_source_stop(s);
    err_drop(s->failure);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
