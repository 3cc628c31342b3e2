/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of our one nftables table, derived from bridges and ports. Published ports
 * are elements of maps keyed by what is published, so a duplicate cannot exist. A
 * publish on 127.0.0.0/8 has no rule: the proxy alone serves it, and route_localnet
 * stays 0. New connections forwarded into a bridge of ours pass only when they come from
 * that bridge (icc) or were translated by a publish: neighbours that route through the
 * host, and our other bridges, reach published ports only. Pure.
 */
#include "rules.h"

#include <string.h>

bool rules_want_port(const struct port_map *m)
{
    return !m->is_v6 && m->host_ip[0] != 127;
}

static bool is_any(const struct port_map *m)
{
    static const uint8_t any[4];

    return !memcmp(m->host_ip, any, 4);
}

static const char *proto_name(enum port_proto proto)
{
    return proto == PORT_TCP ? "tcp" : proto == PORT_UDP ? "udp" : "sctp";
}

/* Neighbours in the list that lead to the same address one to one are a range: one element. */
struct run {
    const struct port_map *first;
    uint16_t last;
};

static bool is_same_port(const struct port_map *m)
{
    return m->host_port == m->port;
}

static bool goes_on(const struct run *r, const struct port_map *m)
{
    const struct port_map *f = r->first;

    return is_same_port(f) && is_same_port(m) && m->host_port == r->last + 1 &&
           m->addr == f->addr && m->proto == f->proto && !memcmp(m->host_ip, f->host_ip, 4);
}

/* The run that begins at *i or later; *i is what follows. False: there is none any more. */
static bool next_run(const struct port_map *v, size_t n, size_t *i, struct run *out)
{
    while (*i < n && !rules_want_port(&v[*i]))
        ++*i;
    if (*i == n)
        return false;
    *out = (struct run){&v[*i], v[*i].host_port};
    for (++*i; *i < n; ++*i) {
        if (!rules_want_port(&v[*i]))
            continue; /* its IPv6 twin */
        if (!goes_on(out, &v[*i]))
            break;
        out->last++;
    }
    return true;
}

static void put_ports(struct buf *out, const struct run *r)
{
    buf_printf(out, "%s . %u", proto_name(r->first->proto), r->first->host_port);
    if (r->last != r->first->host_port)
        buf_printf(out, "-%u", r->last);
}

/* The key of a wildcard has no address. */
static void put_key(struct buf *out, const struct run *r)
{
    const uint8_t *ip = r->first->host_ip;

    if (!is_any(r->first))
        buf_printf(out, "%u.%u.%u.%u . ", ip[0], ip[1], ip[2], ip[3]);
    put_ports(out, r);
}

/* Where the port stays the same the value is an address only: a range of values would let
 * the kernel choose any port of it. */
static void put_element(struct buf *out, const struct run *r)
{
    char addr[ADDR4_TEXT];

    addr4_text(r->first->addr, addr);
    put_key(out, r);
    buf_printf(out, " : %s", addr);
    if (!is_same_port(r->first))
        buf_printf(out, " . %u", r->first->port);
}

struct port_kind {
    const char *map, *key, *value;
    bool any, same;
};
static const struct port_kind port_kinds[] = {
    {"one4", "ipv4_addr . inet_proto . inet_service", "ipv4_addr . inet_service", false, false},
    {"any4", "inet_proto . inet_service", "ipv4_addr . inet_service", true, false},
    {"one4same", "ipv4_addr . inet_proto . inet_service", "ipv4_addr", false, true},
    {"any4same", "inet_proto . inet_service", "ipv4_addr", true, true},
};

static bool is_of_kind(const struct run *r, const struct port_kind *k)
{
    return is_any(r->first) == k->any && is_same_port(r->first) == k->same;
}

static void put_map(struct buf *out, const struct rules_view *v, const struct port_kind *k)
{
    bool has_some = false;
    struct run r;

    buf_printf(out, "  map %s {\n    type %s : %s\n%s", k->map, k->key, k->value,
               k->same ? "    flags interval\n" : "");
    for (size_t i = 0; next_run(v->ports, v->n_ports, &i, &r);) {
        if (!is_of_kind(&r, k))
            continue;
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_element(out, &r);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

enum bridge_kind { ALL_BRIDGES, ICC_BRIDGES, INTERNAL_BRIDGES };

static bool is_kind(const struct bridge_spec *b, enum bridge_kind kind)
{
    return kind == ALL_BRIDGES || (kind == ICC_BRIDGES && b->icc) ||
           (kind == INTERNAL_BRIDGES && b->internal);
}

static void put_set(struct buf *out, const struct rules_view *v, const char *name,
                    enum bridge_kind kind)
{
    bool is_pair = kind == ICC_BRIDGES;
    bool has_some = false;

    buf_printf(out, "  set %s {\n    type ifname%s\n", name, is_pair ? " . ifname" : "");
    for (size_t i = 0; i < v->n_bridges; i++) {
        const char *link = v->bridges[i].link;

        if (!is_kind(&v->bridges[i], kind))
            continue;
        buf_puts(out, has_some ? ", " : "    elements = { ");
        if (is_pair)
            buf_printf(out, "\"%s\" . \"%s\"", link, link);
        else
            buf_printf(out, "\"%s\"", link);
        has_some = true;
    }
    buf_puts(out, has_some ? " }\n  }\n" : "  }\n");
}

static void put_postrouting(struct buf *out, const struct rules_view *v)
{
    buf_puts(out, "  chain postrouting {\n"
                  "    type nat hook postrouting priority srcnat; policy accept;\n");
    for (size_t i = 0; i < v->n_bridges; i++) {
        const struct bridge_spec *b = &v->bridges[i];
        uint32_t mask = b->address.bits ? ~0u << (32 - b->address.bits) : 0;
        char net[ADDR4_TEXT];

        addr4_text(b->address.address & mask, net);
        if (v->ip_masq && b->masquerade && !b->internal)
            buf_printf(out, "    ip saddr %s/%d oifname != \"%s\" masquerade\n", net,
                       b->address.bits, b->link);
        /* hairpin: else the answer would go straight to the neighbour, from a strange address */
        buf_printf(out, "    ip saddr %s/%d oifname \"%s\" ct status dnat masquerade\n", net,
                   b->address.bits, b->link);
    }
    buf_puts(out, "  }\n");
}

/* Linux drops a forwarded packet whose source and destination became the same address (seen
 * on 6.18), so a container that calls itself by the host's address is left to the proxy. */
static void put_self_key(struct buf *out, const struct run *r)
{
    char addr[ADDR4_TEXT];

    addr4_text(r->first->addr, addr);
    buf_printf(out, "%s . ", addr);
    put_ports(out, r);
}

static void put_self_set(struct buf *out, const struct rules_view *v)
{
    bool has_some = false;
    struct run r;

    buf_puts(out, "  set self {\n    type ipv4_addr . inet_proto . inet_service\n"
                  "    flags interval\n");
    for (size_t i = 0; next_run(v->ports, v->n_ports, &i, &r);) {
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_self_key(out, &r);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

/* Containers linked on a bridge without icc. */
static void put_links(struct buf *out, const struct rules_view *v)
{
    buf_puts(out, "  set links {\n    type ipv4_addr . ipv4_addr . inet_proto . inet_service\n");
    for (size_t i = 0; i < v->n_links; i++) {
        const struct link_rule *l = &v->links[i];
        char from[ADDR4_TEXT], to[ADDR4_TEXT];

        addr4_text(l->from, from);
        addr4_text(l->to, to);
        buf_printf(out, "%s%s . %s . %s . %u", i ? ",\n      " : "    elements = {\n      ", from,
                   to, proto_name((enum port_proto)l->proto), l->port);
    }
    buf_puts(out, v->n_links ? "\n    }\n  }\n" : "  }\n");
}

static const char publish_chains[] =
    "  chain publish {\n"
    "    ip saddr . meta l4proto . th dport @self return\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @one4\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @one4same\n"
    "    dnat ip to meta l4proto . th dport map @any4\n"
    "    dnat ip to meta l4proto . th dport map @any4same\n"
    "  }\n"
    "  chain prerouting {\n"
    "    type nat hook prerouting priority dstnat; policy accept;\n"
    "    iifname != \"lo\" fib daddr type local jump publish\n"
    "  }\n";
static const char local_chain[] = "  chain output {\n"
                                  "    type nat hook output priority -100; policy accept;\n"
                                  "    ip daddr != 127.0.0.0/8 fib daddr type local jump publish\n"
                                  "  }\n";
static const char forward_chain[] = "  chain forward {\n"
                                    "    type filter hook forward priority filter; policy accept;\n"
                                    "    ct state established,related accept\n"
                                    "    iifname . oifname @icc accept\n"
                                    "    ip saddr . ip daddr . meta l4proto . th dport @links "
                                    "accept\n"
                                    "    iifname @internal drop\n"
                                    "    oifname @internal drop\n"
                                    "    oifname @bridges ct status dnat accept\n"
                                    "    oifname @bridges drop\n"
                                    "  }\n";

void rules_remove_text(struct buf *out, const char *tag)
{
    buf_printf(out, "add table inet berth_%s\ndelete table inet berth_%s\n", tag, tag);
}

void rules_text(struct buf *out, const struct rules_view *v)
{
    rules_remove_text(out, v->tag);
    buf_printf(out, "table inet berth_%s {\n", v->tag);
    for (size_t i = 0; i < ARRAY_LEN(port_kinds); i++)
        put_map(out, v, &port_kinds[i]);
    put_self_set(out, v);
    put_set(out, v, "bridges", ALL_BRIDGES);
    put_set(out, v, "icc", ICC_BRIDGES);
    put_set(out, v, "internal", INTERNAL_BRIDGES);
    put_links(out, v);
    buf_puts(out, publish_chains);
    if (v->local_dnat)
        buf_puts(out, local_chain);
    put_postrouting(out, v);
    buf_puts(out, forward_chain);
    buf_puts(out, "}\n");
}

static const struct port_kind *kind_of(const struct run *r)
{
    const struct port_kind *k = port_kinds;

    while (!is_of_kind(r, k))
        k++;
    return k;
}

static void put_change(struct buf *out, const char *tag, const struct run *r, bool is_added)
{
    const char *verb = is_added ? "add" : "delete";

    buf_printf(out, "%s element inet berth_%s %s { ", verb, tag, kind_of(r)->map);
    if (is_added)
        put_element(out, r);
    else
        put_key(out, r);
    buf_printf(out, " }\n%s element inet berth_%s self { ", verb, tag);
    put_self_key(out, r);
    buf_puts(out, " }\n");
}

/* What one container added by one call it removes by one call, so the runs are the same. */
void rules_ports_text(struct buf *out, const char *tag, const struct port_map *removed,
                      size_t n_removed, const struct port_map *added, size_t n_added)
{
    struct run r;

    for (size_t i = 0; next_run(removed, n_removed, &i, &r);)
        put_change(out, tag, &r, false);
    for (size_t i = 0; next_run(added, n_added, &i, &r);)
        put_change(out, tag, &r, true);
}
