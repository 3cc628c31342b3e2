/* SPDX-License-Identifier: Apache-2.0 */
/* The userland proxy's parts: a listener per published socket, relays for TCP, flows for UDP. */
#pragma once

#include <sys/socket.h>

#include "base/list.h"

#include "inner.h"

struct proxy_listener {
    struct list link; /* proxy.listeners */
    struct proxy *proxy;
    struct port_map map;
    int fd, epoll; /* the caller's; epoll holds fd as `tag` */
    size_t tag;
    struct timer pause;  /* accepting stopped for want of fds */
    struct list relays;  /* TCP */
    struct list flows;   /* UDP, least recently used first */
    struct timer expiry; /* UDP */
    size_t n_flows;
};
struct proxy {
    struct net *net;
    struct list listeners;
    int n_fds, max_fds; /* of relays and flows */
    int epoll;          /* all sockets of all relays */
    struct watch *watch;
    struct relay_events *events;
    int pipes[32][2]; /* empty ones, to be used again */
    int n_pipes;
};

/* Where a connection to the published port leads: the container's address of the same family if it
 * has one, else the other. The length of the address. */
socklen_t proxy_target(const struct port_map *m, const struct sockaddr_storage *client,
                       struct sockaddr_storage *out);

/* relay.c: takes the accepted socket. */
void relay_start(struct proxy_listener *l, int client, const struct sockaddr_storage *from);
void relays_close(struct proxy_listener *l);
void relays_ready(void *proxy, int events); /* a watch_fn */
/* proxy_udp.c */
void on_datagram(struct proxy_listener *l);
void flows_close(struct proxy_listener *l);
/* proxy.c: an empty pipe, or false when there are no fds. */
bool proxy_take_pipe(struct proxy *p, int out[2]);
void proxy_give_pipe(struct proxy *p, int pipe[2], bool is_empty);
