/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of our one nftables table, derived from bridges and ports. Published ports
 * are elements of maps keyed by what is published, so a duplicate cannot exist. A
 * publish on 127.0.0.0/8 or ::1 has no rule, and none that crosses the families: the proxy alone
 * serves it, and route_localnet stays 0. A routed port is open on the container's own address. New
 * connections forwarded into a bridge of ours pass only when they come from that bridge (icc) or
 * were translated by a publish: neighbours that route through the host, and our other bridges,
 * reach published ports only. Pure.
 */
#include "rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* What becomes of a published port. Of each class one container's ports stand together. */
enum port_class { NAT4, NAT6, OPEN4, OPEN6, PORT_CLASSES };

static bool has_target(const struct port_map *m)
{
    static const uint8_t none[16];

    return m->is_v6 ? memcmp(m->addr6, none, sizeof(none)) != 0 : m->addr != 0;
}

static bool is_loopback(const struct port_map *m)
{
    static const uint8_t v6[16] = {[15] = 1};

    return m->is_v6 ? !memcmp(m->host_ip, v6, sizeof(v6)) : m->host_ip[0] == 127;
}

bool rules_want_port(const struct port_map *m)
{
    return has_target(m) && (m->is_routed || !is_loopback(m));
}

static bool is_of_class(const struct port_map *m, enum port_class c)
{
    return m->is_v6 == (c == NAT6 || c == OPEN6) && m->is_routed == (c == OPEN4 || c == OPEN6) &&
           rules_want_port(m);
}

static bool is_any(const struct port_map *m)
{
    static const uint8_t any[16];

    return !memcmp(m->host_ip, any, m->is_v6 ? 16 : 4);
}

static const char *proto_name(enum port_proto proto)
{
    return proto == PORT_TCP ? "tcp" : proto == PORT_UDP ? "udp" : "sctp";
}

/* Neighbours in the list that lead to the same address one to one are a range: one element. */
struct port_run {
    const struct port_map *first;
    uint16_t last;
};

static uint16_t key_port(const struct port_map *m)
{
    return m->is_routed ? m->port : m->host_port;
}

static bool is_same_port(const struct port_map *m)
{
    return key_port(m) == m->port;
}

static bool goes_on(const struct port_run *r, const struct port_map *m)
{
    const struct port_map *f = r->first;

    return is_same_port(f) && is_same_port(m) && key_port(m) == r->last + 1 && m->addr == f->addr &&
           !memcmp(m->addr6, f->addr6, 16) && m->proto == f->proto &&
           !memcmp(m->host_ip, f->host_ip, 16);
}

struct port_view {
    const struct port_map *v;
    size_t n;
};

/* The run that begins at *i or later; *i is what follows. False: there is none any more. */
static bool next_run(struct port_view l, enum port_class c, size_t *i, struct port_run *out)
{
    while (*i < l.n && !is_of_class(&l.v[*i], c))
        ++*i;
    if (*i == l.n)
        return false;
    *out = (struct port_run){&l.v[*i], key_port(&l.v[*i])};
    for (++*i; *i < l.n; ++*i) {
        if (!is_of_class(&l.v[*i], c))
            continue; /* its twin of the other family */
        if (!goes_on(out, &l.v[*i]))
            break;
        out->last++;
    }
    return true;
}

static void put_ports(struct buf *out, const struct port_run *r)
{
    buf_printf(out, "%s . %u", proto_name(r->first->proto), key_port(r->first));
    if (r->last != key_port(r->first))
        buf_printf(out, "-%u", r->last);
}

static void put_ip(struct buf *out, bool is_v6, const void *ip)
{
    char text[ADDR6_TEXT];

    inet_ntop(is_v6 ? AF_INET6 : AF_INET, ip, text, sizeof(text));
    buf_puts(out, text);
}

static void put_target(struct buf *out, const struct port_run *r)
{
    uint32_t addr = htonl(r->first->addr);

    put_ip(out, r->first->is_v6, r->first->is_v6 ? (const void *)r->first->addr6 : &addr);
}

/* The key of a wildcard has no address. */
static void put_key(struct buf *out, const struct port_run *r)
{
    if (!is_any(r->first)) {
        put_ip(out, r->first->is_v6, r->first->host_ip);
        buf_puts(out, " . ");
    }
    put_ports(out, r);
}

/* Where the port stays the same the value is an address only: a range of values would let
 * the kernel choose any port of it. */
static void put_element(struct buf *out, const struct port_run *r)
{
    put_key(out, r);
    buf_puts(out, " : ");
    put_target(out, r);
    if (!is_same_port(r->first))
        buf_printf(out, " . %u", r->first->port);
}

/* Of the sets. */
static void put_target_ports(struct buf *out, const struct port_run *r)
{
    put_target(out, r);
    buf_puts(out, " . ");
    put_ports(out, r);
}

struct port_kind {
    const char *map, *key, *value;
    enum port_class class;
    bool any, same;
};
#define ANY "inet_proto . inet_service"
static const struct port_kind port_kinds[] = {
    {"one4", "ipv4_addr . " ANY, "ipv4_addr . inet_service", NAT4, false, false},
    {"any4", ANY, "ipv4_addr . inet_service", NAT4, true, false},
    {"one4same", "ipv4_addr . " ANY, "ipv4_addr", NAT4, false, true},
    {"any4same", ANY, "ipv4_addr", NAT4, true, true},
    {"one6", "ipv6_addr . " ANY, "ipv6_addr . inet_service", NAT6, false, false},
    {"any6", ANY, "ipv6_addr . inet_service", NAT6, true, false},
    {"one6same", "ipv6_addr . " ANY, "ipv6_addr", NAT6, false, true},
    {"any6same", ANY, "ipv6_addr", NAT6, true, true},
};
/* Sets of container's address and port. Linux drops a forwarded packet whose source and destination
 * became the same address (seen on 6.18), so a container that calls itself by the host's
 * address is left to the proxy: self. */
static const struct {
    const char *name, *address;
} port_sets[PORT_CLASSES] = {
    [NAT4] = {"self", "ipv4_addr"},
    [NAT6] = {"self6", "ipv6_addr"},
    [OPEN4] = {"open4", "ipv4_addr"},
    [OPEN6] = {"open6", "ipv6_addr"},
};

static bool is_of_kind(const struct port_run *r, const struct port_kind *k)
{
    return is_any(r->first) == k->any && is_same_port(r->first) == k->same;
}

static void put_map(struct buf *out, struct port_view l, const struct port_kind *k)
{
    bool has_some = false;
    struct port_run r;

    buf_printf(out, "  map %s {\n    type %s : %s\n%s", k->map, k->key, k->value,
               k->same ? "    flags interval\n" : "");
    for (size_t i = 0; next_run(l, k->class, &i, &r);) {
        if (!is_of_kind(&r, k))
            continue;
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_element(out, &r);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

static void put_port_set(struct buf *out, struct port_view l, enum port_class c)
{
    bool has_some = false;
    struct port_run r;

    buf_printf(out, "  set %s {\n    type %s . " ANY "\n    flags interval\n", port_sets[c].name,
               port_sets[c].address);
    for (size_t i = 0; next_run(l, c, &i, &r);) {
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        put_target_ports(out, &r);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

/* ---- bridges ---- */

static bool is_every(const struct bridge_spec *b)
{
    (void)b;
    return true;
}

static bool is_checked(const struct bridge_spec *b)
{
    return !b->any_source;
}

static bool is_icc(const struct bridge_spec *b)
{
    return b->icc;
}

static bool is_internal(const struct bridge_spec *b)
{
    return b->internal;
}

static bool is_routed(const struct bridge_spec *b)
{
    return b->mode == GATEWAY_ROUTED;
}

static bool is_routed6(const struct bridge_spec *b)
{
    return b->mode6 == GATEWAY_ROUTED;
}

static bool is_unprotected(const struct bridge_spec *b)
{
    return b->mode == GATEWAY_UNPROTECTED;
}

static bool is_unprotected6(const struct bridge_spec *b)
{
    return b->mode6 == GATEWAY_UNPROTECTED;
}

static const struct bridge_set {
    const char *name;
    bool (*has)(const struct bridge_spec *b);
    bool is_pair; /* of the link and itself */
} bridge_sets[] = {
    {"bridges", is_every, false},
    {"checked", is_checked, false},
    {"icc", is_icc, true},
    {"internal", is_internal, false},
    {"routed", is_routed, false},
    {"routed6", is_routed6, false},
    {"unprotected", is_unprotected, false},
    {"unprotected6", is_unprotected6, false},
};

static void put_set(struct buf *out, const struct rules_view *v, const struct bridge_set *s)
{
    bool has_some = false;

    buf_printf(out, "  set %s {\n    type ifname%s\n", s->name, s->is_pair ? " . ifname" : "");
    for (size_t i = 0; i < v->n_bridges; i++) {
        const char *ifname = v->bridges[i].ifname;

        if (!s->has(&v->bridges[i]))
            continue;
        buf_puts(out, has_some ? ", " : "    elements = { ");
        if (s->is_pair)
            buf_printf(out, "\"%s\" . \"%s\"", ifname, ifname);
        else
            buf_printf(out, "\"%s\"", ifname);
        has_some = true;
    }
    buf_puts(out, has_some ? " }\n  }\n" : "  }\n");
}

/* Of one family of one bridge; net is empty without it. The second rule is for the hairpin: else
 * the answer would go straight to the neighbour, from a strange address. */
static void put_masquerade(struct buf *out, const char *family, const char *net, const char *ifname,
                           bool is_wanted)
{
    if (!net[0])
        return;
    if (is_wanted)
        buf_printf(out, "    %s saddr %s oifname != \"%s\" masquerade\n", family, net, ifname);
    buf_printf(out, "    %s saddr %s oifname \"%s\" ct status dnat masquerade\n", family, net,
               ifname);
}

#define CIDR4_TEXT (ADDR4_TEXT + 4)
static void net4_text(const struct bridge_spec *b, char out[CIDR4_TEXT])
{
    uint32_t mask = b->address.bits ? ~0u << (32 - b->address.bits) : 0;

    addr4_text(b->address.address & mask, out);
    snprintf(out + strlen(out), 4, "/%d", b->address.bits & 63);
}

static bool is_translated(enum gateway_mode m)
{
    return m == GATEWAY_NAT || m == GATEWAY_UNPROTECTED;
}

static void put_postrouting(struct buf *out, const struct rules_view *v)
{
    buf_puts(out, "  chain postrouting {\n"
                  "    type nat hook postrouting priority srcnat; policy accept;\n");
    for (size_t i = 0; i < v->n_bridges; i++) {
        const struct bridge_spec *b = &v->bridges[i];
        bool leaves = v->ip_masq && b->masquerade && !b->internal;
        struct subnet6 base6 = subnet6_base(b->address6);
        char net[CIDR4_TEXT], net6[CIDR6_TEXT];

        net4_text(b, net);
        subnet6_text(&base6, net6);
        put_masquerade(out, "ip", b->address.bits ? net : "", b->ifname,
                       leaves && is_translated(b->mode));
        put_masquerade(out, "ip6", net6, b->ifname, leaves && is_translated(b->mode6));
    }
    buf_puts(out, "  }\n");
}

/* Containers linked on a bridge without icc. */
static void put_links(struct buf *out, const struct rules_view *v)
{
    buf_puts(out, "  set links {\n"
                  "    type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service\n");
    for (size_t i = 0; i < v->n_legacy_links; i++) {
        const struct legacy_link_rule *l = &v->legacy_links[i];
        char from[ADDR4_TEXT], to[ADDR4_TEXT];

        addr4_text(l->from, from);
        addr4_text(l->to, to);
        buf_printf(out, "%s\"%s\" . %s . %s . %s . %u",
                   i ? ",\n      " : "    elements = {\n      ", l->bridge, from, to,
                   proto_name((enum port_proto)l->proto), l->port);
    }
    buf_puts(out, v->n_legacy_links ? "\n    }\n  }\n" : "  }\n");
}

/* A port of one address comes before the same port of all. Translations are looked up for the first
 * packet of a connection only, conntrack does the rest, and only where the packet is for the host:
 * what is routed through it to another machine's port of that number is none of ours. "th dport" is
 * where TCP, UDP and SCTP all have it. */
static const char publish_chains[] =
    "  chain publish {\n"
    "    ip saddr . meta l4proto . th dport @self return\n"
    "    ip6 saddr . meta l4proto . th dport @self6 return\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @one4\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @one4same\n"
    "    dnat ip to meta l4proto . th dport map @any4\n"
    "    dnat ip to meta l4proto . th dport map @any4same\n"
    "    dnat ip6 to ip6 daddr . meta l4proto . th dport map @one6\n"
    "    dnat ip6 to ip6 daddr . meta l4proto . th dport map @one6same\n"
    "    dnat ip6 to meta l4proto . th dport map @any6\n"
    "    dnat ip6 to meta l4proto . th dport map @any6same\n"
    "  }\n"
    "  chain prerouting {\n"
    "    type nat hook prerouting priority dstnat; policy accept;\n"
    "    iifname != \"lo\" fib daddr type local jump publish\n"
    "  }\n";
/* What the host itself connects to, but over loopback: as Docker does, so that a port that nobody
 * serves is refused. */
static const char output_chain[] = "  chain output {\n"
                                   "    type nat hook output priority -100; policy accept;\n"
                                   "    ip daddr != 127.0.0.0/8 fib daddr type local jump publish\n"
                                   "    ip6 daddr != ::1 fib daddr type local jump publish\n"
                                   "  }\n";

/* ---- sources ---- */

/* What a bridge's containers may send from, for the host: also where bridges cannot be filtered
 * (sources.h). :: is who has no address yet, for neighbour discovery. */
static void put_subnets(struct buf *out, const struct rules_view *v, bool is_v6)
{
    bool has_some = false;

    buf_printf(out, "  set subnets%d {\n    type ifname . ipv%d_addr\n    flags interval\n",
               is_v6 ? 6 : 4, is_v6 ? 6 : 4);
    for (size_t i = 0; i < v->n_bridges; i++) {
        const struct bridge_spec *b = &v->bridges[i];
        struct subnet6 base6 = subnet6_base(b->address6);
        char net[CIDR6_TEXT];

        if (is_v6 ? !b->address6.bits : !b->address.bits)
            continue;
        if (is_v6)
            subnet6_text(&base6, net);
        else
            net4_text(b, net);
        buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
        buf_printf(out, "\"%s\" . %s", b->ifname, net);
        if (is_v6)
            buf_printf(out, ",\n      \"%s\" . fe80::/10,\n      \"%s\" . ::/128", b->ifname,
                       b->ifname);
        has_some = true;
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

/* Before connections are looked up: a strange packet must not belong to one. Link-local addresses
 * that containers have asked for are among themselves (they come here where br_netfilter is
 * loaded); whose they are is the bridge's table to say. */
static const char sources_chain[] = "  chain sources {\n"
                                    "    type filter hook prerouting priority raw; policy accept;\n"
                                    "    iifname != @checked accept\n"
                                    "    ip saddr 169.254.0.0/16 ip daddr 169.254.0.0/16 accept\n"
                                    "    meta nfproto ipv4 iifname . ip saddr != @subnets4 drop\n"
                                    "    meta nfproto ipv6 iifname . ip6 saddr != @subnets6 drop\n"
                                    "  }\n";

/* In this order: answers; neighbours of one bridge (they come here where br_netfilter is loaded);
 * links; the sealed networks, which have said all they may; then, into a bridge, what a published
 * port has translated, what a routed network opens, and nothing else. "accept" ends our table only:
 * the host's own chains at the hook are asked all the same. What comes out of a bridge and goes to
 * none of ours is at the end of the chain, and its policy lets it pass. */
static const char forward_chain[] =
    "  chain forward {\n"
    "    type filter hook forward priority filter; policy accept;\n"
    "    ct state established,related accept\n"
    "    iifname . oifname @icc accept\n"
    "    iifname . ip saddr . ip daddr . meta l4proto . th dport @links accept\n"
    "    iifname @internal drop\n"
    "    oifname @internal drop\n"
    "    oifname @bridges ct status dnat accept\n"
    "    oifname @routed ip daddr . meta l4proto . th dport @open4 accept\n"
    "    oifname @routed6 ip6 daddr . meta l4proto . th dport @open6 accept\n"
    "    oifname @routed meta l4proto icmp accept\n"
    "    oifname @routed6 meta l4proto ipv6-icmp accept\n"
    "    oifname @unprotected meta nfproto ipv4 iifname != @bridges accept\n"
    "    oifname @unprotected6 meta nfproto ipv6 iifname != @bridges accept\n"
    "    oifname @bridges drop\n"
    "  }\n";

void rules_remove_text(struct buf *out, const char *tag)
{
    buf_printf(out, "add table inet berth_%s\ndelete table inet berth_%s\n", tag, tag);
}

void rules_text(struct buf *out, const struct rules_view *v)
{
    struct port_view ports = {v->ports, v->n_ports};

    rules_remove_text(out, v->tag);
    buf_printf(out, "table inet berth_%s {\n", v->tag);
    for (size_t i = 0; i < ARRAY_LEN(port_kinds); i++)
        put_map(out, ports, &port_kinds[i]);
    for (int c = 0; c < PORT_CLASSES; c++)
        put_port_set(out, ports, (enum port_class)c);
    for (size_t i = 0; i < ARRAY_LEN(bridge_sets); i++)
        put_set(out, v, &bridge_sets[i]);
    put_links(out, v);
    buf_puts(out, publish_chains);
    buf_puts(out, output_chain);
    put_postrouting(out, v);
    put_subnets(out, v, false);
    put_subnets(out, v, true);
    buf_puts(out, sources_chain);
    buf_puts(out, forward_chain);
    buf_puts(out, "}\n");
}

/* NULL: opened, not translated. */
static const struct port_kind *kind_of(const struct port_run *r, enum port_class c)
{
    for (size_t i = 0; i < ARRAY_LEN(port_kinds); i++)
        if (port_kinds[i].class == c && is_of_kind(r, &port_kinds[i]))
            return &port_kinds[i];
    return NULL;
}

static void put_change(struct buf *out, const char *tag, const struct port_run *r,
                       enum port_class c, bool is_added)
{
    const char *verb = is_added ? "add" : "delete";
    const struct port_kind *kind = kind_of(r, c);

    if (kind) {
        buf_printf(out, "%s element inet berth_%s %s { ", verb, tag, kind->map);
        if (is_added)
            put_element(out, r);
        else
            put_key(out, r);
        buf_puts(out, " }\n");
    }
    buf_printf(out, "%s element inet berth_%s %s { ", verb, tag, port_sets[c].name);
    put_target_ports(out, r);
    buf_puts(out, " }\n");
}

static void put_changes(struct buf *out, const char *tag, struct port_view l, bool is_added)
{
    struct port_run r;

    for (int c = 0; c < PORT_CLASSES; c++)
        for (size_t i = 0; next_run(l, (enum port_class)c, &i, &r);)
            put_change(out, tag, &r, (enum port_class)c, is_added);
}

/* What one container added by one call it removes by one call, so the runs are the same. */
void rules_ports_text(struct buf *out, const char *tag, const struct port_map *removed,
                      size_t n_removed, const struct port_map *added, size_t n_added)
{
    put_changes(out, tag, (struct port_view){removed, n_removed}, false);
    put_changes(out, tag, (struct port_view){added, n_added}, true);
}
