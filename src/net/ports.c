/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published ports of one container: reserve (loop), bind (worker), serve (loop),
 * release (loop). A wildcard publish comes as two maps, IPv4 and IPv6, that share one
 * number: the second follows its leader. The sockets hold the ports against other
 * programs for the container's life; a duplicate lives in the keeper.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"

#include "inner.h"
#include "port_owner.h"
#include "rules.h"

#define BIND_TRIES 10
#define BACKLOG 4096

struct published {
    struct port_map map;
    struct reservation *reservation;
    struct proxy_listener *listener;
    int fd;                    /* -1: not bound, or nothing to bind (SCTP without the module) */
    uint16_t asked, asked_end; /* as the user gave them */
    bool follows;              /* shares the number of the entry before it */
    bool is_applied;           /* in the kernel's rules, or on its way */
};
struct ports {
    struct list link;
    struct net *net;
    bool is_bound; /* under the lock: set by a worker */
    size_t n;
    struct published e[];
};

static const char *proto_text(enum port_proto proto)
{
    return proto == PORT_TCP ? "tcp" : proto == PORT_UDP ? "udp" : "sctp";
}

/* "0.0.0.0:80", "[::]:80" */
static void host_text(const struct port_map *m, char out[64])
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

static struct ports *ports_new(struct net *n, const struct port_map *maps, size_t count)
{
    struct ports *p = mem_alloc(sizeof(*p) + count * sizeof(p->e[0]));

    p->net = n;
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

/* One past the last entry that shares the number of entry `first`. */
static size_t group_end(const struct ports *p, size_t first)
{
    size_t end = first + 1;

    while (end < p->n && p->e[end].follows)
        end++;
    return end;
}

/* ---- reserving: the lock is held ---- */

static bool group_is_free(struct ports *p, size_t first, uint16_t port)
{
    for (size_t i = first; i < group_end(p, first); i++)
        if (!port_table_is_free(p->net->ports, &p->e[i].map, port))
            return false;
    return true;
}

static void group_take(struct ports *p, size_t first, uint16_t port)
{
    for (size_t i = first; i < group_end(p, first); i++) {
        port_table_give_back(p->net->ports, p->e[i].reservation);
        p->e[i].map.host_port = port;
        p->e[i].reservation = port_table_take(p->net->ports, &p->e[i].map, port);
    }
}

static bool take_any(struct ports *p, size_t first)
{
    uint32_t tries = port_table_range(p->net->ports);

    while (tries--) {
        uint16_t port = port_table_next(p->net->ports);

        if (!group_is_free(p, first, port))
            continue;
        group_take(p, first, port);
        return true;
    }
    return false;
}

/* In host_port … host_port_end, above `after`. */
static bool take_in_range(struct ports *p, size_t first, uint32_t after, uint32_t last)
{
    for (uint32_t port = after + 1; port <= last; port++) {
        if (!group_is_free(p, first, (uint16_t)port))
            continue;
        group_take(p, first, (uint16_t)port);
        return true;
    }
    return false;
}

static struct err *reserve_group(struct ports *p, size_t first, const struct port_map *asked)
{
    char host[64];
    bool is_range = asked->host_port && asked->host_port_end > asked->host_port;
    bool is_taken = !asked->host_port
                        ? take_any(p, first)
                        : take_in_range(p, first, asked->host_port - 1u,
                                        is_range ? asked->host_port_end : asked->host_port);

    if (is_taken)
        return NULL;
    host_text(asked, host);
    if (!asked->host_port || is_range)
        return err_new(ERR_INTERNAL, "Bind for %s failed: all ports are allocated", host);
    return err_new(ERR_INTERNAL, "Bind for %s failed: port is already allocated", host);
}

static struct err *reserve_all(struct ports *p, const struct port_map *asked)
{
    struct err *e = NULL;

    pthread_mutex_lock(&p->net->lock);
    for (size_t i = 0; i < p->n && !e; i = group_end(p, i))
        if (!p->e[i].map.is_routed)
            e = reserve_group(p, i, &asked[i]);
    pthread_mutex_unlock(&p->net->lock);
    return e;
}

struct err *ports_reserve(struct net *n, struct port_map *maps, size_t count, struct ports **out)
{
    struct ports *p;
    struct err *e;

    ASSERT_LOOP();
    p = ports_new(n, maps, count);
    e = reserve_all(p, maps);
    if (e) {
        ports_release(p);
        return e;
    }
    for (size_t i = 0; i < count; i++)
        maps[i].host_port = p->e[i].map.host_port;
    *out = p;
    return NULL;
}

/* ---- binding: a worker ---- */

static socklen_t fill_address(const struct port_map *m, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;

    memset(out, 0, sizeof(*out));
    if (m->is_v6) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(m->host_port);
        memcpy(&v6->sin6_addr, m->host_ip, 16);
        return sizeof(*v6);
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons(m->host_port);
    memcpy(&v4->sin_addr, m->host_ip, 4);
    return sizeof(*v4);
}

/* -1 and errno. */
static int bind_socket(const struct port_map *m, bool listens)
{
    struct sockaddr_storage addr;
    socklen_t len = fill_address(m, &addr);
    int type = (m->proto == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    autoclose int fd = socket(addr.ss_family, type, (int)m->proto);
    int on = 1;

    if (fd < 0)
        return -1;
    if (m->proto != PORT_UDP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (m->is_v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (void *)&addr, len) != 0)
        return -1;
    if (m->proto == PORT_TCP && listens && listen(fd, BACKLOG) != 0)
        return -1;
    return steal_fd(&fd);
}

/* A host without IPv6 has no [::], one without SCTP has translation only: both are fine. */
static bool is_no_loss(const struct port_map *m, int sys)
{
    static const uint8_t any[16];

    if (m->proto == PORT_SCTP && (sys == EPROTONOSUPPORT || sys == ESOCKTNOSUPPORT))
        return true;
    return m->is_v6 && !memcmp(m->host_ip, any, 16) &&
           (sys == EAFNOSUPPORT || sys == EADDRNOTAVAIL);
}

static void close_sockets(struct ports *p, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (p->e[i].fd >= 0)
            close(steal_fd(&p->e[i].fd));
}

/* 0 or an errno, then none of the group is bound and *out_failed says which could not be. */
static int bind_group(struct ports *p, size_t first, size_t *out_failed)
{
    size_t end = group_end(p, first);

    for (size_t i = first; i < end; i++) {
        if (p->e[i].fd >= 0)
            continue; /* adopted */
        p->e[i].fd = bind_socket(&p->e[i].map, p->net->userland_proxy);
        if (p->e[i].fd >= 0 || is_no_loss(&p->e[i].map, errno))
            continue;
        int sys = errno;
        close_sockets(p, first, i);
        *out_failed = i;
        return sys;
    }
    return 0;
}

/* Another number for a group that may have any, after its own was found in use. */
static bool take_another(struct ports *p, size_t first)
{
    const struct published *e = &p->e[first];
    bool is_taken;

    pthread_mutex_lock(&p->net->lock);
    if (e->asked)
        is_taken = take_in_range(p, first, e->map.host_port, e->asked_end);
    else
        is_taken = take_any(p, first);
    pthread_mutex_unlock(&p->net->lock);
    return is_taken;
}

static struct err *bind_error(const struct port_map *m, int sys)
{
    char host[64], addr[ADDR6_TEXT], owner[96] = "";

    host_text(m, host);
    addr4_text(m->addr, addr);
    if (!m->addr)
        inet_ntop(AF_INET6, m->addr6, addr, sizeof(addr));
    if (sys == EADDRINUSE)
        port_owner_text(m->proto == PORT_UDP, m->host_port, owner, sizeof(owner));
    if (sys == EADDRINUSE)
        return err_new(ERR_INTERNAL,
                       "failed to bind host port for %s:%s:%u/%s: address already in use%s", host,
                       addr, m->port, proto_text(m->proto), owner);
    return err_sysno(sys, "failed to bind host port for %s:%s:%u/%s", host, addr, m->port,
                     proto_text(m->proto));
}

static struct err *bind_group_somewhere(struct ports *p, size_t first)
{
    size_t failed = first;
    int sys = bind_group(p, first, &failed);

    for (int i = 1; i < BIND_TRIES && sys == EADDRINUSE && take_another(p, first); i++)
        sys = bind_group(p, first, &failed);
    return sys ? bind_error(&p->e[failed].map, sys) : NULL;
}

static struct err *bind_all(struct ports *p)
{
    for (size_t i = 0; i < p->n; i = group_end(p, i))
        if (!p->e[i].map.is_routed)
            TRY(bind_group_somewhere(p, i));
    return NULL;
}

/* It has none, and should. */
static bool wants_socket(const struct published *e)
{
    return e->fd < 0 && !e->map.is_routed && e->map.proto != PORT_SCTP;
}

/* An IPv6 wildcard that this host cannot have is no published port. With the lock held. */
static void drop_unbound_v6(struct ports *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (p->e[i].map.is_v6 && wants_socket(&p->e[i]))
            port_table_give_back(p->net->ports, p->e[i].reservation);
        else
            p->e[kept++] = p->e[i];
    }
    p->n = kept;
}

struct err *ports_bind(struct ports *p)
{
    struct err *e = bind_all(p);

    if (e) {
        close_sockets(p, 0, p->n);
        return e;
    }
    pthread_mutex_lock(&p->net->lock);
    drop_unbound_v6(p);
    p->is_bound = true;
    pthread_mutex_unlock(&p->net->lock);
    return NULL;
}

/* ---- serving and the end: loop ---- */

void ports_serve(struct ports *p)
{
    ASSERT_LOOP();
    if (!p->net->userland_proxy)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->e[i].fd >= 0 && !p->e[i].listener && p->e[i].map.proto != PORT_SCTP)
            p->e[i].listener = proxy_listen(p->net->proxy, p->e[i].fd, &p->e[i].map);
}

void ports_release(struct ports *p)
{
    if (!p)
        return;
    ASSERT_LOOP();
    list_remove(&p->link);
    for (size_t i = 0; i < p->n; i++) {
        proxy_listener_close(p->e[i].listener);
        if (p->e[i].is_applied)
            rules_forget_port(p->net, &p->e[i].map);
    }
    close_sockets(p, 0, p->n);
    pthread_mutex_lock(&p->net->lock);
    for (size_t i = 0; i < p->n; i++)
        port_table_give_back(p->net->ports, p->e[i].reservation);
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
        if (wants_socket(&p->e[i]))
            return false;
    return true;
}

void ports_retarget(struct ports *p, uint32_t addr, const struct in6_addr *addr6)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < p->n; i++) {
        struct published *e = &p->e[i];

        if (e->map.addr == addr && !memcmp(e->map.addr6, addr6, sizeof(e->map.addr6)))
            continue;
        if (e->is_applied)
            rules_forget_port(p->net, &e->map);
        e->is_applied = false;
        e->map.addr = addr;
        memcpy(e->map.addr6, addr6, sizeof(e->map.addr6));
        proxy_listener_close(e->listener);
        e->listener = NULL;
    }
    ports_serve(p);
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

void ports_each_rule(struct net *n,
                     void (*fn)(void *ctx, const struct port_map *m, bool *is_applied), void *ctx)
{
    if (n->publish_by_proxy)
        return;
    list_each (p, &n->all_ports, struct ports, link) {
        pthread_mutex_lock(&n->lock);
        bool is_bound = p->is_bound;
        pthread_mutex_unlock(&n->lock);
        for (size_t i = 0; is_bound && i < p->n; i++)
            if (rules_want_port(&p->e[i].map))
                fn(ctx, &p->e[i].map, &p->e[i].is_applied);
    }
}

/* ---- taking over ---- */

static bool is_socket_of(int fd, const struct port_map *m)
{
    struct sockaddr_storage want, have = {0};
    socklen_t len = sizeof(have), proto_len = sizeof(int);
    socklen_t want_len = fill_address(m, &want);
    int proto = 0;

    if (getsockname(fd, (void *)&have, &len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &proto_len) != 0)
        return false;
    return proto == (int)m->proto && len == want_len && !memcmp(&want, &have, len);
}

/* Order does not matter: a socket knows what it is bound to. Strangers are closed. */
static void adopt_socket(struct ports *p, int fd)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->e[i].fd >= 0 || p->e[i].map.is_routed || !is_socket_of(fd, &p->e[i].map))
            continue;
        p->e[i].fd = fd;
        return;
    }
    close(fd);
}

static struct err *reserve_exactly(struct ports *p)
{
    struct err *e = NULL;

    pthread_mutex_lock(&p->net->lock);
    for (size_t i = 0; i < p->n && !e; i++) {
        struct published *it = &p->e[i];
        char host[64];

        if (it->map.is_routed)
            continue;
        host_text(&it->map, host);
        if (!port_table_is_free(p->net->ports, &it->map, it->map.host_port))
            e = err_new(ERR_INTERNAL, "Bind for %s failed: port is already allocated", host);
        else
            it->reservation = port_table_take(p->net->ports, &it->map, it->map.host_port);
    }
    p->is_bound = !e;
    pthread_mutex_unlock(&p->net->lock);
    return e;
}

struct err *ports_adopt(struct net *n, const struct port_map *maps, size_t count, int *fds,
                        size_t n_fds, struct ports **out)
{
    struct ports *p;
    struct err *e;

    ASSERT_LOOP();
    p = ports_new(n, maps, count);
    for (size_t i = 0; i < n_fds; i++)
        if (fds[i] >= 0)
            adopt_socket(p, steal_fd(&fds[i]));
    e = reserve_exactly(p);
    if (e) {
        ports_release(p);
        return e;
    }
    *out = p;
    return NULL;
}
