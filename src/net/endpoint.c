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
#define ENDPOINT_MAGIC 0x656e6470u /* "endp" */

static bool has_own_mac(const struct endpoint_spec *s)
{
    static const uint8_t none[6];

    return memcmp(s->mac, none, sizeof(none)) != 0;
}

/* An address without a lease is possible (retake_address6), a lease without an address is not. */
void endpoint_check(const struct endpoint *e)
{
    const struct endpoint_spec *s = &e->spec;

    ASSERT_DEBUG((e->network != NULL) == (e->magic == ENDPOINT_MAGIC));
    ASSERT_DEBUG((e->network != NULL) == list_is_linked(&e->link));
    if (!e->network)
        return;
    network_check(e->network);
    ASSERT_DEBUG(!e->network->is_removing);
    ASSERT_DEBUG(e->id[0] && e->container_id[0]);
    ASSERT_DEBUG(!strcmp(s->bridge, e->network->bridge.ifname));
    ASSERT_DEBUG(s->vlan.kind == e->network->vlan.kind);
    ASSERT_DEBUG(!network_has_addresses(e->network) || s->addr || s->bits6);
    ASSERT_DEBUG(!s->addr || s->bits > 0);
    ASSERT_DEBUG(!s->bits6 || !addr6_is_none(&s->addr6));
    ASSERT_DEBUG(!network_has_addresses(e->network) || s->ifname[0]);
    ASSERT_DEBUG(s->vlan.kind != VLAN_IPVLAN || !has_own_mac(s));
}

/* Who gets the same address again answers to the same MAC. Without IPv4 all 128 bits count (FNV),
 * because the last four bytes of addresses that users choose need not differ. */
static uint32_t mac_seed(const struct endpoint_spec *s)
{
    uint32_t hash = 2166136261u;

    if (s->addr)
        return s->addr;
    for (int i = 0; i < 16; i++)
        hash = (hash ^ s->addr6.s6_addr[i]) * 16777619u;
    return hash;
}

/* 02:42 and the address, as Docker made them for years: neighbours that remember the address find
 * the MAC unchanged. */
static void fill_mac(struct endpoint_spec *s, const uint8_t wanted[6])
{
    static const uint8_t none[6];
    uint32_t seed = htonl(mac_seed(s));

    if (s->vlan.kind == VLAN_IPVLAN) /* the parent's */
        return;
    if (memcmp(wanted, none, sizeof(none))) {
        memcpy(s->mac, wanted, sizeof(s->mac));
        return;
    }
    s->mac[0] = 0x02;
    s->mac[1] = 0x42;
    memcpy(s->mac + 2, &seed, 4);
}

static struct err *check_wish(const struct network *n, bool is_v6)
{
    if (n->is_predefined)
        return err_new(ERR_INVALID,
                       "user specified IP address is supported on user defined networks only");
    if (!network_pool(&n->record.request, is_v6))
        return err_new(ERR_INVALID, "user specified IP address is supported only when connecting "
                                    "to networks with user configured subnets");
    return NULL;
}

static struct err *take_address(struct network *n, uint32_t wanted, uint32_t *out)
{
    if (!wanted)
        return ipam_take_next(n->ipam, out);
    TRY(check_wish(n, false));
    TRY(ipam_take(n->ipam, wanted));
    *out = wanted;
    return NULL;
}

static struct err *take_address6(struct network *n, const struct in6_addr *wanted,
                                 struct in6_addr *out)
{
    if (addr6_is_none(wanted))
        return ipam6_take_next(n->ipam6, out);
    TRY(check_wish(n, true));
    TRY(ipam6_take(n->ipam6, wanted));
    *out = *wanted;
    return NULL;
}

/* Both or none. */
static struct err *take_addresses(struct network *n, const struct endpoint_wish *w,
                                  struct endpoint_spec *s)
{
    if ((!n->ipam && w->addr) || (!n->ipam6 && !addr6_is_none(&w->addr6)))
        return err_new(ERR_INVALID, "network %s has no IPv%d addresses", n->record.request.name,
                       n->ipam ? 6 : 4);
    if (n->ipam)
        TRY(take_address(n, w->addr, &s->addr));
    if (!n->ipam6)
        return NULL;
    struct err *e = take_address6(n, &w->addr6, &s->addr6);
    if (e && n->ipam)
        ipam_release(n->ipam, s->addr);
    return e;
}

static void enlist(struct network *n, struct endpoint *e)
{
    ASSERT(!e->network && !n->is_removing);
    ASSERT(e->magic != ENDPOINT_MAGIC);
    e->magic = ENDPOINT_MAGIC;
    e->network = n;
    list_append(&n->endpoints, &e->link);
    n->n_endpoints++;
}

static void fill_interface(const struct network *n, struct endpoint_spec *s)
{
    memcpy(s->bridge, n->bridge.ifname, sizeof(s->bridge));
    s->vlan = n->vlan;
    s->any_source = n->bridge.any_source;
}

static void fill_spec(struct network *n, struct endpoint *e)
{
    struct endpoint_spec *s = &e->spec;

    fill_interface(n, s);
    if (!s->ifname[0])
        snprintf(s->ifname, sizeof(s->ifname), "eth0");
    s->gateway = n->bridge.internal ? 0 : network_way_out(n);
    s->bits = n->subnet.bits;
    s->gateway6 = n->bridge.internal ? (struct in6_addr){0} : network_way_out6(n);
    s->bits6 = n->subnet6.bits;
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

    if (n->vlan.kind != VLAN_IPVLAN || !memcmp(mac, none, sizeof(none)))
        return NULL;
    return err_new(ERR_INVALID, "ipvlan interfaces do not support custom mac address assignment");
}

/* The first endpoint of a bridge begins its pool of prepared namespaces. */
struct err *network_join(struct network *n, struct endpoint *e, const struct endpoint_wish *w)
{
    ASSERT_LOOP();
    ASSERT(!e->network);
    TRY(check_joinable(n));
    TRY(check_mac(n, w->mac));
    if (network_has_addresses(n)) {
        TRY(take_addresses(n, w, &e->spec));
        fill_spec(n, e);
        fill_mac(&e->spec, w->mac);
    }
    if (n->bridge.ifname[0] && !n->has_pool) {
        netns_pool_set(n->table->net, &n->bridge, POOL_START);
        n->has_pool = true;
    }
    id_random(e->id);
    enlist(n, e);
    endpoint_check(e);
    network_publish_event(n, "connect", e);
    return NULL;
}

/* An address of a family or subnet that the network has no more (--ipv6 of the default bridge was
 * taken back, --fixed-cidr-v6 changed) stays the container's until it ends: no lease. */
static struct err *retake_address6(struct network *n, struct endpoint *e)
{
    if (!n->ipam6 || !e->spec.bits6 || !subnet6_has(n->subnet6, &e->spec.addr6))
        return NULL;
    return ipam6_take(n->ipam6, &e->spec.addr6);
}

struct err *network_rejoin(struct network *n, struct endpoint *e)
{
    struct err *err = NULL;

    ASSERT_LOOP();
    ASSERT(!e->network);
    TRY(check_joinable(n));
    if (n->ipam && e->spec.addr)
        TRY(ipam_take(n->ipam, e->spec.addr));
    err = retake_address6(n, e);
    if (err && n->ipam && e->spec.addr)
        ipam_release(n->ipam, e->spec.addr);
    TRY(err);
    if (network_has_addresses(n))
        fill_interface(n, &e->spec);
    enlist(n, e);
    endpoint_check(e);
    return NULL;
}

/* Addresses are free at once; the kernel takes the interface down in its own time. */
void network_leave(struct endpoint *e)
{
    struct network *n = e->network;

    endpoint_check(e);
    if (!n)
        return;
    ASSERT(e->magic == ENDPOINT_MAGIC);
    net_source_forget(n->table->net, &e->spec);
    if (n->ipam && e->spec.addr)
        ipam_release(n->ipam, e->spec.addr);
    if (n->ipam6 && e->spec.bits6)
        ipam6_release(n->ipam6, &e->spec.addr6);
    ASSERT(n->n_endpoints > 0);
    list_remove(&e->link);
    n->n_endpoints--;
    e->network = NULL;
    e->magic = 0;
    endpoint_check(e);
    network_check(n);
    network_publish_event(n, "disconnect", e);
}
