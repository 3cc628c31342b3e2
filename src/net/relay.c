/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One proxied TCP connection: two directions, each spliced through a pipe that is held
 * only while bytes are in it, so an idle connection costs two fds. A reader is watched
 * only while its pipe is empty: that is the backpressure. The end of one direction is
 * passed on with shutdown; the relay ends with both, or with the first error.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy.h"

#define CHUNK 65536
#define ROUNDS_MAX 8 /* of a direction, then the loop's other work has a turn */

struct direction {
    int pipe[2];
    size_t in_pipe;
    bool is_ended; /* the reader has seen EOF */
    bool is_passed_on;
    bool waits_for_fds;
};
struct relay {
    struct list link;
    struct proxy_listener *listener;
    int fd[2]; /* client, container */
    struct watch *watch[2];
    struct direction dir[2]; /* dir[i] reads fd[i] */
    bool is_connecting;
    struct timer retry; /* no fds for a pipe */
};

static void relay_close(struct relay *r)
{
    struct proxy *p = r->listener->proxy;

    timer_clear(p->net->loop, &r->retry);
    for (int i = 0; i < 2; i++) {
        watch_close(r->watch[i]);
        if (r->fd[i] >= 0)
            close(r->fd[i]);
        if (r->dir[i].pipe[0] >= 0)
            proxy_give_pipe(p, r->dir[i].pipe, r->dir[i].in_pipe == 0);
    }
    p->n_fds -= 2;
    list_remove(&r->link);
    free(r);
}

void relays_close(struct proxy_listener *l)
{
    list_each (r, &l->relays, struct relay, link)
        relay_close(r);
}

enum moved { MOVED, BLOCKED, FAILED };

static enum moved fill_pipe(struct relay *r, int i)
{
    struct direction *d = &r->dir[i];
    ssize_t n;

    if (d->pipe[0] < 0 && !proxy_take_pipe(r->listener->proxy, d->pipe)) {
        d->waits_for_fds = true;
        return BLOCKED;
    }
    n = splice(r->fd[i], NULL, d->pipe[1], NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        d->in_pipe = (size_t)n;
        return MOVED;
    }
    if (n == 0) {
        d->is_ended = true;
        return MOVED;
    }
    return errno == EAGAIN || errno == EINTR ? BLOCKED : FAILED;
}

static enum moved empty_pipe(struct relay *r, int i)
{
    struct direction *d = &r->dir[i];
    ssize_t n =
        splice(d->pipe[0], NULL, r->fd[!i], NULL, d->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? BLOCKED : FAILED;
    d->in_pipe -= (size_t)n;
    return MOVED;
}

static enum moved pump(struct relay *r, int i)
{
    struct direction *d = &r->dir[i];
    enum moved m = MOVED;

    for (int round = 0; round < ROUNDS_MAX && m == MOVED; round++) {
        if (d->in_pipe)
            m = empty_pipe(r, i);
        else if (!d->is_ended)
            m = fill_pipe(r, i);
        else
            break;
    }
    if (d->is_ended && !d->in_pipe && !d->is_passed_on) {
        shutdown(r->fd[!i], SHUT_WR);
        d->is_passed_on = true;
    }
    if (d->pipe[0] >= 0 && !d->in_pipe)
        proxy_give_pipe(r->listener->proxy, d->pipe, true);
    return m;
}

static void watch_both(struct relay *r);

static void on_retry(struct timer *t)
{
    struct relay *r = container_of(t, struct relay, retry);

    r->dir[0].waits_for_fds = r->dir[1].waits_for_fds = false;
    watch_both(r);
}

static void watch_both(struct relay *r)
{
    for (int i = 0; i < 2; i++) {
        bool reads = !r->dir[i].is_ended && !r->dir[i].in_pipe && !r->dir[i].waits_for_fds;
        bool writes = r->dir[!i].in_pipe > 0;

        if (r->dir[i].waits_for_fds && !r->retry.due_ns)
            timer_set(r->listener->proxy->net->loop, &r->retry, 100, on_retry);
        watch_set(r->watch[i], (reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0));
    }
}

static bool is_connected(struct relay *r)
{
    int sys = 0;
    socklen_t len = sizeof(sys);

    return getsockopt(r->fd[1], SOL_SOCKET, SO_ERROR, &sys, &len) == 0 && !sys;
}

static void go_on(struct relay *r)
{
    if (pump(r, 0) == FAILED || pump(r, 1) == FAILED ||
        (r->dir[0].is_passed_on && r->dir[1].is_passed_on))
        relay_close(r);
    else
        watch_both(r);
}

static void on_ready(void *arg, int events)
{
    struct relay *r = arg;

    (void)events;
    if (r->is_connecting) {
        if (!is_connected(r)) {
            relay_close(r);
            return;
        }
        r->is_connecting = false;
    }
    go_on(r);
}

static int open_server(const struct port_map *m, const struct sockaddr_storage *client)
{
    struct sockaddr_storage addr;
    socklen_t len = proxy_target(m, client, &addr);
    int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (void *)&addr, len) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

void relay_start(struct proxy_listener *l, int client, const struct sockaddr_storage *from)
{
    int server = open_server(&l->map, from);
    int on = 1;
    struct relay *r;

    if (server < 0) {
        close(client);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    r = mem_new(struct relay);
    r->listener = l;
    r->fd[0] = client;
    r->fd[1] = server;
    r->is_connecting = true;
    for (int i = 0; i < 2; i++)
        r->dir[i].pipe[0] = r->dir[i].pipe[1] = -1;
    l->proxy->n_fds += 2;
    list_append(&l->relays, &r->link);
    r->watch[0] = watch_open(l->proxy->net->loop, client, 0, on_ready, r);
    r->watch[1] = watch_open(l->proxy->net->loop, server, UV_WRITABLE, on_ready, r);
}
