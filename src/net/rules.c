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

/* "172.17.0.2 . 80 : …" is a value; the key of a wildcard has no address. */
static void put_key(struct buf *out, const struct port_map *m)
{
    if (!is_any(m))
        buf_printf(out, "%u.%u.%u.%u . ", m->host_ip[0], m->host_ip[1], m->host_ip[2],
                   m->host_ip[3]);
    buf_printf(out, "%s . %u", proto_name(m->proto), m->host_port);
}

static void put_element(struct buf *out, const struct port_map *m)
{
    char addr[ADDR4_TEXT];

    addr4_text(m->addr, addr);
    put_key(out, m);
    buf_printf(out, " : %s . %u", addr, m->port);
}

static void put_map(struct buf *out, const struct rules_view *v, const char *name, const char *type,
                    bool any)
{
    bool has_some = false;

    buf_printf(out, "  map %s {\n    type %s : ipv4_addr . inet_service\n", name, type);
    for (size_t i = 0; i < v->n_ports; i++) {
        if (!rules_want_port(&v->ports[i]) || is_any(&v->ports[i]) != any)
            continue;
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_element(out, &v->ports[i]);
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
static void put_self_key(struct buf *out, const struct port_map *m)
{
    char addr[ADDR4_TEXT];

    addr4_text(m->addr, addr);
    buf_printf(out, "%s . %s . %u", addr, proto_name(m->proto), m->host_port);
}

static void put_self_set(struct buf *out, const struct rules_view *v)
{
    bool has_some = false;

    buf_puts(out, "  set self {\n    type ipv4_addr . inet_proto . inet_service\n");
    for (size_t i = 0; i < v->n_ports; i++) {
        if (!rules_want_port(&v->ports[i]))
            continue;
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_self_key(out, &v->ports[i]);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

static const char publish_chains[] =
    "  chain publish {\n"
    "    ip saddr . meta l4proto . th dport @self return\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @one4\n"
    "    dnat ip to meta l4proto . th dport map @any4\n"
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
    put_map(out, v, "one4", "ipv4_addr . inet_proto . inet_service", false);
    put_map(out, v, "any4", "inet_proto . inet_service", true);
    put_self_set(out, v);
    put_set(out, v, "bridges", ALL_BRIDGES);
    put_set(out, v, "icc", ICC_BRIDGES);
    put_set(out, v, "internal", INTERNAL_BRIDGES);
    buf_puts(out, publish_chains);
    if (v->local_dnat)
        buf_puts(out, local_chain);
    put_postrouting(out, v);
    buf_puts(out, forward_chain);
    buf_puts(out, "}\n");
}

static void put_change(struct buf *out, const char *tag, const struct port_map *m, bool is_added)
{
    const char *verb = is_added ? "add" : "delete";

    buf_printf(out, "%s element inet berth_%s %s { ", verb, tag, is_any(m) ? "any4" : "one4");
    if (is_added)
        put_element(out, m);
    else
        put_key(out, m);
    buf_printf(out, " }\n%s element inet berth_%s self { ", verb, tag);
    put_self_key(out, m);
    buf_puts(out, " }\n");
}

void rules_ports_text(struct buf *out, const char *tag, const struct port_map *removed,
                      size_t n_removed, const struct port_map *added, size_t n_added)
{
    for (size_t i = 0; i < n_removed; i++)
        if (rules_want_port(&removed[i]))
            put_change(out, tag, &removed[i], false);
    for (size_t i = 0; i < n_added; i++)
        if (rules_want_port(&added[i]))
            put_change(out, tag, &added[i], true);
}
