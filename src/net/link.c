/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links by rtnetlink. A veth pair is made by one batch: the peer is born inside the
 * container's namespace, the host's end in the bridge and up. (The peer cannot be born up:
 * veth_open wants both ends tied, which is done last: ENOTCONN.) Nothing here deletes a
 * veth: the death of its namespace does, in the kernel's own time.
 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#include "nl_attr.h"

#define IPV6_MTU_MIN 1280

static struct ifinfomsg *put_link(struct nlmsghdr *m, int ifindex, bool up)
{
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_index = ifindex;
    ifi->ifi_flags = up ? IFF_UP : 0;
    ifi->ifi_change = up ? IFF_UP : 0;
    return ifi;
}

/* No fe80 address of the kernel's making and no MLD chatter on the host's side. Only for a link
 * that exists and is down (6.18 refuses it in the message that makes one); a kernel without IPv6
 * refuses it always. */
static void put_no_ipv6(struct nlmsghdr *m, int mtu)
{
    if (mtu && mtu < IPV6_MTU_MIN) /* such a link has none at all */
        return;
    if (access("/proc/sys/net/ipv6", F_OK) != 0)
        return;
    struct nlattr *spec = mnl_attr_nest_start(m, IFLA_AF_SPEC);
    struct nlattr *inet6 = mnl_attr_nest_start(m, AF_INET6);

    mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(m, inet6);
    mnl_attr_nest_end(m, spec);
}

struct err *link_set_ipv6(const char *ifname, const char *name, const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, name);
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_new(ERR_INVALID, "the kernel of this host has no IPv6 for %s", ifname);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return err_sys("set net.ipv6.conf.%s.%s to %s", ifname, name, value);
    return NULL;
}

/* ---- finding ---- */

int link_on_link(const struct nlmsghdr *m, void *ctx)
{
    static const struct nl_field info_fields[] = {{IFLA_INFO_KIND, NL_TEXT}, {0}};
    static const struct nl_field fields[] = {{IFLA_LINKINFO, NL_NEST, .nest = info_fields}, {0}};
    const struct ifinfomsg *ifi = nl_header(m, sizeof(*ifi));
    struct found_link *out = ctx;
    const char *kind = "";

    if (!ifi)
        return 0;
    out->ifindex = ifi->ifi_index;
    nl_fill(nl_attributes(m, sizeof(*ifi)), fields, &kind);
    out->is_bridge = !strcmp(kind, "bridge");
    return 0;
}

static struct err *find(struct nl *nl, const char *name, struct found_link *out)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_GETLINK, 0, "find link %s", name);

    put_link(m, 0, false);
    mnl_attr_put_strz(m, IFLA_IFNAME, name);
    nl_end(nl, m);
    return nl_query(nl, link_on_link, out);
}

struct err *link_find(struct nl *nl, const char *name, int *out_ifindex)
{
    struct found_link found = {0};

    TRY(find(nl, name, &found));
    *out_ifindex = found.ifindex;
    return NULL;
}

void link_remove(struct nl *nl, const char *name)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_DELLINK, 0, "remove link %s", name);

    put_link(m, 0, false);
    mnl_attr_put_strz(m, IFLA_IFNAME, name);
    nl_end(nl, m);
    err_drop(nl_commit(nl));
}

struct err *link_remove_index(struct nl *nl, int ifindex)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_DELLINK, 0, "remove interface %d", ifindex);

    put_link(m, ifindex, false);
    nl_end(nl, m);
    return nl_commit(nl);
}

/* ---- bridges ---- */

static void add_address(struct nl *nl, int ifindex, uint32_t addr, int bits, const char *name)
{
    char text[ADDR4_TEXT];
    uint32_t brd = htonl(bits >= 31 ? addr : addr | (bits ? ~(~0u << (32 - bits)) : ~0u));

    addr4_text(addr, text);
    struct nlmsghdr *m = nl_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
                                  "give %s the address %s/%d", name, text, bits);
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(m, sizeof(*ifa));
    ifa->ifa_family = AF_INET;
    ifa->ifa_prefixlen = (uint8_t)bits;
    ifa->ifa_index = (unsigned)ifindex;
    mnl_attr_put_u32(m, IFA_LOCAL, htonl(addr));
    mnl_attr_put_u32(m, IFA_ADDRESS, htonl(addr));
    mnl_attr_put_u32(m, IFA_BROADCAST, brd);
    nl_end(nl, m);
}

/* No duplicate address detection: a second without the address, for ones that are ours to give. */
static void add_address6(struct nl *nl, int ifindex, const struct in6_addr *addr, int bits,
                         const char *name)
{
    char text[ADDR6_TEXT];

    addr6_text(addr, text);
    struct nlmsghdr *m = nl_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
                                  "give %s the address %s/%d", name, text, bits);
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(m, sizeof(*ifa));
    ifa->ifa_family = AF_INET6;
    ifa->ifa_prefixlen = (uint8_t)bits;
    ifa->ifa_flags = IFA_F_NODAD | IFA_F_PERMANENT;
    ifa->ifa_index = (unsigned)ifindex;
    mnl_attr_put(m, IFA_LOCAL, sizeof(*addr), addr);
    mnl_attr_put(m, IFA_ADDRESS, sizeof(*addr), addr);
    nl_end(nl, m);
}

/* A fixed MAC: a bridge without one takes the lowest of its ports and changes with them. */
static void put_bridge_mac(struct nlmsghdr *m, const struct bridge_spec *b)
{
    uint8_t mac[6] = {0x02, 0x42};
    uint32_t net = htonl(b->address.address);

    if (!b->address.bits) /* bytes of the prefix and the host part, the ones that differ */
        for (int i = 0; i < 16; i++)
            net = (net ^ b->address6.address.s6_addr[i]) * 16777619u;

    memcpy(mac + 2, &net, 4);
    mnl_attr_put(m, IFLA_ADDRESS, sizeof(mac), mac);
}

static struct err *make_bridge(struct nl *nl, const struct bridge_spec *b)
{
    struct nlmsghdr *m =
        nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make bridge %s", b->ifname);

    put_link(m, 0, false);
    mnl_attr_put_strz(m, IFLA_IFNAME, b->ifname);
    put_bridge_mac(m, b);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(m, info);
    nl_end(nl, m);
    return nl_commit(nl);
}

/* fe80::1 as Docker has it: without a link-local address the kernel sends no neighbour
 * solicitation for a forwarded packet (ndisc_send_ns). */
static void add_bridge_addresses(struct nl *nl, int ifindex, const struct bridge_spec *b)
{
    static const struct in6_addr link_local = {.s6_addr = {0xfe, 0x80, [15] = 1}};

    if (b->address.bits && b->mode != GATEWAY_ISOLATED)
        add_address(nl, ifindex, b->address.address, b->address.bits, b->ifname);
    if (!b->address6.bits || b->mode6 == GATEWAY_ISOLATED)
        return;
    add_address6(nl, ifindex, &link_local, 64, b->ifname);
    add_address6(nl, ifindex, &b->address6.address, b->address6.bits, b->ifname);
}

struct err *link_ensure_bridge(struct nl *nl, const struct bridge_spec *b, int *out_ifindex)
{
    struct err *e = make_bridge(nl, b);
    struct found_link found = {0};
    struct nlmsghdr *m;

    if (e && err_errno(e) != EEXIST)
        return e;
    err_drop(e);
    TRY(find(nl, b->ifname, &found));
    if (!found.is_bridge)
        return err_new(ERR_CONFLICT, "link %s exists and is not a bridge", b->ifname);
    if (b->address6.bits)
        TRY(link_set_ipv6(b->ifname, "disable_ipv6", "0"));
    m = nl_begin(nl, RTM_NEWLINK, 0, "set up bridge %s", b->ifname);
    put_link(m, found.ifindex, true);
    put_no_ipv6(m, b->mtu);
    if (b->mtu)
        mnl_attr_put_u32(m, IFLA_MTU, (uint32_t)b->mtu);
    nl_end(nl, m);
    add_bridge_addresses(nl, found.ifindex, b);
    TRY(nl_commit(nl));
    *out_ifindex = found.ifindex;
    return NULL;
}

/* ---- veth ---- */

static void put_peer(struct nlmsghdr *m, const struct veth_spec *v)
{
    struct nlattr *peer = mnl_attr_nest_start(m, VETH_INFO_PEER);
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    mnl_attr_put_strz(m, IFLA_IFNAME, v->ifname);
    mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t)v->netns);
    if (v->mtu)
        mnl_attr_put_u32(m, IFLA_MTU, (uint32_t)v->mtu);
    mnl_attr_nest_end(m, peer);
}

/* AF_BRIDGE wants the port's index, not its name. */
static void add_isolation(struct nl *nl, const char *name, int ifindex)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_SETLINK, 0, "isolate bridge port %s", name);
    put_link(m, ifindex, false)->ifi_family = AF_BRIDGE;
    struct nlattr *port = mnl_attr_nest_start(m, IFLA_PROTINFO);
    mnl_attr_put_u8(m, IFLA_BRPORT_ISOLATED, 1);
    mnl_attr_nest_end(m, port);
    nl_end(nl, m);
}

struct err *link_make_veth(struct nl *nl, const struct veth_spec *v)
{
    struct nlmsghdr *m =
        nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the veth pair %s", v->host_name);

    put_link(m, 0, false);
    mnl_attr_put_strz(m, IFLA_IFNAME, v->host_name);
    mnl_attr_put_u32(m, IFLA_MASTER, (uint32_t)v->bridge_ifindex);
    if (v->mtu)
        mnl_attr_put_u32(m, IFLA_MTU, (uint32_t)v->mtu);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
    put_peer(m, v);
    mnl_attr_nest_end(m, data);
    mnl_attr_nest_end(m, info);
    nl_end(nl, m);

    m = nl_begin(nl, RTM_SETLINK, 0, "bring up %s", v->host_name);
    put_link(m, 0, true);
    mnl_attr_put_strz(m, IFLA_IFNAME, v->host_name);
    put_no_ipv6(m, v->mtu);
    nl_end(nl, m);
    TRY(nl_commit(nl));
    if (!v->is_isolated)
        return NULL;

    int ifindex;
    TRY(link_find(nl, v->host_name, &ifindex));
    add_isolation(nl, v->host_name, ifindex);
    return nl_commit(nl);
}

#define NO_NSID (-1)

struct port_facts {
    int32_t nsid;
    const char *name;
};

/* Those whose other end is in another namespace. */
int link_on_port(const struct nlmsghdr *m, void *ctx)
{
    static const struct nl_field fields[] = {
        {IFLA_LINK_NETNSID, NL_U32, offsetof(struct port_facts, nsid)},
        {IFLA_IFNAME, NL_TEXT, offsetof(struct port_facts, name)},
        {0},
    };
    const struct ifinfomsg *ifi = nl_header(m, sizeof(*ifi));
    struct bridge_ports *l = ctx;
    struct port_facts f = {.nsid = NO_NSID};

    if (!ifi)
        return 0;
    nl_fill(nl_attributes(m, sizeof(*ifi)), fields, &f);
    if (f.nsid == NO_NSID)
        return 0;
    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    l->v[l->n] = (struct bridge_port){.ifindex = ifi->ifi_index, .nsid = f.nsid};
    snprintf(l->v[l->n++].name, sizeof(l->v->name), "%s", f.name ? f.name : "");
    return 0;
}

int link_on_nsid(const struct nlmsghdr *m, void *ctx)
{
    static const struct nl_field fields[] = {{NETNSA_NSID, NL_U32}, {0}};

    nl_fill(nl_attributes(m, sizeof(struct rtgenmsg)), fields, ctx);
    return 0;
}

struct err *link_ask_nsid(struct nl *nl, int netns, int *out)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_GETNSID, 0, "ask for the number of a namespace");
    struct rtgenmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));

    rt->rtgen_family = AF_UNSPEC;
    mnl_attr_put_u32(m, NETNSA_FD, (uint32_t)netns);
    nl_end(nl, m);
    *out = NO_NSID;
    return nl_query(nl, link_on_nsid, out);
}

static void restart_ports(void *ctx)
{
    ((struct bridge_ports *)ctx)->n = 0;
}

struct err *link_list_ports(struct nl *nl, int bridge_ifindex, struct bridge_ports *out)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_GETLINK, 0, "list the ports of a bridge");

    put_link(m, 0, false);
    mnl_attr_put_u32(m, IFLA_MASTER, (uint32_t)bridge_ifindex);
    nl_end(nl, m);
    return nl_dump(nl, link_on_port, restart_ports, out);
}

struct err *link_remove_ports_into(struct nl *nl, int bridge_ifindex, int netns)
{
    autoarena struct arena *a = arena_create();
    struct bridge_ports ports = {.a = a};
    int nsid;

    TRY(link_list_ports(nl, bridge_ifindex, &ports));
    TRY(link_ask_nsid(nl, netns, &nsid));
    for (size_t i = 0; i < ports.n; i++)
        if (ports.v[i].nsid == nsid)
            TRY(link_remove_index(nl, ports.v[i].ifindex));
    return NULL;
}

static void restart_count(void *ctx)
{
    *(unsigned *)ctx = 0;
}

static int count_one(const struct nlmsghdr *m, void *ctx)
{
    (void)m;
    ++*(unsigned *)ctx;
    return 0;
}

struct err *link_count_ports(struct nl *nl, int bridge_ifindex, unsigned *out)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_GETLINK, 0, "list the ports of a bridge");
    unsigned n = 0;

    put_link(m, 0, false);
    mnl_attr_put_u32(m, IFLA_MASTER, (uint32_t)bridge_ifindex);
    nl_end(nl, m);
    TRY(nl_dump(nl, count_one, restart_count, &n));
    *out = n;
    return NULL;
}

/* ---- inside a namespace ---- */

void link_add_up(struct nl *nl, int ifindex)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_NEWLINK, 0, "bring up interface %d", ifindex);

    put_link(m, ifindex, true);
    nl_end(nl, m);
}

/* REPLACE takes the place of the route that has the same metric, so there is never a moment without
 * one; the kernel's own metric for IPv6 (1024) is what a route without one gets. */
static void add_default_route(struct nl *nl, int ifindex, uint32_t gateway)
{
    char text[ADDR4_TEXT];

    addr4_text(gateway, text);
    struct nlmsghdr *m = nl_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
                                  "add the default route via %s", gateway ? text : "the device");
    struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
    rt->rtm_family = AF_INET;
    rt->rtm_table = RT_TABLE_MAIN;
    rt->rtm_protocol = RTPROT_BOOT;
    rt->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    rt->rtm_type = RTN_UNICAST;
    if (gateway)
        mnl_attr_put_u32(m, RTA_GATEWAY, htonl(gateway));
    mnl_attr_put_u32(m, RTA_OIF, (uint32_t)ifindex);
    nl_end(nl, m);
}

static void add_default_route6(struct nl *nl, int ifindex, const struct in6_addr *gateway)
{
    char text[ADDR6_TEXT];

    bool has_gateway = !addr6_is_none(gateway);

    addr6_text(gateway, text);
    struct nlmsghdr *m =
        nl_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "add the default route via %s",
                 has_gateway ? text : "the device");
    struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
    rt->rtm_family = AF_INET6;
    rt->rtm_table = RT_TABLE_MAIN;
    rt->rtm_protocol = RTPROT_BOOT;
    rt->rtm_scope = RT_SCOPE_UNIVERSE;
    rt->rtm_type = RTN_UNICAST;
    if (has_gateway)
        mnl_attr_put(m, RTA_GATEWAY, sizeof(*gateway), gateway);
    mnl_attr_put_u32(m, RTA_OIF, (uint32_t)ifindex);
    nl_end(nl, m);
}

void link_add_default_routes(struct nl *nl, int ifindex, const struct endpoint_spec *e)
{
    static const struct in6_addr device;
    bool is_routed = vlan_is_routed(&e->vlan);

    if (e->addr && e->gateway)
        add_default_route(nl, ifindex, is_routed ? 0 : e->gateway);
    if (e->bits6 && !addr6_is_none(&e->gateway6))
        add_default_route6(nl, ifindex, is_routed ? &device : &e->gateway6);
}

struct in6_addr link_local_of(const uint8_t m[6])
{
    return (struct in6_addr){.s6_addr = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff,
                                         0xfe, m[3], m[4], m[5]}};
}

/* The interface's link-local address is ours to make (addr_gen_mode is none): from the MAC as the
 * kernel would, but of the MAC it has in the end, and without waiting. ipvlan has none of its own,
 * but an address of its own. */
static void add_endpoint6(struct nl *nl, int ifindex, const struct endpoint_spec *e)
{
    struct in6_addr link_local = link_local_of(e->mac);

    if (!e->bits6)
        return;
    if (e->vlan.kind == VLAN_IPVLAN)
        memcpy(&link_local.s6_addr[8], &e->addr6.s6_addr[8], 8);
    add_address6(nl, ifindex, &link_local, 64, e->ifname);
    add_address6(nl, ifindex, &e->addr6, e->bits6, e->ifname);
    for (size_t i = 0; i < e->n_more6; i++)
        add_address6(nl, ifindex, &e->more6[i], 64, e->ifname);
}

void link_add_endpoint(struct nl *nl, int ifindex, const struct endpoint_spec *e)
{
    static const uint8_t none[6];
    struct nlmsghdr *m;

    m = nl_begin(nl, RTM_NEWLINK, 0, "set up interface %s", e->ifname);
    put_link(m, ifindex, true);
    if (memcmp(e->mac, none, sizeof(none)))
        mnl_attr_put(m, IFLA_ADDRESS, sizeof(e->mac), e->mac);
    if (e->mtu)
        mnl_attr_put_u32(m, IFLA_MTU, (uint32_t)e->mtu);
    nl_end(nl, m);
    if (e->addr)
        add_address(nl, ifindex, e->addr, e->bits, e->ifname);
    for (size_t i = 0; i < e->n_more; i++)
        add_address(nl, ifindex, e->more[i], 16, e->ifname);
    add_endpoint6(nl, ifindex, e);
    link_add_default_routes(nl, ifindex, e);
}

/* ---- what the host uses ---- */

static void subnets_add(struct subnet_list *l, const void *item)
{
    l->v = arena_grow(l->a, l->v, l->n, &l->cap, l->item);
    memcpy((char *)l->v + l->n++ * l->item, item, l->item);
}

/* The address in the attribute of this type, of the list's family. */
static void note_subnet(struct subnet_list *l, struct nl_bytes attributes, int type, int bits)
{
    bool is_v6 = l->family == AF_INET6;
    struct subnet6 v6 = {.bits = bits};
    struct nl_bytes found = {0};
    const struct nl_field fields[] = {{type, NL_BYTES, .size = is_v6 ? 16 : 4}, {0}};
    uint32_t v4;

    nl_fill(attributes, fields, &found);
    if (!found.at || bits > (is_v6 ? 128 : 32))
        return;
    if (is_v6) {
        memcpy(&v6.address, found.at, sizeof(v6.address));
        subnets_add(l, &v6);
        return;
    }
    memcpy(&v4, found.at, sizeof(v4));
    subnets_add(l, &(struct subnet4){ntohl(v4), bits});
}

int link_on_route(const struct nlmsghdr *m, void *ctx)
{
    const struct rtmsg *rt = nl_header(m, sizeof(*rt));
    struct subnet_list *list = ctx;

    if (rt && rt->rtm_family == list->family && rt->rtm_dst_len)
        note_subnet(list, nl_attributes(m, sizeof(*rt)), RTA_DST, rt->rtm_dst_len);
    return 0;
}

/* IPv6 addresses have IFA_LOCAL only with a peer. */
int link_on_address(const struct nlmsghdr *m, void *ctx)
{
    const struct ifaddrmsg *ifa = nl_header(m, sizeof(*ifa));
    struct subnet_list *list = ctx;
    int type = list->family == AF_INET ? IFA_LOCAL : IFA_ADDRESS;

    if (ifa && ifa->ifa_family == list->family)
        note_subnet(list, nl_attributes(m, sizeof(*ifa)), type, ifa->ifa_prefixlen);
    return 0;
}

static void restart_subnets(void *ctx)
{
    struct subnet_list *list = ctx;

    list->n = list->n_kept;
}

static struct err *list_subnets(struct nl *nl, struct subnet_list *list)
{
    struct nlmsghdr *m = nl_begin(nl, RTM_GETROUTE, 0, "list the host's routes");
    struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));

    rt->rtm_family = (uint8_t)list->family;
    nl_end(nl, m);
    list->n_kept = list->n;
    TRY(nl_dump(nl, link_on_route, restart_subnets, list));
    m = nl_begin(nl, RTM_GETADDR, 0, "list the host's addresses");
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(m, sizeof(*ifa));
    ifa->ifa_family = (uint8_t)list->family;
    nl_end(nl, m);
    list->n_kept = list->n;
    return nl_dump(nl, link_on_address, restart_subnets, list);
}

struct err *link_list_subnets(struct nl *nl, struct arena *a, struct subnet4 **out, size_t *n)
{
    struct subnet_list list = {.a = a, .family = AF_INET, .item = sizeof(struct subnet4)};

    TRY(list_subnets(nl, &list));
    *out = list.v;
    *n = list.n;
    return NULL;
}

struct err *link_list_subnets6(struct nl *nl, struct arena *a, struct subnet6 **out, size_t *n)
{
    struct subnet_list list = {.a = a, .family = AF_INET6, .item = sizeof(struct subnet6)};

    TRY(list_subnets(nl, &list));
    *out = list.v;
    *n = list.n;
    return NULL;
}
