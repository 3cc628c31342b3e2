/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published ports of one container: reserve (loop), bind (worker), serve (loop),
 * release (loop). A wildcard publish comes as two maps, IPv4 and IPv6, that share one
 * number: the second follows its leader, and as a rule shares its socket. The sockets hold
 * the ports against other programs for the container's life; a duplicate lives in the keeper.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/fd.h"

#include "ports_inner.h"
#include "rules.h"

#define FEW_PORTS 64
#define CLIENTS_AT_ONCE 64

const char *port_proto_text(enum port_proto proto)
{
    return proto == PORT_TCP ? "tcp" : proto == PORT_UDP ? "udp" : "sctp";
}

/* As Docker writes it: an IPv6 address in brackets. */
void port_host_text(const struct port_map *m, char out[64])
{
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(m->is_v6 ? AF_INET6 : AF_INET, m->host_ip, ip, sizeof(ip));
    snprintf(out, 64, m->is_v6 ? "[%s]:%u" : "%s:%u", ip, m->host_port);
}

static bool is_follower(const struct port_map *m, const struct port_map *before)
{
    return m->is_v6 && !before->is_v6 && !m->is_routed && !before->is_routed &&
           m->proto == before->proto && m->port == before->port &&
           m->host_port == before->host_port && m->host_port_end == before->host_port_end;
}

/* A follower is the IPv6 half of a publish on every address: it has the number of the map before
 * it. */
struct ports *ports_new(struct net *n, const struct port_map *maps, size_t count)
{
    struct ports *p = mem_alloc(sizeof(*p) + count * sizeof(p->e[0]));

    p->net = n;
    p->epoll = -1;
    p->n = count;
    for (size_t i = 0; i < count; i++) {
        p->e[i].map = maps[i];
        p->e[i].fd = -1;
        p->e[i].asked = maps[i].host_port;
        p->e[i].asked_end = maps[i].host_port_end;
        p->e[i].follows = i && is_follower(&maps[i], &maps[i - 1]);
    }
    list_append(&n->all_ports, &p->link);
    return p;
}

size_t ports_group_end(const struct ports *p, size_t first)
{
    size_t end = first + 1;

    ASSERT(first < p->n);
    while (end < p->n && p->e[end].follows)
        end++;
    return end;
}

/* ---- reserving ---- */

/* Many sockets must fit before the first is opened: a failure half way would meet whoever
 * needs a descriptor next. A fifth of what the process may have stays for the others. */
static struct err *expect_sockets(struct ports *p)
{
    struct rlimit limit = {0};
    size_t n = 0, room;

    for (size_t i = 0; i < p->n; i = ports_group_end(p, i))
        n += !p->e[i].map.is_routed;
    getrlimit(RLIMIT_NOFILE, &limit);
    room = limit.rlim_cur - limit.rlim_cur / 5;
    if (n > FEW_PORTS && fd_count() + p->net->n_expected + n > room)
        return err_new(ERR_UNAVAILABLE,
                       "publishing %zu ports needs as many file descriptors: the engine's limit "
                       "of %llu does not have them",
                       n, (unsigned long long)limit.rlim_cur);
    p->n_expected = n;
    p->net->n_expected += n;
    return NULL;
}

/* Loop: the sockets that were expected are open, or will not be. */
static void ports_expect_no_more(struct ports *p)
{
    ASSERT(p->net->n_expected >= p->n_expected);
    p->net->n_expected -= p->n_expected;
    p->n_expected = 0;
}

struct err *ports_reserve(struct net *n, struct port_map *maps, size_t count, struct ports **out)
{
    struct ports *p;
    struct err *e;

    ASSERT_LOOP();
    p = ports_new(n, maps, count);
    e = expect_sockets(p);
    if (!e)
        e = ports_reserve_all(p, maps);
    if (e) {
        ports_release(p);
        return e;
    }
    for (size_t i = 0; i < count; i++)
        maps[i].host_port = p->e[i].map.host_port;
    *out = p;
    return NULL;
}

/* ---- serving and the end: loop ---- */

/* The listener of the proxy is made with the first client: most published ports never see one of
 * the host's own. */
static void on_client(struct ports *p, struct published_port *e)
{
    if (e->fd < 0)
        return;
    if (!e->listener)
        e->listener = proxy_listen(p->net->proxy, e->fd, &e->map, p->epoll, (size_t)(e - p->e));
    proxy_listener_ready(e->listener);
}

static void on_clients(void *arg, int events)
{
    struct ports *p = arg;
    struct epoll_event ready[CLIENTS_AT_ONCE];
    int n = epoll_wait(p->epoll, ready, ARRAY_LEN(ready), 0);

    (void)events;
    for (int i = 0; i < n; i++)
        on_client(p, &p->e[ready[i].data.u64]);
}

void ports_serve(struct ports *p)
{
    ASSERT_LOOP();
    ports_expect_no_more(p);
    if (p->epoll >= 0 && !p->watch)
        p->watch = watch_open(p->net->loop, p->epoll, UV_READABLE, on_clients, p);
}

/* The set goes before the sockets: one that the keeper shares would stay in it. */
static void stop_serving(struct ports *p)
{
    for (size_t i = 0; i < p->n; i++)
        proxy_listener_close(steal_ptr(&p->e[i].listener));
    watch_close(steal_ptr(&p->watch));
    if (p->epoll >= 0)
        close(steal_fd(&p->epoll));
}

void ports_release(struct ports *p)
{
    if (!p)
        return;
    ASSERT_LOOP();
    list_remove(&p->link);
    ports_expect_no_more(p);
    stop_serving(p);
    for (size_t i = 0; i < p->n; i++)
        if (p->e[i].is_applied)
            rules_forget_port(p->net, &p->e[i].map);
    ports_close_sockets(p, 0, p->n);
    pthread_mutex_lock(&p->net->lock);
    for (size_t i = 0; i < p->n; i++)
        port_table_give_back(&p->e[i].reservation);
    pthread_mutex_unlock(&p->net->lock);
    free(p);
}

size_t ports_count(const struct ports *p)
{
    return p ? p->n : 0;
}

bool ports_are_bound(const struct ports *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (published_wants_socket(&p->e[i]))
            return false;
    return true;
}

void ports_retarget(struct ports *p, uint32_t addr, const struct in6_addr *addr6)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < p->n; i++) {
        struct published_port *e = &p->e[i];

        if (e->map.addr == addr && !memcmp(e->map.addr6, addr6, sizeof(e->map.addr6)))
            continue;
        if (e->is_applied)
            rules_forget_port(p->net, &e->map);
        e->is_applied = false;
        e->map.addr = addr;
        memcpy(e->map.addr6, addr6, sizeof(e->map.addr6));
        proxy_listener_close(steal_ptr(&e->listener)); /* the next client makes another */
    }
    pthread_mutex_lock(&p->net->lock);
    p->net->ports_version++;
    pthread_mutex_unlock(&p->net->lock);
}

const struct port_map *ports_at(const struct ports *p, size_t i)
{
    return &p->e[i].map;
}

size_t ports_fds(const struct ports *p, int *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n && n < room; i++)
        if (p->e[i].fd >= 0)
            out[n++] = p->e[i].fd;
    return n;
}

static bool is_proxied(const struct port_map *m)
{
    return !m->is_routed && m->proto != PORT_SCTP;
}

void ports_each_rule(struct net *n,
                     void (*fn)(void *ctx, const struct port_map *m, bool *is_applied), void *ctx)
{
    if (n->publish_by_proxy)
        return;
    bool is_shut[2] = {n->userland_proxy && net_forward_is_shut(n, false),
                       n->userland_proxy && net_forward_is_shut(n, true)};
    list_each (p, &n->all_ports, struct ports, link) {
        pthread_mutex_lock(&n->lock); /* a worker may be dropping what it cannot bind */
        for (size_t i = 0; p->is_bound && i < p->n; i++) {
            struct published_port *e = &p->e[i];

            if (is_shut[e->map.is_v6] && is_proxied(&e->map))
                e->is_applied = false;
            else if (rules_want_port(&e->map))
                fn(ctx, &e->map, &e->is_applied);
        }
        pthread_mutex_unlock(&n->lock);
    }
}
