/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP through the proxy: a flow is one client address with a connected socket towards
 * the container. Answers leave from the published socket, so the client sees the port it
 * wrote to. Flows end after 90 s of silence; at the bound the longest silent one makes
 * room. Loop.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#include "proxy.h"

#define FLOWS_MAX 512
#define IDLE_NS (90 * NS_PER_S)
#define EXPIRY_MS 15000
#define DATAGRAMS_AT_ONCE 32
#define DATAGRAM_MAX 65536

struct flow {
    struct list link;
    struct proxy_listener *listener;
    struct sockaddr_storage client;
    socklen_t client_len;
    int fd;
    struct watch *watch;
    int64_t used_ns;
};

static void flow_close(struct flow *f)
{
    watch_close(f->watch);
    close(f->fd);
    f->listener->n_flows--;
    f->listener->proxy->n_fds--;
    list_remove(&f->link);
    free(f);
}

void flows_close(struct proxy_listener *l)
{
    list_each (f, &l->flows, struct flow, link)
        flow_close(f);
}

static void touch(struct flow *f)
{
    f->used_ns = clock_boot_ns();
    list_remove(&f->link);
    list_append(&f->listener->flows, &f->link);
}

static void on_answer(void *arg, int events)
{
    struct flow *f = arg;
    unwritten char buf[DATAGRAM_MAX];

    (void)events;
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        ssize_t n = recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT);

        if (n < 0 && errno == ECONNREFUSED)
            continue; /* the container's port is closed; UDP has nothing to say */
        if (n < 0)
            return;
        touch(f);
        if (sendto(f->listener->fd, buf, (size_t)n, MSG_DONTWAIT, (void *)&f->client,
                   f->client_len) < 0)
            continue; /* lost, as datagrams may be */
    }
}

static struct flow *flow_open(struct proxy_listener *l, const struct sockaddr_storage *client,
                              socklen_t len)
{
    struct sockaddr_storage addr;
    socklen_t addr_len = proxy_target(&l->map, client, &addr);
    struct flow *f;
    int fd;

    if (l->n_flows >= FLOWS_MAX || l->proxy->n_fds >= l->proxy->max_fds) {
        struct flow *oldest = list_first(&l->flows, struct flow, link);
        if (!oldest)
            return NULL;
        flow_close(oldest);
    }
    fd = socket(addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    if (connect(fd, (void *)&addr, addr_len) != 0) {
        close(fd);
        return NULL;
    }
    f = mem_new(struct flow);
    f->listener = l;
    f->client = *client;
    f->client_len = len;
    f->fd = fd;
    l->n_flows++;
    l->proxy->n_fds++;
    list_append(&l->flows, &f->link);
    f->watch = watch_open(l->proxy->net->loop, fd, UV_READABLE, on_answer, f);
    return f;
}

static struct flow *flow_find(struct proxy_listener *l, const struct sockaddr_storage *client,
                              socklen_t len)
{
    list_each (f, &l->flows, struct flow, link)
        if (f->client_len == len && !memcmp(&f->client, client, len))
            return f;
    return NULL;
}

static void on_expiry(struct timer *t)
{
    struct proxy_listener *l = container_of(t, struct proxy_listener, expiry);
    int64_t now = clock_boot_ns();

    list_each (f, &l->flows, struct flow, link)
        if (now - f->used_ns > IDLE_NS)
            flow_close(f);
    if (!list_is_empty(&l->flows))
        timer_set(l->proxy->net->loop, t, EXPIRY_MS, on_expiry);
}

void on_datagram(struct proxy_listener *l)
{
    unwritten char buf[DATAGRAM_MAX];

    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        struct sockaddr_storage client = {0};
        socklen_t len = sizeof(client);
        ssize_t n = recvfrom(l->fd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&client, &len);
        struct flow *f;

        if (n < 0)
            return;
        f = flow_find(l, &client, len);
        if (!f)
            f = flow_open(l, &client, len);
        if (!f)
            continue;
        touch(f);
        if (send(f->fd, buf, (size_t)n, MSG_DONTWAIT) < 0)
            continue;
        if (!l->expiry.due_ns)
            timer_set(l->proxy->net->loop, &l->expiry, EXPIRY_MS, on_expiry);
    }
}
