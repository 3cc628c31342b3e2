/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the host's sockets of a container's published ports. Runs in a worker, so that
 * ten thousand of them delay nobody. A socket that the proxy serves goes into the epoll
 * set of its container: the loop watches one descriptor however many ports there are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/own_user.h"

#include "port_owner.h"
#include "ports_inner.h"

#define BIND_TRIES 10
#define BACKLOG 4096

socklen_t port_address(const struct port_map *m, struct sockaddr_storage *out)
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

enum families { ONE_FAMILY, BOTH_FAMILIES };

/* SO_REUSEADDR: connections of the run before may still be in TIME_WAIT (socket(7)). */
static int bind_socket(const struct port_map *m, enum families families, bool listens)
{
    struct sockaddr_storage addr;
    socklen_t len = port_address(m, &addr);
    int type = (m->proto == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    autoclose int fd = socket(addr.ss_family, type, (int)m->proto);
    int on = 1, only_v6 = families == ONE_FAMILY;

    if (fd < 0)
        return -1;
    if (m->proto != PORT_UDP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (m->is_v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
    if (m->proto == PORT_TCP) /* the proxy's clients inherit it */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
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

void ports_close_sockets(struct ports *p, size_t first, size_t end)
{
    ASSERT(end <= p->n);
    for (size_t i = first; i < end; i++) {
        if (p->e[i].fd >= 0)
            close(steal_fd(&p->e[i].fd));
        p->e[i].shares = false;
    }
}

static bool is_any(const struct port_map *m)
{
    static const uint8_t any[16];

    return !memcmp(m->host_ip, any, sizeof(any));
}

/* A publish on every address: 0.0.0.0 and [::] of one number. */
static bool is_pair(const struct ports *p, size_t first)
{
    const struct published_port *e = &p->e[first];

    return ports_group_end(p, first) == first + 2 && e->map.proto != PORT_SCTP && is_any(&e->map) &&
           is_any(&e[1].map);
}

/* One socket for both families: half the descriptors, here and in the keeper. When it cannot
 * be had, two sockets are tried and tell why. */
static bool bind_pair(struct ports *p, size_t first)
{
    struct published_port *e = &p->e[first];

    ASSERT(first + 1 < p->n);
    if (published_has_socket(e) || published_has_socket(&e[1]))
        return false; /* adopted */
    e->fd = bind_socket(&e[1].map, BOTH_FAMILIES, p->net->userland_proxy);
    e[1].shares = e->fd >= 0;
    return e[1].shares;
}

/* 0 or an errno, then none of the group is bound and *out_failed says which could not be. */
static int bind_group(struct ports *p, size_t first, size_t *out_failed)
{
    size_t end = ports_group_end(p, first);

    if (is_pair(p, first) && bind_pair(p, first))
        return 0;
    for (size_t i = first; i < end; i++) {
        if (published_has_socket(&p->e[i]))
            continue; /* adopted */
        p->e[i].fd = bind_socket(&p->e[i].map, ONE_FAMILY, p->net->userland_proxy);
        if (p->e[i].fd >= 0 || is_no_loss(&p->e[i].map, errno))
            continue;
        int sys = errno;
        ports_close_sockets(p, first, i);
        *out_failed = i;
        return sys;
    }
    return 0;
}

/* Who has the port is looked up (port_owner.c): the question that everybody asks next. */
static struct err *bind_error(const struct port_map *m, int sys)
{
    char host[64], addr[ADDR6_TEXT], owner[96] = "";

    port_host_text(m, host);
    addr4_text(m->addr, addr);
    if (!m->addr)
        inet_ntop(AF_INET6, m->addr6, addr, sizeof(addr));
    if (sys == EADDRINUSE)
        port_owner_text(m->proto == PORT_UDP, m->host_port, owner, sizeof(owner));
    if (sys == EADDRINUSE)
        return err_outside(err_new(
            ERR_INTERNAL, "failed to bind host port for %s:%s:%u/%s: address already in use%s",
            host, addr, m->port, port_proto_text(m->proto), owner));
    return err_sysno(sys, "failed to bind host port for %s:%s:%u/%s", host, addr, m->port,
                     port_proto_text(m->proto));
}

/* Another program may have a port that our own table thinks free: then the next one. */
static struct err *bind_group_somewhere(struct ports *p, size_t first)
{
    size_t failed = first;
    int sys = bind_group(p, first, &failed);

    for (int i = 1; i < BIND_TRIES && sys == EADDRINUSE && ports_take_another(p, first); i++)
        sys = bind_group(p, first, &failed);
    return sys ? bind_error(&p->e[failed].map, sys) : NULL;
}

/* An IPv6 wildcard that this host cannot have is no published port. With the lock held. */
static void drop_unbound_v6(struct ports *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n; i++) {
        struct published_port *e = &p->e[i];

        if (e->map.is_v6 && published_wants_socket(e)) {
            port_table_give_back(&e->reservation);
            p->net
                ->bridges_version++; /* its rule, should it have one, goes with a whole new table */
            continue;
        }
        if (kept != i) {
            port_table_give_back(&e->reservation); /* it knows its place */
            p->e[kept] = *e;
            if (!e->map.is_routed)
                port_table_take(p->net->ports, &p->e[kept].reservation, &p->e[kept].map);
        }
        kept++;
    }
    p->n = kept;
}

static struct err *epoll_add(struct ports *p, size_t i)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    int fd = p->e[i].fd;

    ASSERT(fd >= 0 && p->epoll >= 0);
    if (!epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) ||
        (errno == EEXIST && !epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &event)))
        return NULL;
    return err_sys("wait for clients of port %u", p->e[i].map.host_port);
}

/* One epoll set a container: the loop watches it as one descriptor (epoll(7): a set can be watched
 * itself). */
struct err *ports_open_epoll(struct ports *p)
{
    if (!p->net->userland_proxy)
        return NULL;
    if (p->epoll < 0)
        p->epoll = own_user_epoll();
    if (p->epoll < 0)
        return err_sys("wait for clients of published ports");
    for (size_t i = 0; i < p->n; i++)
        if (p->e[i].fd >= 0 && p->e[i].map.proto != PORT_SCTP)
            TRY(epoll_add(p, i));
    return NULL;
}

static struct err *bind_and_wait(struct ports *p)
{
    for (size_t i = 0; i < p->n; i = ports_group_end(p, i))
        if (!p->e[i].map.is_routed)
            TRY(bind_group_somewhere(p, i));
    pthread_mutex_lock(&p->net->lock);
    drop_unbound_v6(p);
    pthread_mutex_unlock(&p->net->lock);
    return ports_open_epoll(p);
}

struct err *ports_bind(struct ports *p)
{
    struct err *e = bind_and_wait(p);

    if (e) {
        ports_close_sockets(p, 0, p->n);
        return e;
    }
    pthread_mutex_lock(&p->net->lock);
    p->is_bound = true;
    p->net->ports_version++;
    pthread_mutex_unlock(&p->net->lock);
    return NULL;
}
