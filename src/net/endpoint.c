/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's place in a network: its address, its MAC, its line in inspect. Memory is
 * the container's; here it is only listed. Loop thread.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

#include "network_inner.h"

#define POOL_START 4

static void fill_mac(struct endpoint_spec *s, const uint8_t wanted[6])
{
    static const uint8_t none[6];
    uint32_t addr = htonl(s->addr);

    if (s->vlan.kind == VLAN_IPVLAN) /* the parent's */
        return;
    if (wanted && memcmp(wanted, none, sizeof(none))) {
        memcpy(s->mac, wanted, sizeof(s->mac));
        return;
    }
    s->mac[0] = 0x02; /* derived: who gets this address again answers to the same MAC */
    s->mac[1] = 0x42;
    memcpy(s->mac + 2, &addr, 4);
}

static bool has_own_subnet(const struct network *n)
{
    const struct network_ipam *ipam = &n->record.request.ipam;

    return ipam->config.n && !text_is_empty(((const struct ipam_pool *)ipam->config.v)->subnet);
}

static struct err *take_address(struct network *n, uint32_t wanted, uint32_t *out)
{
    if (!wanted)
        return ipam_take_next(n->ipam, out);
    if (n->is_predefined)
        return err_new(ERR_INVALID,
                       "user specified IP address is supported on user defined networks only");
    if (!has_own_subnet(n))
        return err_new(ERR_INVALID, "user specified IP address is supported only when connecting "
                                    "to networks with user configured subnets");
    TRY(ipam_take(n->ipam, wanted));
    *out = wanted;
    return NULL;
}

static void enlist(struct network *n, struct endpoint *e)
{
    e->network = n;
    list_append(&n->endpoints, &e->link);
    n->n_endpoints++;
}

static void fill_link(const struct network *n, struct endpoint_spec *s)
{
    memcpy(s->bridge, n->bridge.link, sizeof(s->bridge));
    s->vlan = n->vlan;
}

static void fill_spec(struct network *n, struct endpoint *e)
{
    struct endpoint_spec *s = &e->spec;

    fill_link(n, s);
    if (!s->ifname[0])
        snprintf(s->ifname, sizeof(s->ifname), "eth0");
    s->gateway = n->bridge.internal ? 0 : n->gateway;
    s->bits = n->subnet.bits;
    s->mtu = n->bridge.mtu;
}

static struct err *check_joinable(const struct network *n)
{
    return n->is_removing ? err_new(ERR_NOT_FOUND, "network %s not found", n->record.request.name)
                          : NULL;
}

static struct err *check_mac(const struct network *n, const uint8_t mac[6])
{
    static const uint8_t none[6];

    if (n->vlan.kind != VLAN_IPVLAN || !mac || !memcmp(mac, none, sizeof(none)))
        return NULL;
    return err_new(ERR_INVALID, "ipvlan interfaces do not support custom mac address assignment");
}

struct err *network_join(struct network *n, struct endpoint *e, uint32_t wanted_addr,
                         const uint8_t mac[6])
{
    ASSERT(!e->network);
    TRY(check_joinable(n));
    TRY(check_mac(n, mac));
    if (n->ipam) {
        TRY(take_address(n, wanted_addr, &e->spec.addr));
        fill_spec(n, e);
        fill_mac(&e->spec, mac);
    }
    if (n->bridge.link[0] && !n->has_pool) {
        net_pool_set(n->table->net, &n->bridge, POOL_START);
        n->has_pool = true;
    }
    id_random(e->id);
    enlist(n, e);
    network_publish_event(n, "connect", e);
    return NULL;
}

struct err *network_rejoin(struct network *n, struct endpoint *e)
{
    ASSERT(!e->network);
    TRY(check_joinable(n));
    if (n->ipam) {
        TRY(ipam_take(n->ipam, e->spec.addr));
        fill_link(n, &e->spec);
    }
    enlist(n, e);
    return NULL;
}

void network_leave(struct endpoint *e)
{
    struct network *n = e->network;

    if (!n)
        return;
    if (n->ipam)
        ipam_release(n->ipam, e->spec.addr);
    list_remove(&e->link);
    n->n_endpoints--;
    e->network = NULL;
    network_publish_event(n, "disconnect", e);
}
