/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From which addresses each container may send: a table of the bridge family that names its port
 * of the bridge, its MAC and its addresses, one element each. What it does not name is dropped:
 * packets, ARP and neighbour advertisements for another's address, router advertisements.
 */
#pragma once

#include "base/list.h"
#include "base/text.h"
#include "net/net.h"

struct source {
    char port[16]; /* the host's end of the veth */
    uint8_t mac[6];
    uint32_t addr; /* 0: none */
    bool has_v6;
    struct in6_addr addr6, link_local;
    uint32_t more[ENDPOINT_MORE_MAX];
    struct in6_addr more6[ENDPOINT_MORE_MAX];
    size_t n_more, n_more6;
};

struct sources;
struct sources *sources_create(struct net *n);
void sources_destroy(struct sources *s);
uint32_t sources_author(const struct sources *s); /* of its changes, for rules_watch.c */
/* Worker: before the container can send anything. */
struct err *sources_allow(struct net *n, const char *port, const struct endpoint_spec *e)
    must_check;
/* Worker, with the kernel's lock (net_lock_kernel): the whole table, as it should be, when the
 * kernel's may be another or there is somebody new to find. It takes 0.1 s of a thousand. */
struct err *sources_settle(struct net *n, bool is_unsure) must_check;
struct err *sources_remove(struct net *n) must_check; /* at the end */

/* ---- sources_text.c: pure ---- */
void sources_text(struct buf *out, const char *tag, const struct source *const *v, size_t n);
void sources_remove_text(struct buf *out, const char *tag);
/* One batch of nfnetlink: the elements of some sources. As many as fit into the room; how many
 * messages it has, and of how many sources, come back. */
struct source_batch {
    char *room;
    size_t size, len;
    uint32_t first_seq, last_seq; /* of the messages that are answered */
};
size_t sources_batch(struct source_batch *out, const char *tag, const struct source *v, size_t n,
                     bool is_added);
