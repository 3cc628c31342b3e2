/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a log server: looks its name up, connects, connects again, and takes one message at
 * a time. Loop thread; only a host's name is looked up by a worker. Trap: a server that hangs and
 * one that is absent look alike here: "later".
 */
#include "outlet.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define CONNECT_MS 10000
/* What a dying server takes with it, since TCP has acknowledged it; the kernel's own choice
 * (tcp_wmem, tcp(7)) would be megabytes. */
#define SEND_BUFFER (128 << 10)

struct outlet {
    struct loop *loop;
    struct pools *pools;
    struct outlet_target target;
    void (*ready)(void *ctx);
    void *ctx;
    int fd;
    struct watch *watch;
    size_t sent; /* of the message, over a stream */
    bool is_connecting, is_full, is_dead, is_stream, was_refused;
    struct timer timer;
    int retry_ms;
    struct job job; /* the look-up */
    bool job_runs;
    struct sockaddr_storage addr;
    socklen_t addr_n;
};

/* ---- the socket ---- */

static void disconnect(struct outlet *o)
{
    watch_close(o->watch);
    o->watch = NULL;
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
    o->is_connecting = o->is_full = false;
    o->sent = 0;
}

static void on_retry(struct timer *t)
{
    struct outlet *o = container_of(t, struct outlet, timer);

    o->ready(o->ctx);
}

/* Twice the time with each try, up to RETRY_MAX_MS; a message that is taken sets it back. */
static void retry_later(struct outlet *o, const char *what, int error)
{
    log_debug("a log server does not take lines", KV("server", o->target.host), KV("step", what),
              KV("error", strerror(error)));
    disconnect(o);
    timer_set(o->loop, &o->timer, o->retry_ms, on_retry);
    o->retry_ms = o->retry_ms * 2 < RETRY_MAX_MS ? o->retry_ms * 2 : RETRY_MAX_MS;
}

static void on_connect_timeout(struct timer *t)
{
    retry_later(container_of(t, struct outlet, timer), "connect", ETIMEDOUT);
}

static void on_writable(void *arg, int events)
{
    struct outlet *o = arg;
    int error = 0;
    socklen_t n = sizeof(error);

    ASSERT(o->fd >= 0 && !o->is_dead);
    (void)events;
    watch_set(o->watch, 0);
    o->is_full = false;
    if (o->is_connecting) {
        timer_clear(o->loop, &o->timer);
        o->is_connecting = false;
        if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &n) || error) {
            retry_later(o, "connect", error);
            return;
        }
    }
    o->ready(o->ctx);
}

static void await_writable(struct outlet *o)
{
    if (!o->watch)
        o->watch = watch_open(o->loop, o->fd, UV_WRITABLE, on_writable, o);
    else
        watch_set(o->watch, UV_WRITABLE);
}

/* Returns 0, EINPROGRESS or why not. */
static int open_socket(struct outlet *o, int type)
{
    ASSERT(o->fd < 0 && o->addr_n);
    o->is_stream = type == SOCK_STREAM;
    o->fd = socket(o->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (o->fd < 0)
        return errno;
    if (o->is_stream)
        setsockopt(o->fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
    if (!connect(o->fd, (struct sockaddr *)&o->addr, o->addr_n))
        return 0;
    return errno;
}

/* /dev/log is a datagram socket with systemd and rsyslog, a stream with others: connect(2) says
 * EPROTOTYPE for the wrong one. */
static bool connect_now(struct outlet *o)
{
    int error = open_socket(o, o->target.kind == TARGET_TCP ? SOCK_STREAM : SOCK_DGRAM);

    if (error == EPROTOTYPE && o->target.kind == TARGET_UNIX) {
        disconnect(o);
        error = open_socket(o, SOCK_STREAM);
    }
    if (error == EINPROGRESS) {
        o->is_connecting = true;
        await_writable(o);
        timer_set(o->loop, &o->timer, CONNECT_MS, on_connect_timeout);
    } else if (error) {
        retry_later(o, "connect", error);
    }
    return !error;
}

/* ---- where to ---- */

/* AI_NUMERICHOST: no name server is asked, so the loop may call it. */
static bool look_up(struct outlet *o, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *found;

    if (getaddrinfo(o->target.host, o->target.port, &hints, &found))
        return false;
    memcpy(&o->addr, found->ai_addr, found->ai_addrlen);
    o->addr_n = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void run_look_up(struct job *job)
{
    ASSERT_WORKER();
    look_up(container_of(job, struct outlet, job), AI_NUMERICSERV);
}

static void outlet_free(struct outlet *o)
{
    ASSERT(o->fd < 0 && !o->watch && !o->job_runs);
    free(o->target.host);
    free(o->target.port);
    free(o);
}

static void on_looked_up(struct job *job)
{
    struct outlet *o = container_of(job, struct outlet, job);

    ASSERT(o->job_runs);
    o->job_runs = false;
    if (o->is_dead)
        outlet_free(o);
    else if (!o->addr_n)
        retry_later(o, "look-up", EHOSTUNREACH);
    else
        o->ready(o->ctx);
}

/* False: later. */
static bool find_address(struct outlet *o)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&o->addr;

    if (o->addr_n)
        return true;
    if (o->target.kind == TARGET_UNIX) {
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof(un->sun_path), "%s", o->target.host);
        o->addr_n = sizeof(*un);
        return true;
    }
    if (look_up(o, AI_NUMERICHOST | AI_NUMERICSERV))
        return true;
    o->job_runs = true;
    o->job = (struct job){.run = run_look_up, .done = on_looked_up};
    pool_submit(o->pools, POOL_DISK, &o->job);
    return false;
}

/* ---- a message ---- */

/* A server that has closed its end takes one more message in silence: look before. */
static bool is_closed_there(const struct outlet *o)
{
    char byte;
    ssize_t n;

    if (!o->is_stream || o->sent)
        return false;
    n = recv(o->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static bool is_open(struct outlet *o)
{
    if (o->fd >= 0 && is_closed_there(o))
        disconnect(o);
    return o->fd >= 0 || connect_now(o);
}

static enum outlet_result after_error(struct outlet *o, int error)
{
    if (error == EMSGSIZE)
        return OUTLET_TOO_LONG;
    if (error == EAGAIN) {
        o->is_full = true;
        await_writable(o);
    } else {
        retry_later(o, "send", error);
    }
    return OUTLET_LATER;
}

enum outlet_result outlet_send(struct outlet *o, const char *p, size_t n)
{
    ASSERT_LOOP();
    ASSERT(n && o->sent <= n && !o->is_dead);
    if (o->job_runs || o->is_connecting || o->is_full || o->timer.due_ns || !find_address(o) ||
        !is_open(o))
        return OUTLET_LATER;
    for (;;) {
        ssize_t w = send(o->fd, p + o->sent, n - o->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == ECONNREFUSED && o->target.kind == TARGET_UDP) {
            /* An earlier datagram found nobody. This one was not sent and has a try of its own; it
             * may find nobody either, which UDP does not mind. */
            o->was_refused = !o->was_refused;
            if (!o->was_refused)
                return OUTLET_TAKEN;
            continue;
        }
        if (w < 0)
            return after_error(o, errno);
        o->was_refused = false;
        o->retry_ms = RETRY_MIN_MS;
        o->sent += (size_t)w;
        if (o->sent == n || !o->is_stream)
            break;
    }
    o->sent = 0;
    return OUTLET_TAKEN;
}

void outlet_close(struct outlet *o)
{
    timer_clear(o->loop, &o->timer);
    disconnect(o);
}

struct outlet *outlet_create(struct loop *l, struct pools *p, const struct outlet_target *target,
                             void (*ready)(void *ctx), void *ctx)
{
    struct outlet *o = mem_new(struct outlet);

    ASSERT_LOOP();
    o->loop = l;
    o->pools = p;
    o->target = *target;
    o->ready = ready;
    o->ctx = ctx;
    o->fd = -1;
    o->retry_ms = RETRY_MIN_MS;
    return o;
}

void outlet_destroy(struct outlet *o)
{
    if (!o)
        return;
    ASSERT(!o->is_dead);
    outlet_close(o);
    o->is_dead = true;
    if (!o->job_runs)
        outlet_free(o);
}
