/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's network namespace: taken prepared from the pool (then only MAC, address
 * and route are missing: one netlink batch) or made on the spot. Workers. A veth is
 * never deleted by netlink (22 ms under RTNL) except when an interface is taken from a
 * container that goes on running; the last close of the namespace takes it away later,
 * which is why a bridge may hold more ports than there are containers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"

#include "inner.h"
#include "sources.h"
#include "vlan.h"

#define PORTS_MAX 1000 /* of a bridge; the kernel's own limit is 1,023 */
#define PORT_WAIT_MS 50
#define PORT_QUIET_ROUNDS 40 /* no port has left for so long: the bridge is full, not behind */
#define PORT_WAIT_ROUNDS 400

void spare_netns_finish(struct spare_netns *p)
{
    nl_close(p->nl);
    if (p->netns >= 0)
        close(p->netns);
    p->nl = NULL;
    p->netns = -1;
}

struct bridge_facts {
    int ifindex, mtu;
    bool icc, has_ipv6;
};

static struct err *bridge_facts(struct net *n, const char *name, struct bridge_facts *out)
{
    struct bridge *b;

    pthread_mutex_lock(&n->lock);
    b = net_find_bridge(n, name);
    if (b)
        *out =
            (struct bridge_facts){b->ifindex, b->spec.mtu, b->spec.icc, b->spec.address6.bits > 0};
    pthread_mutex_unlock(&n->lock);
    return b ? NULL : err_new(ERR_NOT_FOUND, "network bridge %s does not exist", name);
}

/* Counts a port that is about to be made; true when the bound was met. */
static bool count_port(struct net *n, const char *name)
{
    struct bridge *b;
    bool is_high = false;

    pthread_mutex_lock(&n->lock);
    b = net_find_bridge(n, name);
    if (b)
        is_high = ++b->ports_at_most >= PORTS_MAX;
    pthread_mutex_unlock(&n->lock);
    return is_high;
}

/* With `now` ports in the kernel: whether one more has room beside those that others are making.
 * A claim ends with end_claim. */
static bool begin_claim(struct net *n, const char *name, unsigned now)
{
    bool has_room = true;
    struct bridge *b;

    pthread_mutex_lock(&n->lock);
    b = net_find_bridge(n, name);
    if (b) {
        has_room = now + b->n_claimed < PORTS_MAX;
        b->n_claimed += has_room;
        b->ports_at_most = now + b->n_claimed;
    }
    pthread_mutex_unlock(&n->lock);
    return has_room;
}

static void end_claim(struct net *n, const char *name)
{
    struct bridge *b;

    pthread_mutex_lock(&n->lock);
    b = net_find_bridge(n, name);
    if (b && b->n_claimed > 0)
        b->n_claimed--;
    pthread_mutex_unlock(&n->lock);
}

/* Running, prepared and dying ports together stay below what a Linux bridge can hold. The kernel
 * takes dead namespaces down one after the other: a start waits as long as that goes on. */
static struct err *claim_port(struct net *n, struct nl *host, const char *name, int ifindex,
                              bool *out_claimed)
{
    unsigned now = 0, before = 0;

    if (!count_port(n, name))
        return NULL;
    for (int i = 0, quiet = 0; i < PORT_WAIT_ROUNDS && quiet < PORT_QUIET_ROUNDS; i++) {
        TRY(link_count_ports(host, ifindex, &now));
        *out_claimed = begin_claim(n, name, now);
        if (*out_claimed)
            return NULL;
        quiet = now == before ? quiet + 1 : 0;
        before = now;
        nanosleep(&(struct timespec){.tv_nsec = PORT_WAIT_MS * NS_PER_MS}, NULL);
    }
    return err_new(ERR_UNAVAILABLE,
                   "network bridge %s is full: it has %u ports (at most %d); use another network",
                   name, now, PORTS_MAX);
}

/* out_name: of the end in the bridge. It is random, with the engine's tag: nobody looks for it by
 * name, and two engines do not meet. */
static struct err *attach_veth(struct net *n, const char *bridge, int netns, const char *ifname,
                               char out_name[16])
{
    struct bridge_facts facts;
    struct nl *host;
    struct veth_spec v = {.netns = netns, .ifname = ifname};
    unsigned serial;
    bool is_claimed = false;
    struct err *e;

    TRY(bridge_facts(n, bridge, &facts));
    ASSERT(getrandom(&serial, sizeof(serial), 0) == sizeof(serial));
    snprintf(v.host_name, sizeof(v.host_name), "v%.6s-%07x", n->tag, serial & 0xfffffff);
    memcpy(out_name, v.host_name, sizeof(v.host_name));
    v.bridge_ifindex = facts.ifindex;
    v.mtu = facts.mtu;
    v.is_isolated = !facts.icc;
    TRY(nl_open(&host));
    e = claim_port(n, host, bridge, facts.ifindex, &is_claimed);
    if (!e)
        e = link_make_veth(host, &v);
    if (is_claimed)
        end_claim(n, bridge);
    nl_close(host);
    if (e && err_errno(e) == EXFULL)
        return err_as(err_wrap(e, "network bridge %s is full", bridge), ERR_UNAVAILABLE);
    if (!e && facts.has_ipv6)
        e = netns_allow_ipv6(n->netns, netns, ifname);
    return e;
}

/* A namespace with its first interface in the bridge and up: all that a start would otherwise wait
 * 10 ms for. */
struct err *spare_netns_make(struct net *n, const char *bridge, const char *ifname,
                             struct spare_netns *out)
{
    struct spare_netns p = {.netns = -1};
    struct err *e;

    TRY(netns_make(n->netns, &p.netns, &p.nl));
    e = attach_veth(n, bridge, p.netns, ifname, p.host_name);
    if (!e)
        e = link_find(p.nl, ifname, &p.ifindex);
    if (!e) {
        link_add_up(p.nl, p.ifindex);
        e = nl_commit(p.nl);
    }
    if (e) {
        spare_netns_finish(&p);
        return e;
    }
    *out = p;
    return NULL;
}

static struct err *attach_vlan(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct nl *host;
    struct err *err;

    TRY(nl_open(&host));
    err = vlan_make_link(host, e, netns);
    nl_close(host);
    return err || !e->bits6 ? err : netns_allow_ipv6(n->netns, netns, e->ifname);
}

/* In the namespace: its sysctls are those of whoever opens the file (proc(5), /proc/sys/net). */
static struct err *write_sysctls(void *arg)
{
    const struct endpoint_spec *e = arg;
    char lines[sizeof(e->sysctls)], *rest = lines;

    memcpy(lines, e->sysctls, sizeof(lines));
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *value = strchr(line, '='), path[sizeof(lines) + 16];
        autoclose int fd = -1;

        *value++ = '\0';
        snprintf(path, sizeof(path), "/proc/sys/%s", line);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, value, strlen(value)) < 0)
            return err_as(err_sys("set %s of the interface to %s", line, value), ERR_INVALID);
    }
    return NULL;
}

static struct err *set_sysctls(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct endpoint_spec copy = *e;

    return e->sysctls[0] ? netns_call(n->netns, netns, write_sysctls, &copy) : NULL;
}

static struct err *add_interface(struct net *n, struct nl *inside, int netns,
                                 const struct endpoint_spec *e)
{
    char port[16];
    int ifindex;

    if (e->vlan.kind) {
        TRY(attach_vlan(n, netns, e));
    } else {
        TRY(attach_veth(n, e->bridge, netns, e->ifname, port));
        TRY(sources_allow(n, port, e)); /* before it is up inside */
    }
    TRY(link_find(inside, e->ifname, &ifindex));
    link_add_endpoint(inside, ifindex, e);
    TRY(nl_commit(inside));
    return set_sysctls(n, netns, e);
}

/* A namespace from the pool, or made with a veth, has the first interface already. */
static struct err *configure(struct net *n, struct spare_netns *p, const struct endpoint_spec *e,
                             size_t count)
{
    size_t i = 0;

    if (p->ifindex) {
        TRY(sources_allow(n, p->host_name, &e[0]));
        link_add_endpoint(p->nl, p->ifindex, &e[i++]);
        TRY(nl_commit(p->nl));
        TRY(set_sysctls(n, p->netns, &e[0]));
    }
    for (; i < count; i++)
        TRY(add_interface(n, p->nl, p->netns, &e[i]));
    return NULL;
}

static struct err *finish_open(struct net *n, struct spare_netns *p, const struct endpoint_spec *e,
                               size_t count, int *out_netns)
{
    struct err *err = count ? configure(n, p, e, count) : NULL;

    if (!err)
        *out_netns = steal_fd(&p->netns);
    spare_netns_finish(p);
    return err;
}

/* From the pool if the first network is a bridge and the interface shall be eth0; macvlan and
 * ipvlan are made for each. */
struct err *netns_open(struct net *n, const struct endpoint_spec *e, size_t count, int *out_netns)
{
    struct spare_netns p = {.netns = -1};

    if (!count || e[0].vlan.kind)
        TRY(netns_make(n->netns, &p.netns, &p.nl));
    else if (strcmp(e[0].ifname, "eth0") != 0 || !netns_pool_take(n, e[0].bridge, &p))
        TRY(spare_netns_make(n, e[0].bridge, e[0].ifname, &p));
    return finish_open(n, &p, e, count, out_netns);
}

/* What is in the pool belongs to the host's user namespace. */
struct err *netns_open_in(struct net *n, const struct endpoint_spec *e, size_t count, int *netns)
{
    struct spare_netns p = {.netns = -1};

    ASSERT(*netns >= 0);
    TRY(netns_furnish(n->netns, *netns, &p.nl));
    p.netns = steal_fd(netns);
    return finish_open(n, &p, e, count, netns);
}

/* EEXIST: there is an interface of this name already, which is not ours to remove. */
struct err *netns_attach(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct nl *inside;
    struct err *err;

    ASSERT(netns >= 0);
    TRY(netns_enter(n->netns, netns, &inside));
    err = add_interface(n, inside, netns, e);
    if (err && err_errno(err) != EEXIST)
        link_remove(inside, e->ifname);
    nl_close(inside);
    return err;
}

/* By the end in the bridge: the one inside may have another name by now, or its name another. */
static struct err *detach_veth(const char *bridge, int netns)
{
    struct nl *host;
    struct err *err;
    int ifindex;

    TRY(nl_open(&host));
    err = link_find(host, bridge, &ifindex);
    if (!err)
        err = link_remove_ports_into(host, ifindex, netns);
    nl_close(host);
    return err;
}

/* By its parent, since the host has no end of it. */
static struct err *detach_vlan(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct nl *inside, *host;
    struct err *err;

    TRY(netns_enter(n->netns, netns, &inside));
    err = nl_open(&host);
    if (!err) {
        err = vlan_remove_link(host, inside, e);
        nl_close(host);
    }
    nl_close(inside);
    return err;
}

struct err *netns_detach(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct err *err = e->vlan.kind ? detach_vlan(n, netns, e) : detach_veth(e->bridge, netns);

    ASSERT(netns >= 0);
    if (!err || err_errno(err) != ENODEV)
        return err;
    err_drop(err); /* gone before us, or with its bridge */
    return NULL;
}

struct err *netns_set_gateway(struct net *n, int netns, const struct endpoint_spec *e)
{
    struct nl *inside;
    int ifindex;
    struct err *err;

    ASSERT(netns >= 0);
    TRY(netns_enter(n->netns, netns, &inside));
    err = link_find(inside, e->ifname, &ifindex);
    if (!err) {
        link_add_default_routes(inside, ifindex, e);
        err = nl_commit(inside);
    }
    nl_close(inside);
    return err;
}
