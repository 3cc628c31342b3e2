/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container asks of the network: which networks, which published ports. Plans
 * only; its endpoints while it runs are in endpoints.c. Loop thread.
 */
#include "place/networks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "container/container.h"
#include "container/container_table.h"
#include "container/doc.h"
#include "container/object.h"
#include "container/parts.h"
#include "net/network.h"
#include "place/endpoint_options.h"
#include "place/port_spec.h"
#include "runtime/config.h"

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

#define CHAIN_MAX 64 /* of containers, each of which has joined the next */

/* "default" and "" are the bridge. */
static const char *network_of_mode(const char *mode)
{
    return text_is_empty(mode) || strcmp(mode, "default") == 0 ? "bridge" : mode;
}

static struct err *check_wish(struct network *n, const char *text, bool is_inside)
{
    if (network_is_predefined(n))
        return err_new(ERR_INVALID,
                       "invalid config for network %s: user specified IP address is "
                       "supported on user defined networks only",
                       network_name(n));
    if (!is_inside)
        return err_new(ERR_INVALID,
                       "invalid config for network %s: no configured subnet contains IP "
                       "address %s",
                       network_name(n), text);
    return NULL;
}

static struct err *check_address(struct network *n, const struct endpoint_config *e)
{
    struct subnet4 v4 = network_subnet(n);
    struct subnet6 v6 = network_subnet6(n);
    struct in6_addr addr6;
    uint32_t addr;

    if (!e->ipam)
        return NULL;
    if (!text_is_empty(e->ipam->ipv4)) {
        if (!addr4_parse(e->ipam->ipv4, &addr))
            return err_new(ERR_INVALID, "invalid IPv4 address: %s", e->ipam->ipv4);
        TRY(check_wish(n, e->ipam->ipv4, v4.bits && subnet4_has(v4, addr)));
    }
    if (!text_is_empty(e->ipam->ipv6)) {
        if (!addr6_parse(e->ipam->ipv6, &addr6))
            return err_new(ERR_INVALID, "invalid IPv6 address: %s", e->ipam->ipv6);
        TRY(check_wish(n, e->ipam->ipv6, v6.bits && subnet6_has(v6, &addr6)));
    }
    return NULL;
}

struct err *mac_parse(const char *s, uint8_t out[6])
{
    uint8_t mac[6];

    if (!text_to_mac(s, mac) || (mac[0] & 1))
        return err_new(ERR_INVALID, "invalid MAC address: %s", s);
    memcpy(out, mac, sizeof(mac));
    return NULL;
}

struct err *network_check_asked(struct network *n, const struct endpoint_config *asked)
{
    uint8_t mac[6];

    TRY(check_address(n, asked));
    TRY(endpoint_options_check(asked, network_subnet6(n).bits > 0));
    return text_is_empty(asked->mac_address) ? NULL : mac_parse(asked->mac_address, mac);
}

struct err *network_plan_attached(struct container_table *t, struct arena *a, const char *name,
                                  const struct endpoint_config *asked, struct endpoint_record *out)
{
    struct network *n;

    TRY(network_find(t->parts->networks, name, &n));
    TRY(network_check_usable(n));
    if (asked) {
        TRY(network_check_asked(n, asked));
        out->asked = *asked;
    }
    out->network = arena_strdup(a, network_name(n));
    out->network_id = arena_strdup(a, network_id(n));
    out->endpoint_id = out->mac = out->ifname = "";
    return NULL;
}

/* At create one that is not there may come before the start, which tells of its absence. */
static struct err *plan_at_create(struct container_table *t, struct arena *a, const char *name,
                                  const struct endpoint_config *asked, struct endpoint_record *out)
{
    struct err *err = network_plan_attached(t, a, name, asked, out);

    if (!err || err_kind(err) != ERR_NOT_FOUND)
        return err;
    err_drop(err);
    if (asked)
        out->asked = *asked;
    out->network = arena_strdup(a, name);
    out->network_id = out->endpoint_id = out->mac = out->ifname = "";
    return NULL;
}

/* Docker drops the wish silently; what is not done should be said. */
static void warn_unpublished(struct container_table *t, struct arena *a,
                             const struct host_config *host, const struct jlist *list,
                             struct strs *warnings)
{
    const struct endpoint_record *at = list->v;
    const char *driver = "";
    bool is_sealed = false;

    if (!host->port_bindings.n && !host->publish_all_ports)
        return;
    for (size_t i = 0; i < list->n; i++) {
        struct network *n;
        struct err *err = network_find(t->parts->networks, at[i].network_id, &n);

        if (err || (network_bridge(n) && !network_is_internal(n))) { /* or nobody knows yet */
            err_drop(err);
            return;
        }
        driver = network_driver(n);
        is_sealed = is_sealed || network_bridge(n);
    }
    if (is_sealed)
        strs_add(a, warnings,
                 "Published ports are discarded: the container's networks are internal");
    else if (strstr(driver, "vlan"))
        strs_add(
            a, warnings,
            arena_printf(a, "Published ports are discarded when using %s network mode", driver));
}

/* A published port that no one outside reaches, silently, would be a lie. */
static void warn_shut(struct container_table *t, struct arena *a, const struct host_config *host,
                      const struct jlist *list, struct strs *warnings)
{
    const char *shut = net_forward_shut(t->parts->net);
    const struct endpoint_record *at = list->v;
    bool publishes = host->port_bindings.n || host->publish_all_ports;

    for (size_t i = 0; shut && i < list->n; i++) {
        struct network *n;
        struct err *err = network_find(t->parts->networks, at[i].network_id, &n);
        bool is_concerned = !err && network_bridge(n) && !network_is_internal(n);

        err_drop(err);
        if (!is_concerned)
            continue;
        strs_add(a, warnings,
                 arena_printf(a,
                              "The host's firewall drops what is forwarded (%s): the container "
                              "does not reach the outside%s",
                              shut,
                              publishes ? ", and its published ports are served by the engine's "
                                          "proxy where the host accepts them as its own"
                                        : ""));
        return;
    }
}

struct err *networks_plan(struct container_table *t, struct arena *a, const struct config *config,
                          const struct host_config *host, const struct networking_config *n,
                          struct jlist *out, struct strs *warnings)
{
    const char *mode = network_of_mode(host->network_mode);
    const struct endpoint_config *asked = n->endpoints.v;
    struct endpoint_record *list;
    size_t count = 0;

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
            TRY(plan_at_create(t, a, name, &asked[i], &list[0]));
        } else {
            TRY(plan_at_create(t, a, name, &asked[i], &list[count]));
        }
        count++;
    }
    if (count == 0)
        TRY(plan_at_create(t, a, mode, NULL, &list[count++]));
    if (!text_is_empty(config->mac_address)) {
        if (!text_is_empty(list[0].asked.mac_address) &&
            strcasecmp(list[0].asked.mac_address, config->mac_address) != 0)
            return err_new(ERR_INVALID,
                           "the container-wide MAC address must match the endpoint-specific MAC "
                           "address for the main network, or be left empty");
        list[0].asked.mac_address = config->mac_address;
    }
    out->v = list;
    out->n = count;
    for (size_t i = 0; i < count; i++)
        endpoint_options_warn(&list[i].asked, a, warnings);
    warn_unpublished(t, a, host, out, warnings);
    warn_shut(t, a, host, out, warnings);
    return NULL;
}

static void add_names(struct container_table *t, struct arena *a, const struct jlist *networks,
                      const struct host_config *host, struct strs *out)
{
    const struct endpoint_record *list = networks->v;

    for (size_t i = 0; i < networks->n; i++) {
        struct network *n = NULL;
        struct err *err = network_find(t->parts->networks, list[i].network, &n);

        strs_add(a, out, n ? network_name(n) : list[i].network);
        err_drop(err);
    }
    if (!networks->n)
        strs_add(a, out, network_of_mode(host->network_mode));
}

struct strs networks_names(struct container_table *t, struct arena *a, const struct jlist *networks,
                           const struct host_config *host)
{
    struct container *other = NULL;
    struct strs out = {0};

    add_names(t, a, networks, host, &out);
    for (int i = 0; i < CHAIN_MAX; i++) {
        err_drop(mode_container(t, host->network_mode, &other));
        if (!other)
            return out;
        host = &other->doc.host;
        add_names(t, a, &other->doc.networks, host, &out);
    }
    strs_add(a, &out, "host"); /* a chain that does not end */
    return out;
}

/* ---- published ports ---- */

/* All ports of a protocol, two for each on every address; sockets have a limit of their own. */
#define PORT_MAPS_MAX (2 * 65536)

struct port_list {
    struct arena *a;
    struct port_map *v;
    size_t n, room;
};

static struct port_map *port_add(struct port_list *l)
{
    ASSERT(l->n <= l->room);
    l->v = arena_grow(l->a, l->v, l->n, &l->room, sizeof(*l->v));
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

/* The kernel translates nothing that comes from loopback, and the proxy speaks TCP and UDP. */
static struct err *check_sctp(const struct port_map *m)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (m->proto != PORT_SCTP ||
        (m->is_v6 ? memcmp(m->host_ip, loopback6, 16) != 0 : m->host_ip[0] != 127))
        return NULL;
    return err_new(ERR_INVALID, "SCTP ports cannot be published on a loopback address: %u/sctp",
                   m->port);
}

/* A binding without an address is two: 0.0.0.0 and [::], as Docker lists them. */
static struct err *add_binding(struct port_list *l, enum port_proto proto, int port,
                               const char *host_ip, const char *host_port, const char *default_ip)
{
    const char *ip = text_is_empty(host_ip) ? default_ip : host_ip;
    bool is_wildcard = text_is_empty(ip) || strcmp(ip, "0.0.0.0") == 0;
    bool wants_both = text_is_empty(ip);
    enum port_proto ignored;
    int first = 0, last = 0;

    if (!text_is_empty(host_port) && strcmp(host_port, "0") != 0)
        TRY(port_spec_parse(host_port, &first, &last, &ignored));
    for (int v6 = 0; v6 <= (wants_both ? 1 : 0); v6++) {
        struct port_map *m;

        if (l->n == PORT_MAPS_MAX) /* before a range of strangers is spelled out */
            return err_new(ERR_INVALID, "a container can publish at most %d ports", PORT_MAPS_MAX);
        m = port_add(l);
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
        if (inet_pton(AF_INET, ip, m->host_ip) != 1) {
            m->is_v6 = true;
            if (inet_pton(AF_INET6, ip, m->host_ip) != 1)
                return err_new(ERR_INVALID, "Invalid ip address %s", ip);
        }
        TRY(check_sctp(m));
    }
    return NULL;
}

static struct err *add_bindings_of(struct port_list *l, const char *spec,
                                   const struct jlist *bindings, const char *default_ip)
{
    const struct port_binding *b = bindings->v;
    enum port_proto proto;
    int first, last;

    TRY(port_spec_parse(spec, &first, &last, &proto));
    if (first == 0)
        return err_new(ERR_INVALID, "invalid containerPort: %s", spec);
    for (int port = first; port <= last; port++)
        for (size_t i = 0; i < bindings->n; i++)
            TRY(add_binding(l, proto, port, b[i].host_ip, b[i].host_port, default_ip));
    return NULL;
}

/* Both lists may have tens of thousands: names are looked up. */
static struct map *bound_specs(const struct host_config *host)
{
    const struct jlist *lists = host->port_bindings.v;
    struct map *bound = map_create();

    for (size_t i = 0; i < host->port_bindings.n; i++)
        if (lists[i].n > 0)
            map_put(bound, host->port_bindings.keys[i], bound);
    return bound;
}

/* -P: what is exposed and has no binding of its own. */
static struct err *add_exposed(struct port_list *l, const struct config *config,
                               const struct map *bound, const char *default_ip)
{
    struct port_binding any = {0};
    const struct jlist one = {.v = &any, .n = 1};

    for (size_t i = 0; i < config->exposed_ports.n; i++) {
        const char *spec = config->exposed_ports.v[i];
        enum port_proto proto;
        int first, last;

        TRY(port_spec_parse(spec, &first, &last, &proto)); /* a bad EXPOSE is refused in any case */
        if (bound && !map_get(bound, spec))
            TRY(add_bindings_of(l, spec, &one, default_ip));
    }
    return NULL;
}

struct err *ports_plan(struct arena *a, const struct config *config, const struct host_config *host,
                       const char *default_ip, struct port_map **out, size_t *n)
{
    struct port_list l = {.a = a};
    const struct jlist *lists = host->port_bindings.v;
    struct map *bound;
    struct err *err;

    for (size_t i = 0; i < host->port_bindings.n; i++)
        TRY(add_bindings_of(&l, host->port_bindings.keys[i], &lists[i], default_ip));
    bound = host->publish_all_ports ? bound_specs(host) : NULL;
    err = add_exposed(&l, config, bound, default_ip);
    map_destroy(bound);
    TRY(err);
    *out = l.v;
    *n = l.n;
    return NULL;
}
