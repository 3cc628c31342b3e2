/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readiness of foreign fds over uv_poll_t. Loop thread. libuv (1.44) stops a poll
 * and reports EBADF when the kernel says POLLERR (a pipe without readers, a
 * reset socket): we report what is watched instead and go on, so that the owner
 * meets the error in its own read or write, as with plain epoll.
 */
#include "base/log.h"

#include "loop_inner.h"

struct watch {
    uv_poll_t poll;
    struct loop *loop;
    int fd;
    int events;     /* UV_…, what is waited for; 0: paused */
    bool is_closed; /* libuv frees the memory later (on_closed) */
    watch_fn fn;
    void *arg;
    const char *name;
};

/* Whether the fd was watched before. */
static bool mark_fd(struct loop *l, int fd, bool is_watched)
{
    size_t byte = (size_t)fd / 8;
    uint8_t bit = (uint8_t)(1u << (fd % 8));
    bool was;

    if (byte >= l->watched_size) {
        size_t size = byte + 64;

        l->watched = mem_resize(l->watched, l->watched_size, size);
        l->watched_size = size;
    }
    was = l->watched[byte] & bit;
    l->watched[byte] = is_watched ? l->watched[byte] | bit : l->watched[byte] & (uint8_t)~bit;
    return was;
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void start(struct watch *w)
{
    int r = uv_poll_start(&w->poll, w->events, on_ready);

    ASSERT(r == 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = container_of(poll, struct watch, poll);

    ASSERT(!w->is_closed && w->events); /* uv_poll_stop drops what epoll has reported already */
    turn_enter(w->loop, w->name, NULL);
    if (status < 0) {
        events = w->events;
        start(w);
    }
    w->fn(w->arg, events);
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct watch, poll));
}

struct watch *watch_open_as(struct loop *l, const char *name, int fd, int events, watch_fn fn,
                            void *arg)
{
    struct watch *w;
    int r;

    ASSERT_LOOP();
    ASSERT(fd >= 0);
    ASSERT(!mark_fd(l, fd, true));
    w = mem_new(struct watch);
    w->loop = l;
    w->fd = fd;
    w->fn = fn;
    w->arg = arg;
    w->name = name;
    l->n_watches++;
    r = uv_poll_init(&l->uv, &w->poll, fd);
    if (r < 0)
        log_error("cannot watch a file descriptor", KV_INT("fd", fd), KV("error", uv_strerror(r)));
    ASSERT(r == 0); /* closed, or of a kind that epoll refuses: a bug of the caller */
    watch_set(w, events);
    return w;
}

void watch_set(struct watch *w, int events)
{
    ASSERT_LOOP();
    ASSERT(!w->is_closed);
    if (events == w->events)
        return;
    w->events = events;
    if (events)
        start(w);
    else
        uv_poll_stop(&w->poll);
}

void watch_close(struct watch *w)
{
    ASSERT_LOOP();
    if (!w)
        return;
    ASSERT(!w->is_closed);
    w->is_closed = true;
    /* Takes the fd out of epoll now: the caller may close it, another process may share it. */
    uv_poll_stop(&w->poll);
    ASSERT(mark_fd(w->loop, w->fd, false));
    ASSERT(w->loop->n_watches > 0);
    w->loop->n_watches--;
    uv_close((uv_handle_t *)&w->poll, on_closed);
}
