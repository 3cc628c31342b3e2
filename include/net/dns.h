/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver that containers of user-defined networks ask at 127.0.0.11: names and
 * addresses of their neighbours; everything else is forwarded from the engine's own
 * namespace. The sockets live in the container's namespace, so the resolver needs no
 * rule and no process there. Loop thread, except dns_open.
 */
#pragma once

#include "net/network.h"

#define DNS_ADDRESS "127.0.0.11"
#define DNS_SOCKETS 2 /* UDP and TCP */

/* Worker: both bound inside the namespace, the TCP one listens. */
struct err *dns_open(struct net *n, int netns, int out[DNS_SOCKETS]) must_check;

struct dns_host;   /* one container's */
struct dns_asker { /* who asks: its endpoints at the moment of the question */
    struct endpoint *const *(*endpoints)(void *ctx, size_t *out_n);
    void *ctx;
};
/* Takes the sockets, in any order. servers: of the container or the engine, absent: the host's. */
struct dns_host *dns_serve(struct net *n, int fds[DNS_SOCKETS], const struct dns_asker *who,
                           const struct strs *servers);
void dns_host_fds(const struct dns_host *h, int out[DNS_SOCKETS]); /* stay the host's */
void dns_host_close(struct dns_host *h); /* accepts NULL; questions in flight are dropped */
