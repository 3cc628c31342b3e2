/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's endpoints while it runs. c->endpoints and doc.networks go side by side:
 * entry i of the one is entry i of the other, and connect and disconnect (connect.c) keep
 * it so. The kernel's part is done by workers that get copies of the specs. Loop thread.
 */
#include "place/endpoints.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "container/process.h"
#include "core/settings.h"
#include "net/dns.h"
#include "place/endpoint_options.h"
#include "place/legacy_links.h"
#include "place/networks.h"
#include "place/published.h"
#include "place/sockets.h"

struct owned { /* doc.networks alone, for a deep copy through its JSON */
    struct jlist networks;
};
static const struct jfield owned_fields[] = {
    J(J_LIST, struct owned, networks, "Networks", .sub = &endpoint_record_json),
    J_END,
};
static const struct jtable owned_json = {sizeof(struct owned), owned_fields};

/* The strings stay the document's. */
static void set_names(struct endpoint *e, const struct endpoint_record *at)
{
    e->aliases = at->asked.aliases;
    e->links = at->asked.links;
}

/* A deep copy of doc.networks, so that what a connect adds or a disconnect drops does not stay in
 * the container's arena for ever. Through its JSON: one description of the struct is enough. */
void networks_own(struct container *c)
{
    struct arena *a = arena_create();
    struct owned copy = {0}, now = {c->doc.networks};
    const char *text = json_encode(a, &owned_json, &now);
    struct err *err = json_decode(a, text, strlen(text), &owned_json, &copy);
    struct endpoint_record *list = arena_array(a, copy.networks.n + 1, sizeof(*list));

    ASSERT_LOOP();
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

/* An endpoint without a network yet: the caller joins one, or leaves it so (host, none). */
static struct endpoint *endpoint_add(struct container *c)
{
    struct endpoint *e = mem_new(struct endpoint);
    size_t n = c->n_endpoints;

    ASSERT(c->n_endpoints <= c->doc.networks.n);
    c->endpoints = mem_resize(c->endpoints, n * sizeof(e), (n + 1) * sizeof(e));
    c->endpoints[c->n_endpoints++] = e;
    snprintf(e->container_id, sizeof(e->container_id), "%s", c->doc.id);
    snprintf(e->container_name, sizeof(e->container_name), "%s", c->name);
    e->hostname = c->doc.config.hostname;
    return e;
}

static void endpoint_drop_last(struct container *c)
{
    struct endpoint *e;

    ASSERT(c->n_endpoints > 0);
    e = c->endpoints[--c->n_endpoints];
    network_leave(e);
    endpoint_check(e);
    free(e);
}

static bool ifname_is_taken(const struct container *c, const char *ifname)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (!strcmp(c->endpoints[i]->spec.ifname, ifname))
            return true;
    return false;
}

static bool ifname_is_asked(const struct container *c, const char *ifname)
{
    const struct endpoint_record *list = c->doc.networks.v;

    for (size_t i = 0; i < c->doc.networks.n; i++)
        if (text_same(endpoint_options_ifname(&list[i].asked), ifname))
            return true;
    return false;
}

/* What was asked for, or the lowest ethN that is free: after a disconnect of eth0 and a connect it
 * is eth0 again, as with Docker. */
static struct err *choose_ifname(const struct container *c, const struct endpoint_record *at,
                                 char out[16])
{
    const char *asked = endpoint_options_ifname(&at->asked);
    char name[16];

    if (asked && ifname_is_taken(c, asked))
        return err_new(ERR_INVALID, "the interface name %s is used by another network", asked);
    snprintf(name, sizeof(name), "%s", asked ? asked : "");
    for (size_t i = 0; !asked && i <= c->n_endpoints + c->doc.networks.n; i++) {
        snprintf(name, sizeof(name), "eth%zu", i);
        if (!ifname_is_taken(c, name) && !ifname_is_asked(c, name))
            break;
    }
    memcpy(out, name, sizeof(name));
    return NULL;
}

static char *text_of_addr6(struct arena *a, const struct in6_addr *addr)
{
    char text[ADDR6_TEXT];

    if (addr6_is_none(addr))
        return NULL;
    addr6_text(addr, text);
    return arena_strdup(a, text);
}

/* What inspect shows; for the run's arena, or that of an owned list. */
static void note_endpoint(struct arena *a, const struct endpoint *e, struct endpoint_record *at)
{
    const uint8_t *m = e->spec.mac;

    at->endpoint_id = arena_strdup(a, e->id);
    at->ifname = arena_strdup(a, e->spec.ifname);
    at->addr = e->spec.addr;
    at->gateway = e->spec.gateway;
    at->bits = e->spec.bits;
    at->bits6 = e->spec.bits6;
    at->addr6 = text_of_addr6(a, &e->spec.addr6);
    at->gateway6 = text_of_addr6(a, &e->spec.gateway6);
    at->mac = e->spec.vlan.kind == VLAN_IPVLAN ? ""
                                               : arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x",
                                                              m[0], m[1], m[2], m[3], m[4], m[5]);
}

static struct err *join(struct container *c, struct network *n, struct endpoint_record *at,
                        struct endpoint *e)
{
    const struct ipam_config *asked = at->asked.ipam;
    struct endpoint_wish w = {0};

    if (asked && !text_is_empty(asked->ipv4) && !addr4_parse(asked->ipv4, &w.addr))
        return err_new(ERR_INVALID, "invalid IPv4 address: %s", asked->ipv4);
    if (asked && !text_is_empty(asked->ipv6) && !addr6_parse(asked->ipv6, &w.addr6))
        return err_new(ERR_INVALID, "invalid IPv6 address: %s", asked->ipv6);
    if (!text_is_empty(at->asked.mac_address))
        TRY(mac_parse(at->asked.mac_address, w.mac));
    TRY(choose_ifname(c, at, e->spec.ifname));
    endpoint_options_fill(&at->asked, &e->spec);
    set_names(e, at);
    return network_join(n, e, &w);
}

/* Addresses are of a run, but for those that were asked for, which are in `asked`. */
static void forget_addresses(struct endpoint_record *at)
{
    at->addr = at->gateway = 0;
    at->bits = at->bits6 = 0;
    at->addr6 = at->gateway6 = NULL;
    at->mac = at->ifname = "";
}

struct err *endpoint_join(struct container *c, struct endpoint_record *at, struct endpoint **out)
{
    struct network *n;
    struct endpoint *e;
    struct err *err;

    ASSERT_LOOP();
    ASSERT(c->run_arena);
    TRY(network_find(c->parts->networks, at->network_id, &n));
    TRY(network_check_usable(n));
    forget_addresses(at);
    e = endpoint_add(c);
    if (!network_has_addresses(n)) { /* host and none have no endpoint in the kernel */
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
    endpoint_check(e);
    *out = e;
    return NULL;
}

void endpoint_remove(struct container *c, size_t i)
{
    struct endpoint_record *list = c->doc.networks.v;

    ASSERT_LOOP();
    ASSERT(i < c->doc.networks.n);
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
struct choice {
    struct endpoint *best;
    const char *name;
    int priority;
};

static void consider(struct choice *c, struct endpoint *e, const struct endpoint_record *at)
{
    int priority = at->asked.gw_priority;

    if (c->best &&
        (priority < c->priority || (priority == c->priority && strcmp(at->network, c->name) > 0)))
        return;
    *c = (struct choice){e, at->network, priority};
}

/* Writes the gateway into the specs of those that have the default routes, and takes it out of all
 * others. */
struct ways_out endpoints_choose_gateway(struct container *c, const struct endpoint *except)
{
    const struct endpoint_record *list = c->doc.networks.v;
    struct choice v4 = {0}, v6 = {0};

    ASSERT(c->n_endpoints <= c->doc.networks.n + 1);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct endpoint *e = c->endpoints[i];

        e->spec.gateway = 0;
        e->spec.gateway6 = (struct in6_addr){0};
        if (e == except || !e->network || network_is_internal(e->network))
            continue;
        if (e->spec.addr)
            consider(&v4, e, &list[i]);
        if (e->spec.bits6)
            consider(&v6, e, &list[i]);
    }
    if (v4.best)
        v4.best->spec.gateway = network_way_out(v4.best->network);
    if (v6.best)
        v6.best->spec.gateway6 = network_way_out6(v6.best->network);
    return (struct ways_out){v4.best, v6.best};
}

/* ---- published ports ---- */

void networks_note_ports(struct container *c)
{
    ASSERT(c->run_arena && c->ports);
    c->doc.published = published_note(c->run_arena, c->ports);
}

/* macvlan and ipvlan publish nothing: their containers stand in the network themselves. An internal
 * network is to have no way in. */
static bool can_publish(const struct endpoint *e)
{
    return e->network && e->spec.vlan.kind == VLAN_NONE && !network_is_internal(e->network);
}

static bool is_on_bridge(const struct endpoint *e)
{
    return e->network && e->spec.vlan.kind == VLAN_NONE;
}

/* Published ports lead to the network of the default route; where that cannot publish, to any other
 * one that can. */
struct port_target endpoints_port_target(struct container *c)
{
    struct ways_out out = endpoints_choose_gateway(c, NULL);
    struct port_target t = {0};

    if (out.v4 && !can_publish(out.v4))
        out.v4 = NULL;
    if (out.v6 && !can_publish(out.v6))
        out.v6 = NULL;
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct endpoint *e = c->endpoints[i];

        if (can_publish(e) && e->spec.addr && !out.v4)
            out.v4 = e;
        if (can_publish(e) && e->spec.bits6 && !out.v6)
            out.v6 = e;
    }
    if (out.v4) {
        t.network = out.v4->network;
        t.addr = out.v4->spec.addr;
        t.is_routed = network_bridge(out.v4->network)->mode == GATEWAY_ROUTED;
    }
    if (out.v6) {
        t.network = out.v4 ? t.network : out.v6->network;
        t.addr6 = out.v6->spec.addr6;
        t.is_routed6 = network_bridge(out.v6->network)->mode6 == GATEWAY_ROUTED;
    }
    return t;
}

static bool is_opened_already(const struct port_map *maps, size_t n, const struct port_map *m)
{
    for (size_t i = 0; i < n; i++)
        if (maps[i].is_routed && maps[i].is_v6 == m->is_v6 && maps[i].port == m->port &&
            maps[i].proto == m->proto)
            return true;
    return false;
}

/* Where the container's addresses are routed the host has no port: the container's is opened, once.
 * Nor has it one that would lead to a routed address of the other family, or to any of SCTP's
 * (crossing over is the proxy's). */
static size_t route_ports(const struct port_target *t, struct port_map *maps, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct port_map m = maps[i];
        bool has_own = m.is_v6 ? !addr6_is_none(&t->addr6) : t->addr != 0;

        port_target_fill(t, &m);
        m.is_routed = has_own && (m.is_v6 ? t->is_routed6 : t->is_routed);
        if (!has_own && (m.proto == PORT_SCTP || (m.is_v6 ? t->is_routed : t->is_routed6)))
            continue;
        if (m.is_routed) {
            m.host_port = m.host_port_end = 0;
            if (is_opened_already(maps, kept, &m))
                continue;
        }
        maps[kept++] = m;
    }
    return kept;
}

/* For ports that name no address: the network's option, else the engine's. */
static const char *binding_address(const struct container *c, const struct network *n)
{
    const char *own = network_host_binding(n), *of_all = c->parts->settings->default_ip;

    if (!text_is_empty(own))
        return own;
    return text_same(of_all, "0.0.0.0") ? NULL : of_all;
}

static struct err *reserve_ports(struct container *c)
{
    struct port_target target = endpoints_port_target(c);
    struct port_map *maps = NULL;
    size_t n = 0;

    ASSERT(!c->ports);
    if (port_target_is_none(&target))
        return NULL;                            /* host, none, container: nothing to publish */
    autoarena struct arena *a = arena_create(); /* the reservation has a copy */
    TRY(ports_plan(a, &c->doc.config, &c->doc.host, binding_address(c, target.network), &maps, &n));
    n = route_ports(&target, maps, n);
    if (n == 0)
        return NULL;
    return ports_reserve(c->parts->net, maps, n, &c->ports);
}

/* ---- the whole run ---- */

static void begin_run(struct container *c)
{
    ASSERT(!c->n_endpoints);
    arena_destroy(c->run_arena);
    c->run_arena = arena_create();
}

/* A network that went and came again under its name is the one that was meant: compositions make
 * theirs anew. */
static struct err *renew_network(struct container *c, size_t i)
{
    struct endpoint_record *at = (struct endpoint_record *)c->doc.networks.v + i;
    struct network *n = NULL;
    struct err *err = network_find(c->parts->networks, at->network_id, &n);

    if (!err)
        return NULL;
    err_drop(err);
    err = network_find(c->parts->networks, at->network, &n);
    if (err || strcmp(network_name(n), at->network) != 0) {
        err_drop(err);
        return err_new(ERR_NOT_FOUND, "network %s not found", at->network);
    }
    TRY(network_check_asked(n, &at->asked));
    at->network_id = arena_strdup(c->run_arena, network_id(n));
    networks_own(c);
    return NULL;
}

struct err *networks_join(struct container *c)
{
    struct endpoint_record *list;
    struct err *err = NULL;
    struct endpoint *e;

    ASSERT_LOOP();
    begin_run(c);
    for (size_t i = 0; i < c->doc.networks.n && !err; i++)
        err = renew_network(c, i);
    list = c->doc.networks.v;
    for (size_t i = 0; i < c->doc.networks.n && !err; i++)
        err = endpoint_join(c, &list[i], &e);
    if (!err)
        err = reserve_ports(c);
    if (err)
        networks_leave(c);
    else if (c->ports)
        networks_note_ports(c);
    if (!err)
        legacy_links_changed(c);
    return err;
}

void endpoints_drop(struct container *c)
{
    while (c->n_endpoints)
        endpoint_drop_last(c);
    free(c->endpoints);
    c->endpoints = NULL;
}

/* Addresses and ports as seen by inspect go with the run; the wish stays. Whoever gets the address
 * next must not get the clients of the ports with it: their rules go at once, however the run came
 * to its end. */
void networks_leave(struct container *c)
{
    struct endpoint_record *list = c->doc.networks.v;
    bool had_ports = c->ports != NULL;

    ASSERT_LOOP();
    ports_let_go(c);
    dns_host_close(steal_ptr(&c->dns));
    for (int kind = 0; kind < SOCKETS_KINDS; kind++)
        sockets_unhold(c, (enum socket_kind)kind);
    c->doc.published = (struct jlist){0};
    endpoints_drop(c);
    legacy_links_changed(c);
    for (size_t i = 0; i < c->doc.networks.n; i++) {
        forget_addresses(&list[i]);
        list[i].endpoint_id = "";
    }
    arena_destroy(c->run_arena);
    c->run_arena = NULL;
    if (had_ports)
        net_rules_apply(c->parts->net, NULL, NULL);
}

/* ---- after an engine restart: the document says what the run has ---- */

/* The kernel has the interfaces still: only this engine's books are filled, from what the document
 * says. */
static struct err *rejoin_one(struct container *c, const struct endpoint_record *at, size_t index)
{
    struct endpoint *e = endpoint_add(c);
    struct network *n;

    snprintf(e->id, sizeof(e->id), "%s", at->endpoint_id);
    if (!endpoint_record_has_address(at))
        return NULL;
    TRY(network_find(c->parts->networks, at->network_id, &n));
    if (text_is_empty(at->ifname))
        snprintf(e->spec.ifname, sizeof(e->spec.ifname), "eth%u", (unsigned)index);
    else
        snprintf(e->spec.ifname, sizeof(e->spec.ifname), "%s", at->ifname);
    endpoint_options_fill(&at->asked, &e->spec);
    set_names(e, at);
    e->spec.addr = (uint32_t)at->addr;
    e->spec.bits = at->bits;
    if (at->bits6 && (text_is_empty(at->addr6) || !addr6_parse(at->addr6, &e->spec.addr6)))
        return err_new(ERR_INTERNAL, "the saved IPv6 address of the container is none");
    e->spec.bits6 = at->bits6;
    if (!text_is_empty(at->mac)) /* ipvlan has none of its own */
        TRY(mac_parse(at->mac, e->spec.mac));
    return network_rejoin(n, e);
}

/* The kernel's table of who may send from where is made anew by each engine. */
static void resume_sources(struct container *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct err *err = NULL;
        int netns;

        if (!is_on_bridge(c->endpoints[i]))
            continue;
        err = container_open_netns(c, &netns);
        if (!err)
            net_source_resume(c->parts->net, &c->endpoints[i]->spec, netns);
        err_drop(err); /* it has ended */
    }
}

/* One that fails has an endpoint without a network all the same: the lists go side by side. */
struct err *networks_rejoin(struct container *c)
{
    struct endpoint_record *list = c->doc.networks.v;
    struct err *first = NULL;

    ASSERT_LOOP();
    begin_run(c);
    for (size_t i = 0; i < c->doc.networks.n; i++) {
        struct err *err = rejoin_one(c, &list[i], i);

        if (first)
            err_drop(err);
        else
            first = err;
    }
    ASSERT(c->n_endpoints == c->doc.networks.n);
    resume_sources(c);
    legacy_links_changed(c);
    return first;
}
