/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readiness of foreign fds over uv_poll_t. Loop thread. libuv (1.44) stops a poll
 * and reports EBADF when the kernel says POLLERR (a pipe without readers, a
 * reset socket): we report what is watched instead and go on, so that the owner
 * meets the error in its own read or write, as with plain epoll.
 *
 * The kernel may refuse to watch one fd more (fs.epoll.max_user_watches), and libuv aborts when it
 * does. So an fd is put into the epoll set here, before libuv does it, which takes EEXIST for an
 * answer; what is refused waits in a list and is tried again until the kernel takes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

#include "loop_inner.h"

#define RETRY_MS 100

struct watch {
    uv_poll_t poll;
    struct loop *loop;
    int fd;
    int events;      /* UV_…, what is waited for; 0: paused */
    bool is_known;   /* to libuv, which frees the memory of such a one later (on_closed) */
    bool is_refused; /* by the kernel: in the loop's list */
    bool is_closed;
    struct list link; /* of the refused */
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

/* ---- what the kernel refuses ---- */

static bool try_start(struct watch *w);

static void on_retry(struct timer *t)
{
    struct loop *l = container_of(t, struct loop, watch_retry);
    struct watch *w;

    while ((w = list_first(&l->refused, struct watch, link))) {
        if (!try_start(w)) {
            timer_set(l, &l->watch_retry, RETRY_MS, on_retry);
            return;
        }
        list_remove(&w->link);
        w->is_refused = false;
    }
    log_info("the kernel watches all file descriptors again");
}

/* An error that is not a lack of room is a bug of the caller: closed, or of a kind that epoll
 * refuses. */
static void wait_for_room(struct watch *w, int error)
{
    struct loop *l = w->loop;

    if (error != ENOSPC && error != ENOMEM)
        log_error("cannot watch a file descriptor", KV_INT("fd", w->fd),
                  KV("error", strerror(error)));
    ASSERT(error == ENOSPC || error == ENOMEM);
    if (w->is_refused)
        return;
    if (list_is_empty(&l->refused)) {
        log_warn("the kernel watches no more file descriptors for now, some clients and "
                 "containers wait: raise fs.epoll.max_user_watches",
                 KV_INT("watched", l->n_watches), KV("error", strerror(error)));
        timer_set(l, &l->watch_retry, RETRY_MS, on_retry);
    }
    w->is_refused = true;
    list_append(&l->refused, &w->link);
}

static void forget_refusal(struct watch *w)
{
    if (!w->is_refused)
        return;
    list_remove(&w->link);
    w->is_refused = false;
    if (list_is_empty(&w->loop->refused))
        timer_clear(w->loop, &w->loop->watch_retry);
}

/* ---- starting ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* 0, or the kernel's errno. */
static int make_known(struct watch *w)
{
    int r = w->is_known ? 0 : uv_poll_init(&w->loop->uv, &w->poll, w->fd);

    w->is_known = r == 0;
    return -r;
}

/* Into the set, for nothing yet: libuv says for what when it polls. */
static int put_into_set(struct watch *w)
{
    struct epoll_event nothing = {.data.fd = w->fd};

    return epoll_ctl(uv_backend_fd(&w->loop->uv), EPOLL_CTL_ADD, w->fd, &nothing) ? errno : 0;
}

static bool try_start(struct watch *w)
{
    int error = make_known(w);

    if (!error && w->events) {
        ASSERT(uv_poll_start(&w->poll, w->events, on_ready) ==
               0); /* makes no system call but DEL */
        error = put_into_set(w);
        if (error)
            uv_poll_stop(&w->poll);
    }
    if (error)
        wait_for_room(w, error);
    return !error;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = container_of(poll, struct watch, poll);

    ASSERT(!w->is_closed && w->events); /* uv_poll_stop drops what epoll has reported already */
    turn_enter(w->loop, w->name, NULL);
    if (status < 0) {
        events = w->events;
        try_start(w);
    }
    w->fn(w->arg, events);
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct watch, poll));
}

/* As uv_poll_init does it, which may have to wait. */
static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct watch *watch_open_as(struct loop *l, const char *name, int fd, int events, watch_fn fn,
                            void *arg)
{
    struct watch *w;

    ASSERT_LOOP();
    ASSERT(fd >= 0);
    ASSERT(!mark_fd(l, fd, true));
    w = mem_new(struct watch);
    w->loop = l;
    w->fd = fd;
    w->events = events;
    w->fn = fn;
    w->arg = arg;
    w->name = name;
    l->n_watches++;
    if (!try_start(w))
        set_nonblocking(fd);
    return w;
}

void watch_set(struct watch *w, int events)
{
    ASSERT_LOOP();
    ASSERT(!w->is_closed);
    if (events == w->events)
        return;
    w->events = events;
    if (events && !w->is_refused)
        try_start(w);
    else if (!events && w->is_known)
        uv_poll_stop(&w->poll);
}

void watch_close(struct watch *w)
{
    struct loop *l;

    ASSERT_LOOP();
    if (!w)
        return;
    ASSERT(!w->is_closed);
    l = w->loop;
    w->is_closed = true;
    forget_refusal(w);
    ASSERT(mark_fd(l, w->fd, false));
    ASSERT(l->n_watches > 0);
    l->n_watches--;
    if (!w->is_known) {
        free(w);
        return;
    }
    /* Takes the fd out of epoll now: the caller may close it, another process may share it. */
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
}
