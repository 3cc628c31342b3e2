/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sees that nobody else changes our table: `nft flush ruleset`, a firewall's reload. The
 * kernel tells every change with the netlink port of its author; ours is learned from the
 * first change made while our own transaction runs. Anything by another author in
 * our table has the whole put back, not more often than every RESTORE_MS. A change of
 * anybody's chains or rules may be about packets that are forwarded: those are looked at again
 * (passage.c). Loop thread.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "inner.h"
#include "nl_attr.h"
#include "rules.h"
#include "sources.h"

#define RESTORE_MS 100
#define LOOK_MS 200
#define UNSURE_MAX 20 /* looks in a row that could not be finished */
#define RECEIVE_ROOM (8 << 20)
#define TABLE_ATTRIBUTE 1 /* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, …: 1 everywhere */

struct rules_watch {
    struct net *net;
    struct mnl_socket *sock;
    struct watch *watch;
    struct timer restore, look;
    char table[32];
    uint32_t own_port; /* 0: not known yet */
    int n_unsure;
};

struct watch_reading { /* of one reading */
    struct rules_watch *w;
    bool learns; /* our transaction is running, or has just ended */
    bool is_drift, is_foreign;
};

const char *rules_changed_table(const struct nlmsghdr *m)
{
    static const struct nl_field fields[] = {{TABLE_ATTRIBUTE, NL_TEXT}, {0}};
    const char *table = NULL;

    if ((m->nlmsg_type & 0xff) != NFT_MSG_NEWGEN)
        nl_fill(nl_attributes(m, sizeof(struct nfgenmsg)), fields, &table);
    return table;
}

/* Sets and counters of others are no business of ours. */
static bool is_of_rules(const struct nlmsghdr *m)
{
    switch (m->nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_DELTABLE:
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_NEWRULE:
    case NFT_MSG_DELRULE:
        return true;
    default:
        return false;
    }
}

/* The message carries the netlink port of who made the change (nlmsg_pid). */
static int on_change(const struct nlmsghdr *m, void *ctx)
{
    struct watch_reading *b = ctx;
    const char *table = rules_changed_table(m);

    if (!table || m->nlmsg_pid == sources_author(b->w->net->sources))
        return MNL_CB_OK;
    if (strcmp(table, b->w->table) != 0) {
        b->is_foreign |= is_of_rules(m) && m->nlmsg_pid != b->w->own_port;
        return MNL_CB_OK;
    }
    if (!b->w->own_port && b->learns)
        b->w->own_port = m->nlmsg_pid;
    if (b->w->own_port && m->nlmsg_pid != b->w->own_port)
        b->is_drift = true;
    return MNL_CB_OK;
}

static void on_restore(struct timer *t)
{
    struct rules_watch *w = container_of(t, struct rules_watch, restore);

    log_info("somebody else changed our nftables table: it is put back", KV("table", w->table));
    rules_forget_all(w->net);
    net_rules_apply(w->net, NULL, NULL);
}

static void on_look(struct timer *t)
{
    rules_look(container_of(t, struct rules_watch, look)->net);
}

static void look_later(struct rules_watch *w)
{
    if (!w->look.due_ns)
        timer_set(w->net->loop, &w->look, LOOK_MS, on_look);
}

/* ENOBUFS: the kernel had more to tell than the socket holds (netlink(7)), so what was lost must be
 * thought of as a change. */
static void drain(struct rules_watch *w, bool learns)
{
    struct watch_reading b = {.w = w, .learns = learns};
    char room[16384] __attribute__((aligned(8)));
    ssize_t n;

    ASSERT_LOOP();
    while ((n = nl_receive(w->sock, room, sizeof(room), MSG_DONTWAIT)) != 0) {
        if (n > 0)
            mnl_cb_run(room, (size_t)n, 0, 0, on_change, &b);
        else if (errno == ENOBUFS && !learns) /* lost some, and not ours that were just sent */
            b.is_foreign = b.is_drift = true;
        else if (errno != ENOBUFS)
            break;
    }
    if (b.is_drift && !w->restore.due_ns)
        timer_set(w->net->loop, &w->restore, RESTORE_MS, on_restore);
    if (b.is_foreign)
        look_later(w);
}

static void on_readable(void *arg, int events)
{
    struct rules_watch *w = arg;

    (void)events;
    drain(w, rules_are_running(w->net));
}

/* Our own changes are in the socket by now: they are read as such. */
void rules_watch_sent(struct rules_watch *w, bool is_unsure)
{
    if (!w)
        return;
    drain(w, true);
    w->n_unsure = is_unsure ? w->n_unsure + 1 : 0;
    if (is_unsure && w->n_unsure < UNSURE_MAX)
        look_later(w);
}

struct rules_watch *rules_watch_create(struct net *n)
{
    struct rules_watch *w;
    struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int group = NFNLGRP_NFTABLES, room = RECEIVE_ROOM;

    if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
        log_warn("changes of nftables rules by others will not be seen", KV_INT("errno", errno));
        if (sock)
            mnl_socket_close(sock);
        return NULL;
    }
    setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    w = mem_new(struct rules_watch);
    w->net = n;
    w->sock = sock;
    snprintf(w->table, sizeof(w->table), "berth_%s", n->tag);
    w->watch = watch_open(n->loop, mnl_socket_get_fd(sock), UV_READABLE, on_readable, w);
    return w;
}

void rules_watch_destroy(struct rules_watch *w)
{
    if (!w)
        return;
    timer_clear(w->net->loop, &w->restore);
    timer_clear(w->net->loop, &w->look);
    watch_close(w->watch);
    mnl_socket_close(w->sock);
    free(w);
}
