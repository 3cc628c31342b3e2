/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's endpoints while it runs. c->endpoints and doc.networks go side by side:
 * entry i of the one is entry i of the other, and connect and disconnect (connect.c) keep
 * it so. The kernel's part is done by workers that get copies of the specs. Loop thread.
 */
#include "object.h"

#include "base/digest.h"
#include "net/dns.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct owned { /* doc.networks alone, for a deep copy through its JSON */
    struct jlist networks;
};
static const struct jfield owned_fields[] = {
    J(J_LIST, struct owned, networks, "Networks", .sub = &attached_json),
    J_END,
};
static const struct jtable owned_json = {sizeof(struct owned), owned_fields};

/* The strings stay the document's. */
static void set_names(struct endpoint *e, const struct attached *at)
{
    e->aliases = at->asked.aliases;
    e->links = at->asked.links;
}

void networks_own(struct container *c)
{
    struct arena *a = arena_create();
    struct owned copy = {0}, now = {c->doc.networks};
    const char *text = json_encode(a, &owned_json, &now);
    struct err *err = json_decode(a, text, strlen(text), &owned_json, &copy);
    struct attached *list = arena_array(a, copy.networks.n + 1, sizeof(*list));

    ASSERT(!err); /* our own writing */
    if (copy.networks.n)
        memcpy(list, copy.networks.v, copy.networks.n * sizeof(*list));
    c->doc.networks = (struct jlist){list, copy.networks.n};
    for (size_t i = 0; i < c->n_endpoints; i++)
        set_names(c->endpoints[i], &list[i]);
    arena_destroy(c->networks_arena);
    c->networks_arena = a;
}

/* ---- one endpoint ---- */

static struct endpoint *endpoint_add(struct container *c)
{
    struct endpoint *e = mem_new(struct endpoint);
    size_t n = c->n_endpoints;

    c->endpoints = mem_resize(c->endpoints, n * sizeof(e), (n + 1) * sizeof(e));
    c->endpoints[c->n_endpoints++] = e;
    snprintf(e->container_id, sizeof(e->container_id), "%s", c->doc.id);
    snprintf(e->container_name, sizeof(e->container_name), "%s", c->name);
    e->hostname = c->doc.config.hostname;
    return e;
}

static void endpoint_drop_last(struct container *c)
{
    struct endpoint *e = c->endpoints[--c->n_endpoints];

    network_leave(e);
    free(e);
}

static bool ifname_is_taken(const struct container *c, const char *ifname)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (!strcmp(c->endpoints[i]->spec.ifname, ifname))
            return true;
    return false;
}

static void choose_ifname(const struct container *c, char out[16])
{
    char name[16];

    for (unsigned i = 0; i <= c->n_endpoints; i++) {
        snprintf(name, sizeof(name), "eth%u", i);
        if (!ifname_is_taken(c, name))
            break;
    }
    memcpy(out, name, sizeof(name));
}

/* What inspect shows; for the run's arena, or that of an owned list. */
static void note_endpoint(struct arena *a, const struct endpoint *e, struct attached *at)
{
    const uint8_t *m = e->spec.mac;

    at->endpoint_id = arena_strdup(a, e->id);
    at->ifname = arena_strdup(a, e->spec.ifname);
    at->addr = e->spec.addr;
    at->gateway = e->spec.gateway;
    at->bits = e->spec.bits;
    at->mac = arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static struct err *join(struct container *c, struct network *n, struct attached *at,
                        struct endpoint *e)
{
    uint8_t mac[6] = {0};
    uint32_t wanted = 0;

    if (at->asked.ipam && !text_is_empty(at->asked.ipam->ipv4) &&
        !addr4_parse(at->asked.ipam->ipv4, &wanted))
        return err_new(ERR_INVALID, "invalid IPv4 address: %s", at->asked.ipam->ipv4);
    if (!text_is_empty(at->asked.mac_address))
        TRY(mac_parse(at->asked.mac_address, mac));
    choose_ifname(c, e->spec.ifname);
    set_names(e, at);
    return network_join(n, e, wanted, mac);
}

struct err *endpoint_join(struct container *c, struct attached *at, struct endpoint **out)
{
    struct network *n;
    struct endpoint *e;
    struct err *err;

    TRY(network_find(c->parts->networks, at->network_id, &n));
    at->addr = at->gateway = 0;
    at->mac = at->ifname = "";
    e = endpoint_add(c);
    if (!network_bridge(n)) { /* host and none have no endpoint in the kernel */
        id_random(e->id);
        at->endpoint_id = arena_strdup(c->run_arena, e->id);
        *out = e;
        return NULL;
    }
    err = join(c, n, at, e);
    if (err) {
        endpoint_drop_last(c);
        return err;
    }
    note_endpoint(c->run_arena, e, at);
    *out = e;
    return NULL;
}

void endpoint_remove(struct container *c, size_t i)
{
    struct attached *list = c->doc.networks.v;

    if (i < c->n_endpoints) {
        struct endpoint *e = c->endpoints[i];

        memmove(&c->endpoints[i], &c->endpoints[i + 1],
                (c->n_endpoints - i - 1) * sizeof(struct endpoint *));
        c->endpoints[c->n_endpoints - 1] = e;
        endpoint_drop_last(c);
    }
    memmove(&list[i], &list[i + 1], (c->doc.networks.n - i - 1) * sizeof(*list));
    c->doc.networks.n--;
}

/* ---- the default route ---- */

/* The highest priority, then the name that sorts first; internal networks have no way out. */
struct endpoint *endpoints_choose_gateway(struct container *c, const struct endpoint *except)
{
    const struct attached *list = c->doc.networks.v;
    struct endpoint *best = NULL;
    const char *best_name = "";
    int best_priority = INT_MIN;

    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct endpoint *e = c->endpoints[i];
        int priority = list[i].asked.gw_priority;

        e->spec.gateway = 0;
        if (e == except || !e->network || network_bridge(e->network)->internal)
            continue;
        if (best && (priority < best_priority ||
                     (priority == best_priority && strcmp(list[i].network, best_name) > 0)))
            continue;
        best = e;
        best_name = list[i].network;
        best_priority = priority;
    }
    if (best)
        best->spec.gateway = network_gateway(best->network);
    return best;
}

/* ---- published ports ---- */

void networks_note_ports(struct container *c)
{
    c->doc.published = published_note(c->run_arena, c->ports);
}

/* Where published ports lead: the way out, else whatever has an address; 0 without any. */
uint32_t endpoints_port_target(struct container *c)
{
    struct endpoint *e = endpoints_choose_gateway(c, NULL);

    for (size_t i = 0; i < c->n_endpoints && !e; i++)
        if (c->endpoints[i]->network)
            e = c->endpoints[i];
    return e ? e->spec.addr : 0;
}

static struct err *reserve_ports(struct container *c)
{
    uint32_t target = endpoints_port_target(c);
    struct port_map *maps = NULL;
    size_t n = 0;

    if (!target)
        return NULL;                            /* host, none, container: nothing to publish */
    autoarena struct arena *a = arena_create(); /* the reservation has a copy */
    TRY(ports_plan(a, &c->doc.config, &c->doc.host, &maps, &n));
    if (n == 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        maps[i].addr = target;
    return ports_reserve(c->parts->net, maps, n, &c->ports);
}

/* ---- the whole run ---- */

static void begin_run(struct container *c)
{
    ASSERT(!c->n_endpoints);
    arena_destroy(c->run_arena);
    c->run_arena = arena_create();
}

struct err *networks_join(struct container *c)
{
    struct attached *list = c->doc.networks.v;
    struct err *err = NULL;
    struct endpoint *e;

    begin_run(c);
    for (size_t i = 0; i < c->doc.networks.n && !err; i++)
        err = endpoint_join(c, &list[i], &e);
    if (!err)
        err = reserve_ports(c);
    if (err)
        networks_leave(c);
    else if (c->ports)
        networks_note_ports(c);
    return err;
}

void endpoints_drop(struct container *c)
{
    while (c->n_endpoints)
        endpoint_drop_last(c);
    free(c->endpoints);
    c->endpoints = NULL;
}

/* Addresses and ports as seen by inspect go with the run; the wish stays. */
void networks_leave(struct container *c)
{
    struct attached *list = c->doc.networks.v;

    ports_release(c->ports);
    c->ports = NULL;
    dns_host_close(steal_ptr(&c->dns));
    for (int kind = 0; kind < SOCKETS_KINDS; kind++)
        sockets_unhold(c, (enum socket_kind)kind);
    c->doc.published = (struct jlist){0};
    endpoints_drop(c);
    for (size_t i = 0; i < c->doc.networks.n; i++) {
        list[i].addr = list[i].gateway = 0;
        list[i].bits = 0;
        list[i].mac = list[i].endpoint_id = list[i].ifname = "";
    }
    arena_destroy(c->run_arena);
    c->run_arena = NULL;
}

/* ---- after an engine restart: the document says what the run has ---- */

static struct err *rejoin_one(struct container *c, const struct attached *at, size_t index)
{
    struct endpoint *e = endpoint_add(c);
    struct network *n;

    snprintf(e->id, sizeof(e->id), "%s", at->endpoint_id);
    if (at->addr == 0)
        return NULL;
    TRY(network_find(c->parts->networks, at->network_id, &n));
    if (text_is_empty(at->ifname))
        snprintf(e->spec.ifname, sizeof(e->spec.ifname), "eth%u", (unsigned)index);
    else
        snprintf(e->spec.ifname, sizeof(e->spec.ifname), "%s", at->ifname);
    snprintf(e->spec.bridge, sizeof(e->spec.bridge), "%s", network_bridge(n)->link);
    set_names(e, at);
    e->spec.addr = (uint32_t)at->addr;
    e->spec.bits = at->bits;
    TRY(mac_parse(at->mac, e->spec.mac));
    return network_rejoin(n, e);
}

struct err *networks_rejoin(struct container *c)
{
    struct attached *list = c->doc.networks.v;

    begin_run(c);
    for (size_t i = 0; i < c->doc.networks.n; i++)
        TRY(rejoin_one(c, &list[i], i));
    return NULL;
}
