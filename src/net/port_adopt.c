/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published ports of a container that outlived its engine: sockets from the keeper find
 * their places by what they are bound to. An older engine had two where now there is one
 * for both families; both kinds are taken. Loop thread, at start-up.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#include "ports_inner.h"

struct place { /* of an entry, sorted by port */
    uint16_t port;
    uint32_t at;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->port != y->port ? (x->port < y->port ? -1 : 1) : (x->at < y->at ? -1 : x->at > y->at);
}

static struct place *sort_places(const struct ports *p)
{
    struct place *v = mem_array(p->n + 1, sizeof(*v));

    for (size_t i = 0; i < p->n; i++)
        v[i] = (struct place){p->e[i].map.host_port, (uint32_t)i};
    qsort(v, p->n, sizeof(*v), compare_places);
    return v;
}

struct adopted { /* what a socket says of itself */
    struct sockaddr_storage addr;
    socklen_t len;
    int proto;
    bool is_both; /* families */
};

static bool ask_socket(int fd, struct adopted *out)
{
    socklen_t proto_len = sizeof(out->proto), only_len = sizeof(int);
    int only_v6 = 1;

    *out = (struct adopted){.len = sizeof(out->addr)};
    if (getsockname(fd, (void *)&out->addr, &out->len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &out->proto, &proto_len) != 0)
        return false;
    if (out->addr.ss_family == AF_INET6)
        getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &only_len);
    out->is_both = !only_v6;
    return out->addr.ss_family == AF_INET || out->addr.ss_family == AF_INET6;
}

static uint16_t port_of(const struct adopted *s)
{
    const struct sockaddr_in *v4 = (const void *)&s->addr; /* the port is at the same place */

    return ntohs(v4->sin_port);
}

static bool is_of(const struct adopted *s, const struct port_map *m)
{
    struct sockaddr_storage want;
    socklen_t len = port_address(m, &want);

    return s->proto == (int)m->proto && s->len == len && !memcmp(&want, &s->addr, len);
}

/* Entry `at` gets the socket, or the pair that ends with it does. */
static bool give(struct ports *p, size_t at, const struct adopted *s, int fd)
{
    struct published_port *e = &p->e[at];

    if (e->map.is_routed || published_has_socket(e) || !is_of(s, &e->map))
        return false;
    if (!s->is_both) {
        e->fd = fd;
        return true;
    }
    if (!e->follows || published_has_socket(e - 1))
        return false;
    e[-1].fd = fd;
    e->shares = true;
    return true;
}

/* Order does not matter. Strangers are closed. */
static void adopt_socket(struct ports *p, const struct place *places, int fd)
{
    size_t low = 0, high = p->n;
    struct adopted s;

    if (!ask_socket(fd, &s)) {
        close(fd);
        return;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (places[middle].port < port_of(&s))
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->n && places[low].port == port_of(&s); low++)
        if (give(p, places[low].at, &s, fd))
            return;
    close(fd);
}

static struct err *reserve_exactly(struct ports *p)
{
    struct err *e = NULL;

    pthread_mutex_lock(&p->net->lock);
    for (size_t i = 0; i < p->n && !e; i++) {
        struct published_port *it = &p->e[i];
        char host[64];

        if (it->map.is_routed)
            continue;
        port_host_text(&it->map, host);
        if (!port_table_is_free(p->net->ports, &it->map, it->map.host_port))
            e = err_new(ERR_INTERNAL, "Bind for %s failed: port is already allocated", host);
        else
            port_table_take(p->net->ports, &it->reservation, &it->map);
    }
    p->is_bound = !e;
    p->net->ports_version++;
    pthread_mutex_unlock(&p->net->lock);
    return e;
}

struct err *ports_adopt(struct net *n, const struct port_map *maps, size_t count, int *fds,
                        size_t n_fds, struct ports **out)
{
    struct ports *p;
    struct err *e;

    ASSERT_LOOP();
    autofree struct place *places = NULL;

    p = ports_new(n, maps, count);
    places = sort_places(p);
    for (size_t i = 0; i < n_fds; i++)
        if (fds[i] >= 0)
            adopt_socket(p, places, steal_fd(&fds[i]));
    e = reserve_exactly(p);
    if (!e)
        e = ports_open_epoll(p);
    if (e) {
        ports_release(p);
        return e;
    }
    *out = p;
    return NULL;
}
