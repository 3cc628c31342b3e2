/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts on published ports what the kernel's translation does not catch: connections
 * from the host itself, over loopback and IPv6. One loop, no process per port. Accepting
 * is by hand because libuv answers EMFILE by accepting and closing: here a listener that
 * meets the fd budget pauses, and the kernel's backlog holds the clients.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"

#define PAUSE_MS 100
#define ACCEPTS_AT_ONCE 32

/* A quarter of what the process may have: containers' streams come first. */
static int fd_budget(void)
{
    struct rlimit lim = {.rlim_cur = 1024};

    getrlimit(RLIMIT_NOFILE, &lim);
    return lim.rlim_cur > 400000 ? 100000 : (int)(lim.rlim_cur / 4);
}

struct proxy *proxy_create(struct net *n, int epoll)
{
    struct proxy *p = mem_new(struct proxy);

    p->net = n;
    p->max_fds = fd_budget();
    list_init(&p->listeners);
    p->epoll = epoll;
    p->watch = watch_open(n->loop, p->epoll, UV_READABLE, relays_ready, p);
    return p;
}

void proxy_destroy(struct proxy *p)
{
    if (!p)
        return;
    ASSERT(list_is_empty(&p->listeners));
    watch_close(p->watch);
    close(p->epoll);
    for (int i = 0; i < p->n_pipes; i++) {
        close(p->pipes[i][0]);
        close(p->pipes[i][1]);
    }
    free(p);
}

/* Pipes are kept empty for the next connection: making one is two system calls and two
 * descriptors. */
bool proxy_take_pipe(struct proxy *p, int out[2])
{
    ASSERT(p->n_pipes >= 0 && p->n_pipes <= (int)ARRAY_LEN(p->pipes));
    if (p->n_pipes) {
        p->n_pipes--;
        out[0] = p->pipes[p->n_pipes][0];
        out[1] = p->pipes[p->n_pipes][1];
        return true;
    }
    return pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0;
}

/* One that still has bytes of a broken connection must not be another's. */
void proxy_give_pipe(struct proxy *p, int pipe[2], bool is_empty)
{
    if (is_empty && p->n_pipes < (int)ARRAY_LEN(p->pipes)) {
        p->pipes[p->n_pipes][0] = pipe[0];
        p->pipes[p->n_pipes++][1] = pipe[1];
    } else {
        close(pipe[0]);
        close(pipe[1]);
    }
    pipe[0] = pipe[1] = -1;
}

/* One socket takes both families: an IPv4 client shows as ::ffff:a.b.c.d. */
static bool is_v6_client(const struct sockaddr_storage *client)
{
    const struct sockaddr_in6 *v6 = (const void *)client;

    return client->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
}

/* A client of IPv6 goes to the container's IPv6 address, if it has one. */
socklen_t proxy_target(const struct port_map *m, const struct sockaddr_storage *client,
                       struct sockaddr_storage *out)
{
    static const uint8_t none[16];
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;
    bool has_v6 = memcmp(m->addr6, none, sizeof(none)) != 0;

    memset(out, 0, sizeof(*out));
    if (has_v6 && (!m->addr || is_v6_client(client))) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(m->port);
        memcpy(&v6->sin6_addr, m->addr6, sizeof(m->addr6));
        return sizeof(*v6);
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons(m->port);
    v4->sin_addr.s_addr = htonl(m->addr);
    return sizeof(*v4);
}

static void set_accepting(struct proxy_listener *l, bool is_on)
{
    struct epoll_event event = {.events = is_on ? EPOLLIN : 0, .data.u64 = l->tag};

    ASSERT(l->fd >= 0);
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->fd, &event);
}

static void end_pause(struct timer *t)
{
    struct proxy_listener *l = container_of(t, struct proxy_listener, pause);

    set_accepting(l, true);
}

static void pause_accepting(struct proxy_listener *l)
{
    set_accepting(l, false);
    timer_set(l->proxy->net->loop, &l->pause, PAUSE_MS, end_pause);
}

/* accept(2): the connection stays in the backlog. */
static bool is_out_of_fds(int sys)
{
    return sys == EMFILE || sys == ENFILE || sys == ENOBUFS || sys == ENOMEM;
}

static void on_connection(struct proxy_listener *l)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        if (l->proxy->n_fds + 2 > l->proxy->max_fds) {
            pause_accepting(l);
            return;
        }
        struct sockaddr_storage client;
        socklen_t len = sizeof(client);
        int fd = accept4(l->fd, (void *)&client, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            relay_start(l, fd, &client);
            continue;
        }
        if (is_out_of_fds(errno))
            pause_accepting(l);
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

void proxy_listener_ready(struct proxy_listener *l)
{
    if (l->map.proto == PORT_UDP)
        on_datagram(l);
    else
        on_connection(l);
}

struct proxy_listener *proxy_listen(struct proxy *p, int fd, const struct port_map *m, int epoll,
                                    size_t tag)
{
    struct proxy_listener *l = mem_new(struct proxy_listener);

    ASSERT_LOOP();
    ASSERT(fd >= 0 && epoll >= 0);
    l->proxy = p;
    l->map = *m;
    l->fd = fd;
    l->epoll = epoll;
    l->tag = tag;
    list_init(&l->relays);
    list_init(&l->flows);
    list_append(&p->listeners, &l->link);
    return l;
}

void proxy_listener_close(struct proxy_listener *l)
{
    if (!l)
        return;
    if (l->pause.due_ns)
        set_accepting(l, true); /* whoever serves the socket next must see its clients */
    timer_clear(l->proxy->net->loop, &l->pause);
    timer_clear(l->proxy->net->loop, &l->expiry);
    relays_close(l);
    flows_close(l);
    list_remove(&l->link);
    free(l);
}
