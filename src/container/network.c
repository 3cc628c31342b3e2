/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's side of networking: which networks it asks for, its endpoints and
 * published ports while it runs. Decisions and reservations on the loop; the kernel's
 * part is done by start's worker step.
 */
#include "object.h"
#include "port_spec.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool network_mode_is(const struct host_config *h, const char *mode)
{
    return text_same(h->network_mode, mode);
}

struct err *mode_container(struct container_table *t, const char *mode, struct container **out)
{
    *out = NULL;
    if (!mode || !text_starts(mode, "container:"))
        return NULL;
    return container_find(t, mode + strlen("container:"), out);
}

/* "default" and "" are the bridge. */
static const char *network_of_mode(const char *mode)
{
    return text_is_empty(mode) || strcmp(mode, "default") == 0 ? "bridge" : mode;
}

static struct err *check_address(struct network *n, const struct endpoint_config *e)
{
    uint32_t addr;

    if (!e->ipam || text_is_empty(e->ipam->ipv4))
        return NULL;
    if (!addr4_parse(e->ipam->ipv4, &addr))
        return err_new(ERR_INVALID, "invalid IPv4 address: %s", e->ipam->ipv4);
    if (strcmp(network_name(n), "bridge") == 0)
        return err_new(ERR_INVALID,
                       "invalid config for network bridge: user specified IP address is "
                       "supported on user defined networks only");
    if (!subnet4_has(network_subnet(n), addr))
        return err_new(ERR_INVALID,
                       "invalid config for network %s: no configured subnet contains IP "
                       "address %s",
                       network_name(n), e->ipam->ipv4);
    return NULL;
}

static struct err *check_mac(const char *s, uint8_t out[6])
{
    unsigned b[6];
    char rest;

    if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) !=
            6 ||
        (b[0] & 1))
        return err_new(ERR_INVALID, "invalid MAC address: %s", s);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)b[i];
    return NULL;
}

static struct err *plan_one(struct container_table *t, struct arena *a, const char *name,
                            const struct endpoint_config *asked, struct attached *out)
{
    struct network *n;
    uint8_t mac[6];

    TRY(network_find(t->parts->networks, name, &n));
    if (asked) {
        TRY(check_address(n, asked));
        if (!text_is_empty(asked->mac_address))
            TRY(check_mac(asked->mac_address, mac));
        out->asked = *asked;
    }
    out->network = arena_strdup(a, network_name(n));
    out->network_id = arena_strdup(a, network_id(n));
    out->endpoint_id = out->mac = "";
    return NULL;
}

struct err *networks_plan(struct container_table *t, struct arena *a, const struct config *config,
                          const struct host_config *host, const struct networking_config *n,
                          struct jlist *out, struct strs *warnings)
{
    const char *mode = network_of_mode(host->network_mode);
    const struct endpoint_config *asked = n->endpoints.v;
    struct attached *list;
    size_t count = 0;

    (void)warnings;
    if (config->network_disabled || text_starts(mode, "container:")) {
        *out = (struct jlist){0};
        return NULL;
    }
    list = arena_array(a, n->endpoints.n + 1, sizeof(*list));
    for (size_t i = 0; i < n->endpoints.n; i++) {
        const char *name =
            strcmp(n->endpoints.keys[i], "default") == 0 ? "bridge" : n->endpoints.keys[i];

        if (strcmp(name, mode) == 0) { /* the mode's own network comes first */
            memmove(list + 1, list, count * sizeof(*list));
            memset(list, 0, sizeof(*list));
            TRY(plan_one(t, a, name, &asked[i], &list[0]));
        } else {
            TRY(plan_one(t, a, name, &asked[i], &list[count]));
        }
        count++;
    }
    if (count == 0)
        TRY(plan_one(t, a, mode, NULL, &list[count++]));
    if (text_is_empty(list[0].asked.mac_address) && !text_is_empty(config->mac_address))
        list[0].asked.mac_address = config->mac_address;
    out->v = list;
    out->n = count;
    return NULL;
}

/* ---- published ports ---- */

#define PORT_MAPS_MAX 16384 /* each is a socket, and the loop goes through them */

struct port_list {
    struct arena *a;
    struct port_map *v;
    size_t n, room;
};

static struct port_map *port_add(struct port_list *l)
{
    if (l->n == l->room) {
        size_t room = l->room ? l->room * 2 : 8;
        struct port_map *grown = arena_array(l->a, room, sizeof(*grown));

        if (l->n)
            memcpy(grown, l->v, l->n * sizeof(*grown));
        l->v = grown;
        l->room = room;
    }
    return &l->v[l->n++];
}

struct err *port_spec_parse(const char *s, int *first, int *last, enum port_proto *proto)
{
    char number[24], tail[16] = "tcp";
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);
    char *dash;
    uint32_t lo, hi;

    if (n == 0 || n >= sizeof(number) || (slash && strlen(slash + 1) >= sizeof(tail)))
        return err_new(ERR_INVALID, "invalid port specification: \"%s\"", s);
    memcpy(number, s, n);
    number[n] = '\0';
    if (slash)
        snprintf(tail, sizeof(tail), "%s", slash + 1);
    dash = strchr(number, '-');
    if (dash)
        *dash++ = '\0';
    if (!text_to_u32(number, &lo) || !text_to_u32(dash ? dash : number, &hi) || lo > 65535 ||
        hi > 65535 || hi < lo)
        return err_new(ERR_INVALID, "invalid port specification: \"%s\"", s);
    if (strcmp(tail, "tcp") == 0 || tail[0] == '\0')
        *proto = PORT_TCP;
    else if (strcmp(tail, "udp") == 0)
        *proto = PORT_UDP;
    else if (strcmp(tail, "sctp") == 0)
        *proto = PORT_SCTP;
    else
        return err_new(ERR_INVALID, "invalid proto: %s", tail);
    *first = (int)lo;
    *last = (int)hi;
    return NULL;
}

static struct err *add_binding(struct port_list *l, enum port_proto proto, int port,
                               const char *host_ip, const char *host_port, const char *default_ip)
{
    const char *ip = text_is_empty(host_ip) ? default_ip : host_ip;
    bool is_wildcard = text_is_empty(ip) || strcmp(ip, "0.0.0.0") == 0;
    bool wants_both = text_is_empty(host_ip) && is_wildcard;
    enum port_proto ignored;
    int first = 0, last = 0;

    if (!text_is_empty(host_port) && strcmp(host_port, "0") != 0)
        TRY(port_spec_parse(host_port, &first, &last, &ignored));
    for (int v6 = 0; v6 <= (wants_both ? 1 : 0); v6++) {
        struct port_map *m = port_add(l);

        m->proto = proto;
        m->port = (uint16_t)port;
        m->host_port = first == last ? (uint16_t)first : 0;
        if (first != last) {
            m->host_port = (uint16_t)first;
            m->host_port_end = (uint16_t)last;
        }
        m->is_v6 = v6 == 1;
        if (is_wildcard)
            continue;
        if (inet_pton(AF_INET, ip, m->host_ip) == 1)
            continue;
        if (inet_pton(AF_INET6, ip, m->host_ip) != 1)
            return err_new(ERR_INVALID, "Invalid ip address %s", ip);
        m->is_v6 = true;
    }
    return NULL;
}

static struct err *add_bindings_of(struct port_list *l, const char *spec,
                                   const struct jlist *bindings)
{
    const struct port_binding *b = bindings->v;
    enum port_proto proto;
    int first, last;

    TRY(port_spec_parse(spec, &first, &last, &proto));
    if (first == 0)
        return err_new(ERR_INVALID, "invalid containerPort: %s", spec);
    for (int port = first; port <= last; port++)
        for (size_t i = 0; i < bindings->n && l->n <= PORT_MAPS_MAX; i++)
            TRY(add_binding(l, proto, port, b[i].host_ip, b[i].host_port, NULL));
    return NULL;
}

static bool is_bound(const struct host_config *host, const char *spec)
{
    const struct jlist *lists = host->port_bindings.v;

    for (size_t i = 0; i < host->port_bindings.n; i++)
        if (strcmp(host->port_bindings.keys[i], spec) == 0 && lists[i].n > 0)
            return true;
    return false;
}

struct err *ports_plan(struct arena *a, const struct config *config, const struct host_config *host,
                       struct port_map **out, size_t *n)
{
    struct port_list l = {.a = a};
    const struct jlist *lists = host->port_bindings.v;

    for (size_t i = 0; i < host->port_bindings.n; i++)
        TRY(add_bindings_of(&l, host->port_bindings.keys[i], &lists[i]));
    for (size_t i = 0; i < config->exposed_ports.n; i++) {
        struct port_binding any = {0};
        struct jlist one = {.v = &any, .n = 1};
        const char *spec = config->exposed_ports.v[i];
        enum port_proto proto;
        int first, last;

        TRY(port_spec_parse(spec, &first, &last, &proto)); /* a bad EXPOSE is refused in any case */
        if (host->publish_all_ports && !is_bound(host, spec))
            TRY(add_bindings_of(&l, spec, &one));
    }
    if (l.n > PORT_MAPS_MAX)
        return err_new(ERR_INVALID, "a container can publish at most %d ports", PORT_MAPS_MAX);
    *out = l.v;
    *n = l.n;
    return NULL;
}

/* ---- while it runs ---- */

void networks_note_ports(struct container *c)
{
    struct published *list = arena_array(c->run_arena, ports_count(c->ports), sizeof(*list));

    for (size_t i = 0; i < ports_count(c->ports); i++) {
        const struct port_map *m = ports_at(c->ports, i);
        char ip[INET6_ADDRSTRLEN];

        inet_ntop(m->is_v6 ? AF_INET6 : AF_INET, m->host_ip, ip, sizeof(ip));
        list[i] = (struct published){.proto = (int)m->proto,
                                     .port = m->port,
                                     .host_port = m->host_port,
                                     .is_v6 = m->is_v6,
                                     .host_ip = arena_strdup(c->run_arena, ip)};
    }
    c->doc.published = (struct jlist){.v = list, .n = ports_count(c->ports)};
}

static struct err *join_one(struct container *c, struct attached *at, struct endpoint *e,
                            size_t index)
{
    struct network *n;
    uint8_t mac[6] = {0};
    uint32_t wanted = 0;

    TRY(network_find(c->parts->networks, at->network_id, &n));
    at->addr = at->gateway = 0;
    at->mac = "";
    if (!network_bridge(n)) { /* host and none have no endpoint in the kernel */
        id_random(e->id);
        at->endpoint_id = arena_strdup(c->run_arena, e->id);
        return NULL;
    }
    if (at->asked.ipam && !text_is_empty(at->asked.ipam->ipv4) &&
        !addr4_parse(at->asked.ipam->ipv4, &wanted))
        return err_new(ERR_INVALID, "invalid IPv4 address: %s", at->asked.ipam->ipv4);
    if (!text_is_empty(at->asked.mac_address))
        TRY(check_mac(at->asked.mac_address, mac));
    snprintf(e->container_id, sizeof(e->container_id), "%s", c->doc.id);
    snprintf(e->container_name, sizeof(e->container_name), "%s", c->name);
    snprintf(e->spec.ifname, sizeof(e->spec.ifname), "eth%u", (unsigned)index);
    e->aliases = at->asked.aliases;
    TRY(network_join(n, e, wanted, mac));
    if (index > 0)
        e->spec.gateway = 0; /* one default route: by the first network */
    at->endpoint_id = arena_strdup(c->run_arena, e->id);
    at->addr = e->spec.addr;
    at->gateway = e->spec.gateway;
    at->bits = e->spec.bits;
    at->mac =
        arena_printf(c->run_arena, "%02x:%02x:%02x:%02x:%02x:%02x", e->spec.mac[0], e->spec.mac[1],
                     e->spec.mac[2], e->spec.mac[3], e->spec.mac[4], e->spec.mac[5]);
    return NULL;
}

static struct err *reserve_ports(struct container *c)
{
    struct port_map *maps = NULL;
    size_t n = 0;

    if (c->n_endpoints == 0 || !c->endpoints[0].network)
        return NULL; /* host, none, container: nothing to publish */
    TRY(ports_plan(c->run_arena, &c->doc.config, &c->doc.host, &maps, &n));
    if (n == 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        maps[i].addr = c->endpoints[0].spec.addr;
    return ports_reserve(c->parts->net, maps, n, &c->ports);
}

static void begin_run(struct container *c)
{
    arena_destroy(c->run_arena);
    c->run_arena = arena_create();
    c->n_endpoints = c->doc.networks.n;
    c->endpoints = arena_array(c->run_arena, c->n_endpoints, sizeof(*c->endpoints));
}

struct err *networks_join(struct container *c)
{
    struct attached *list = c->doc.networks.v;
    struct err *err = NULL;

    begin_run(c);
    for (size_t i = 0; i < c->n_endpoints && !err; i++)
        err = join_one(c, &list[i], &c->endpoints[i], i);
    if (!err)
        err = reserve_ports(c);
    if (err)
        networks_leave(c);
    else if (c->ports)
        networks_note_ports(c);
    return err;
}

/* Addresses and ports as seen by inspect go with the run; the wish stays. */
void networks_leave(struct container *c)
{
    struct attached *list = c->doc.networks.v;

    ports_release(c->ports);
    c->ports = NULL;
    c->doc.published = (struct jlist){0};
    for (size_t i = 0; i < c->n_endpoints; i++) {
        network_leave(&c->endpoints[i]);
        list[i].addr = list[i].gateway = 0;
        list[i].bits = 0;
        list[i].mac = list[i].endpoint_id = "";
    }
    c->n_endpoints = 0;
    c->endpoints = NULL;
    arena_destroy(c->run_arena);
    c->run_arena = NULL;
}

/* The strings of the document that name this run live in the document's arena here. */
struct err *networks_rejoin(struct container *c)
{
    struct attached *list = c->doc.networks.v;
    const struct published *published = c->doc.published.v;
    struct port_map *maps;

    begin_run(c);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        struct endpoint *e = &c->endpoints[i];
        struct network *n;

        if (list[i].addr == 0)
            continue;
        TRY(network_find(c->parts->networks, list[i].network_id, &n));
        snprintf(e->id, sizeof(e->id), "%s", list[i].endpoint_id);
        snprintf(e->container_id, sizeof(e->container_id), "%s", c->doc.id);
        snprintf(e->container_name, sizeof(e->container_name), "%s", c->name);
        snprintf(e->spec.ifname, sizeof(e->spec.ifname), "eth%u", (unsigned)i);
        snprintf(e->spec.bridge, sizeof(e->spec.bridge), "%s", network_bridge(n)->link);
        e->aliases = list[i].asked.aliases;
        e->spec.addr = (uint32_t)list[i].addr;
        e->spec.gateway = (uint32_t)list[i].gateway;
        e->spec.bits = list[i].bits;
        TRY(check_mac(list[i].mac, e->spec.mac));
        TRY(network_rejoin(n, e));
    }
    if (c->doc.published.n == 0)
        return NULL;
    maps = arena_array(c->run_arena, c->doc.published.n, sizeof(*maps));
    for (size_t i = 0; i < c->doc.published.n; i++) {
        maps[i] = (struct port_map){.proto = (enum port_proto)published[i].proto,
                                    .is_v6 = published[i].is_v6,
                                    .host_port = (uint16_t)published[i].host_port,
                                    .port = (uint16_t)published[i].port,
                                    .addr = c->endpoints[0].spec.addr};
        inet_pton(maps[i].is_v6 ? AF_INET6 : AF_INET, published[i].host_ip, maps[i].host_ip);
    }
    return ports_reserve(c->parts->net, maps, c->doc.published.n, &c->ports);
}
