/* SPDX-License-Identifier: Apache-2.0 */
/* The published ports of one container, as ports*.c see them. */
#pragma once

#include "inner.h"

struct published_port {
    struct port_map map;
    struct reservation reservation;
    struct proxy_listener *listener; /* from the first client on */
    int fd;                    /* -1: not bound, or nothing to bind (SCTP without the module) */
    uint16_t asked, asked_end; /* as the user gave them */
    bool follows;              /* shares the number of the entry before it */
    bool shares;               /* ... and its socket, which takes both families */
    bool is_applied;           /* in the kernel's rules, or on its way */
};
struct ports {
    struct list link;
    struct net *net;
    bool is_bound;     /* under the lock: set by a worker */
    size_t n_expected; /* sockets that a worker is to open; counted in net->n_expected */
    int epoll;         /* the sockets that the proxy serves; -1: none */
    struct watch *watch;
    size_t n;
    struct published_port e[];
};

struct ports *ports_new(struct net *n, const struct port_map *maps, size_t count);
/* One past the last entry that shares the number of entry `first`. */
size_t ports_group_end(const struct ports *p, size_t first);
static inline bool published_has_socket(const struct published_port *e)
{
    return e->fd >= 0 || e->shares;
}
/* It has none, and should. */
static inline bool published_wants_socket(const struct published_port *e)
{
    return !published_has_socket(e) && !e->map.is_routed && e->map.proto != PORT_SCTP;
}
/* "0.0.0.0:80", "[::]:80" */
void port_host_text(const struct port_map *m, char out[64]);
const char *port_proto_text(enum port_proto proto);

/* port_reserve.c: the lock is held */
struct err *ports_reserve_all(struct ports *p, const struct port_map *asked) must_check;
/* Another number for a group that may have any, after its own was found in use. */
bool ports_take_another(struct ports *p, size_t first);

/* port_bind.c */
socklen_t port_address(const struct port_map *m, struct sockaddr_storage *out);
void ports_close_sockets(struct ports *p, size_t first, size_t end);
/* The set that the proxy waits on: every socket that it serves. */
struct err *ports_open_epoll(struct ports *p) must_check;
