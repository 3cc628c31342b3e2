/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct net as its parts see it. One lock guards what workers and the loop share: the
 * bridges with their prepared namespaces, and the table of host ports. It is never held
 * across a system call that can block (netlink, unshare), so the loop may take it.
 */
#pragma once

#include <pthread.h>

#include "net/net.h"

#include "link.h"

struct forwarding;
struct sources;
struct netns_thread;
struct netns_pool;
struct rules;
struct port_table;
struct proxy;

struct bridge {
    struct list link;
    struct bridge_spec spec;
    int ifindex;
    unsigned ports_at_most;  /* upper bound; recounted from the kernel when it gets high */
    unsigned n_claimed;      /* ports that workers are making after such a count */
    struct netns_pool *pool; /* NULL: none */
};

struct net {
    struct loop *loop;
    struct pools *pools;
    char tag[16];
    bool ip_masq, ip_forward, userland_proxy, publish_by_proxy, accept_forward;
    struct net_pools pools_of_subnets; /* constant */
    struct forwarding *forwarding;
    struct sources *sources;
    struct netns_thread *netns;
    struct rules *rules;             /* loop */
    struct rules_watch *rules_watch; /* loop; NULL: none */
    struct proxy *proxy;             /* loop */
    struct dns *dns;                 /* loop */
    struct list all_ports;           /* loop: every struct ports */
    struct list legacy_link_sets;    /* loop: legacy_link_rules.c */
    size_t n_expected;               /* loop: sockets that workers are about to open */
    bool is_closed;                  /* loop */
    pthread_mutex_t kernel_lock;     /* see net_lock_kernel */
    pthread_mutex_t lock;            /* guards what follows */
    struct list bridges;
    unsigned bridges_version; /* grows with every change */
    unsigned links_version;   /* loop: of legacy_link_sets */
    unsigned ports_version;   /* grows when ports are bound, or lead elsewhere */
    int refs;
    int jobs; /* in workers: net_close waits for them */
    pthread_cond_t job_ended;
    struct port_table *ports;
};

/* With the lock held. */
struct bridge *net_find_bridge(struct net *n, const char *ifname);

/* Workers: around whatever reads the state that rules are made of and puts them into the kernel, so
 * that a replacement composed before a change never lands behind it. Blocks for milliseconds. */
void net_lock_kernel(struct net *n);
void net_unlock_kernel(struct net *n);

/* One for the owner (until net_close) and one for every callback on its way to the loop. */
void net_ref(struct net *n);
void net_unref(struct net *n);
/* Around the worker's part of a background job; the last thing it does with n. */
void net_job_began(struct net *n);
void net_job_ended(struct net *n);

/* ---- netns.c: the one thread that changes its network namespace ---- */
struct err *netns_thread_create(struct netns_thread **out) must_check;
void netns_thread_destroy(struct netns_thread *t);
/* A fresh namespace with lo up and Docker's sysctls, and a netlink socket inside. Blocks. */
struct err *netns_make(struct netns_thread *t, int *out_netns, struct nl **out_nl) must_check;
/* The same in one that somebody else has made and nobody uses yet. Blocks. */
struct err *netns_furnish(struct netns_thread *t, int netns, struct nl **out_nl) must_check;
/* A netlink socket inside an existing one. Blocks. */
struct err *netns_enter(struct netns_thread *t, int netns, struct nl **out_nl) must_check;
/* fn runs on that thread inside the namespace: opens sockets, touches nothing of the engine. */
struct err *netns_call(struct netns_thread *t, int netns, struct err *(*fn)(void *arg), void *arg)
    must_check;
/* Of one interface, which has no address yet. Blocks. */
struct err *netns_allow_ipv6(struct netns_thread *t, int netns, const char *ifname) must_check;

/* ---- netns_open.c ---- */
struct spare_netns { /* a namespace with its veth, up, without address */
    int netns;
    struct nl *nl;
    int ifindex;
    char host_name[16]; /* of the veth's end in the bridge */
};
void spare_netns_finish(struct spare_netns *p);
/* Worker. */
struct err *spare_netns_make(struct net *n, const char *bridge, const char *ifname,
                             struct spare_netns *out) must_check;

/* ---- netns_pool.c ---- */
#define POOL_MAX 64
/* Worker, takes the lock itself: false when there is none. */
bool netns_pool_take(struct net *n, const char *bridge, struct spare_netns *out);
int netns_pool_count(const struct netns_pool *p); /* with the lock held; accepts NULL */
/* Closes everything prepared for one bridge, or for all (NULL), and drops the pools. */
void netns_pool_drain(struct net *n, const char *bridge);

/* ---- rules_apply.c ---- */
struct rules *rules_create(struct net *n);
void rules_destroy(struct rules *r);
/* Worker or start-up: one text of commands, at once. */
struct err *rules_run(struct net *n, const char *text) must_check;
/* Blocking; at the end. */
struct err *rules_remove_table(struct net *n) must_check;
/* Loop: a port whose rule is in the kernel, or on its way, goes away. */
void rules_forget_port(struct net *n, const struct port_map *m);

bool rules_are_running(const struct net *n); /* a transaction is in flight */
void rules_forget_all(struct net *n);        /* the kernel's table is not what we sent */
void rules_look(struct net *n);              /* others changed theirs */
/* What is forwarded to and from containers is dropped by a chain that could not be opened. */
bool net_forward_is_shut(const struct net *n, bool is_v6);

/* ---- legacy_link_rules.c: loop ---- */
void legacy_link_rules_copy(struct net *n, struct legacy_link_rule **out, size_t *out_n);
void legacy_link_rules_free(struct net *n);

/* ---- rules_watch.c: loop ---- */
struct rules_watch;
struct rules_watch *rules_watch_create(struct net *n); /* NULL: not possible here, logged */
void rules_watch_destroy(struct rules_watch *w);       /* accepts NULL */
/* A transaction of ours has ended; unsure: what others have could not be read. */
void rules_watch_sent(struct rules_watch *w, bool is_unsure);
/* Pure: the table that a note of the kernel is about, inside the message; NULL: none. */
const char *rules_changed_table(const struct nlmsghdr *m);

/* ---- port_table.c: which host ports are ours; the lock of struct net is held ---- */
struct reservation {
    struct list link;
    const struct port_map *map; /* the owner's; its host_port is what is reserved */
};
struct port_table *port_table_create(void);
void port_table_destroy(struct port_table *t);
bool port_table_is_free(const struct port_table *t, const struct port_map *m, uint16_t port);
/* r and m stay where they are until it is given back. */
void port_table_take(struct port_table *t, struct reservation *r, const struct port_map *m);
void port_table_give_back(struct reservation *r); /* also one that was never taken */
/* The next port of the range after the one given last, wrapping; skips reserved ones. */
uint16_t port_table_next(struct port_table *t);
uint32_t port_table_range(const struct port_table *t); /* how many ports there are to try */

/* ---- ports.c ---- */
/* Loop: fn for every map of bound ports. */
void ports_each_rule(struct net *n,
                     void (*fn)(void *ctx, const struct port_map *m, bool *is_applied), void *ctx);

/* ---- proxy.c: loop ---- */
struct proxy_listener;
struct proxy *proxy_create(struct net *n, int epoll); /* takes the epoll set */
void proxy_destroy(struct proxy *p);
/* Serves a listening socket that is in the caller's epoll set as `tag`; both stay the caller's,
 * who says when it is ready. */
struct proxy_listener *proxy_listen(struct proxy *p, int fd, const struct port_map *m, int epoll,
                                    size_t tag);
void proxy_listener_ready(struct proxy_listener *l);
/* Cuts its connections; accepts NULL. Close the socket only afterwards. */
void proxy_listener_close(struct proxy_listener *l);
