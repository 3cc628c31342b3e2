/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* What netlink sends, in memory that ends where the message ends: a sanitizer sees each byte read
 * behind it. */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge_list.h"
#include "forward_chains.h"
#include "inner.h"
#include "link.h"
#include "rules.h"
#include "test.h"
#include "vlan.h"

static char room[4096] __attribute__((aligned(8)));

static struct nlmsghdr *begin(const void *header, size_t size)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);

    memcpy(mnl_nlmsg_put_extra_header(m, size), header, size);
    return m;
}

/* Hands fn the first `size` bytes of m, and a message that says it has no more. */
static void read_cut(const struct nlmsghdr *m, size_t size, nl_fn fn, void *ctx)
{
    struct nlmsghdr *cut = mem_alloc(size);

    memcpy(cut, m, size);
    cut->nlmsg_len = (uint32_t)size;
    CHECK(fn(cut, ctx) >= 0);
    free(cut);
}

/* An attribute's own length may claim up to three bytes that the message does not have: libmnl
 * measures messages in units of four. */
static void read_all_cuts(const struct nlmsghdr *m, nl_fn fn, void *ctx)
{
    for (size_t size = sizeof(*m); size < m->nlmsg_len; size++)
        read_cut(m, size, fn, ctx);
}

static const struct rtmsg route6 = {.rtm_family = AF_INET6, .rtm_dst_len = 64};
static const struct ifaddrmsg address4 = {.ifa_family = AF_INET, .ifa_prefixlen = 24};
static const struct ifaddrmsg address6 = {.ifa_family = AF_INET6, .ifa_prefixlen = 64};
static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

TEST(a_subnet_is_of_whole_addresses_only)
{
    struct subnet_list four = {.a = test_arena, .family = AF_INET, .item = sizeof(struct subnet4)};
    struct subnet_list six = {.a = test_arena, .family = AF_INET6, .item = sizeof(struct subnet6)};
    struct nlmsghdr *m = begin(&route6, sizeof(route6));

    mnl_attr_put(m, RTA_DST, 16, v6);
    read_all_cuts(m, link_on_route, &six);
    CHECK_INT(six.n, 0);
    read_cut(m, m->nlmsg_len, link_on_route, &six);
    CHECK_INT(six.n, 1);
    CHECK(!memcmp(&((struct subnet6 *)six.v)[0].address, v6, 16));

    m = begin(&address6, sizeof(address6));
    mnl_attr_put(m, IFA_ADDRESS, 16, v6);
    read_all_cuts(m, link_on_address, &six);
    CHECK_INT(six.n, 1);
    m = begin(&address4, sizeof(address4));
    mnl_attr_put_u32(m, IFA_LOCAL, htonl(0x0a000001));
    read_all_cuts(m, link_on_address, &four);
    CHECK_INT(four.n, 0);
    read_cut(m, m->nlmsg_len, link_on_address, &four);
    CHECK_INT(four.n, 1);
    CHECK_INT(((struct subnet4 *)four.v)[0].address, 0x0a000001);
}

TEST(an_address_of_another_length_is_none)
{
    struct subnet_list four = {.a = test_arena, .family = AF_INET, .item = sizeof(struct subnet4)};
    struct subnet_list six = {.a = test_arena, .family = AF_INET6, .item = sizeof(struct subnet6)};

    for (size_t size = 0; size <= 16; size++) {
        struct nlmsghdr *m = begin(&address6, sizeof(address6));

        mnl_attr_put(m, IFA_ADDRESS, size, v6);
        read_cut(m, m->nlmsg_len, link_on_address, &six);
        m = begin(&address4, sizeof(address4));
        mnl_attr_put(m, IFA_LOCAL, size, v6);
        read_cut(m, m->nlmsg_len, link_on_address, &four);
    }
    CHECK_INT(four.n, 1);
    CHECK_INT(six.n, 1);
}

TEST(links_and_routes_are_read_within_their_message)
{
    const struct ifinfomsg ifi = {.ifi_index = 7};
    const struct rtmsg rt = {.rtm_family = AF_INET};
    struct bridge_list bridges = {.a = test_arena};
    struct found_link found = {0};
    struct nlmsghdr *m = begin(&ifi, sizeof(ifi));

    mnl_attr_put_strz(m, IFLA_IFNAME, "br7");
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "bridge!"); /* to the end of its four bytes */
    mnl_attr_nest_end(m, info);
    read_all_cuts(m, link_on_link, &found);
    read_all_cuts(m, bridge_list_on_link, &bridges);
    CHECK(!found.is_bridge);
    CHECK_INT(bridges.n, 0);

    m = begin(&ifi, sizeof(ifi));
    mnl_attr_put_strz(m, IFLA_IFNAME, "br7");
    info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(m, info);
    read_cut(m, m->nlmsg_len, link_on_link, &found);
    read_cut(m, m->nlmsg_len, bridge_list_on_link, &bridges);
    CHECK(found.is_bridge);
    CHECK_INT(bridges.n, 1);

    m = begin(&rt, sizeof(rt));
    mnl_attr_put_u32(m, RTA_GATEWAY, htonl(0x0a000001));
    mnl_attr_put_u32(m, RTA_OIF, 7);
    read_all_cuts(m, bridge_list_on_route, &bridges);
    CHECK(!bridges.v[0].is_way_out);
    read_cut(m, m->nlmsg_len, bridge_list_on_route, &bridges);
    CHECK(bridges.v[0].is_way_out);
}

TEST(ports_are_known_by_the_namespace_behind_them)
{
    const struct ifinfomsg ifi = {.ifi_index = 7};
    const struct rtgenmsg any = {0};
    struct bridge_ports ports = {.a = test_arena};
    int nsid = -1;
    struct nlmsghdr *m = begin(&ifi, sizeof(ifi));

    read_cut(m, m->nlmsg_len, link_on_port, &ports); /* its other end is here */
    CHECK_INT(ports.n, 0);
    mnl_attr_put_u32(m, IFLA_LINK_NETNSID, 3);
    read_all_cuts(m, link_on_port, &ports);
    CHECK_INT(ports.n, 0);
    read_cut(m, m->nlmsg_len, link_on_port, &ports);
    CHECK_INT(ports.n, 1);
    CHECK(ports.v[0].ifindex == 7 && ports.v[0].nsid == 3);

    m = begin(&any, sizeof(any));
    mnl_attr_put_u32(m, NETNSA_NSID, 3);
    read_all_cuts(m, link_on_nsid, &nsid);
    CHECK_INT(nsid, -1);
    read_cut(m, m->nlmsg_len, link_on_nsid, &nsid);
    CHECK_INT(nsid, 3);
}

TEST(next_hops_are_read_within_their_attribute)
{
    const struct rtmsg rt = {.rtm_family = AF_INET};
    const struct rtnexthop hops[] = {{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 1},
                                     {.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 2}};
    struct listed_bridge two[] = {{.ifindex = 1}, {.ifindex = 2}};
    struct bridge_list bridges = {.a = test_arena, .v = two, .n = 2};
    struct nlmsghdr *m = begin(&rt, sizeof(rt));

    mnl_attr_put(m, RTA_MULTIPATH, sizeof(hops), hops);
    read_all_cuts(m, bridge_list_on_route, &bridges);
    CHECK(!two[1].is_way_out);
    read_cut(m, m->nlmsg_len, bridge_list_on_route, &bridges);
    CHECK(two[0].is_way_out && two[1].is_way_out);
}

static int on_change(const struct nlmsghdr *m, void *ctx)
{
    const char *table = rules_changed_table(m);

    *(size_t *)ctx += table ? strlen(table) : 0;
    return 0;
}

TEST(chains_rules_and_changes_are_read_within_their_message)
{
    const struct nfgenmsg gen = {.nfgen_family = 2};
    struct forward_chain current = {0};
    struct forward_chains l = {.a = test_arena, .own = "berth_x", .current = &current};
    size_t n = 0;
    struct nlmsghdr *m = begin(&gen, sizeof(gen));

    mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, "filters");
    mnl_attr_put_strz(m, NFTA_CHAIN_NAME, "berth_x");
    read_all_cuts(m, forward_on_chain, &l);
    CHECK_INT(l.n, 0);
    read_cut(m, m->nlmsg_len, forward_on_chain, &l);
    CHECK_INT(l.n, 1);
    read_cut(m, m->nlmsg_len, on_change, &n);
    CHECK_INT(n, strlen("filters"));
    read_all_cuts(m, on_change, &n);

    m = begin(&gen, sizeof(gen));
    mnl_attr_put_u64(m, NFTA_RULE_HANDLE, 1);
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS);
    struct nlattr *one = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
    mnl_attr_put_strz(m, NFTA_EXPR_NAME, "counter");
    mnl_attr_nest_end(m, one);
    mnl_attr_nest_end(m, list);
    read_all_cuts(m, forward_on_rule, &l);
}

/* The sentence that the kernel adds to an error, behind the request that it repeats. */
TEST(an_error_is_read_within_its_message)
{
    const struct nlmsgerr refusal = {.error = -EINVAL, .msg = {.nlmsg_len = sizeof(refusal.msg)}};
    struct nl *nl = mem_new(struct nl);
    struct nlmsghdr *m = begin(&refusal, sizeof(refusal));

    nl->seq = nl->n = 1;
    memcpy(nl->what[0], "do it", sizeof("do it"));
    m->nlmsg_type = NLMSG_ERROR;
    m->nlmsg_seq = 1;
    m->nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
    mnl_attr_put_strz(m, NLMSGERR_ATTR_MSG, "because");
    for (size_t size = sizeof(*m); size <= m->nlmsg_len; size++) {
        unsigned left = 1;
        struct nlmsghdr *cut = mem_alloc(size);

        memcpy(cut, m, size);
        cut->nlmsg_len = (uint32_t)size;
        err_drop(nl_read_acks(nl, cut, size, &left));
        free(cut);
    }
    free(nl);
}

/* ---- dumps that something came between ---- */

static void tell(int fd, uint32_t seq, int type, unsigned flags)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);

    m->nlmsg_type = (uint16_t)type;
    m->nlmsg_flags = (uint16_t)flags;
    m->nlmsg_seq = seq;
    CHECK_INT(send(fd, m, m->nlmsg_len, 0), m->nlmsg_len);
}

static int count_link(const struct nlmsghdr *m, void *ctx)
{
    (void)m;
    ++*(int *)ctx;
    return 0;
}

static void begin_anew(void *ctx)
{
    *(int *)ctx = 0;
}

/* How many links are counted when so many dumps are torn; each has one more than that before. */
static int links_of(int torn, int *out_asked)
{
    char request[256];
    struct nl *nl = mem_new(struct nl);
    int ends[2], n = 0;

    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    nl->sock = mnl_socket_fdopen(ends[0]);
    nl_end(nl, nl_begin(nl, RTM_GETLINK, 0, "list links"));
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k <= i; k++)
            tell(ends[1], (uint32_t)i + 1, RTM_NEWLINK, i < torn ? NLM_F_DUMP_INTR : 0);
        tell(ends[1], (uint32_t)i + 1, NLMSG_DONE, 0);
    }
    CHECK_OK(nl_dump(nl, count_link, begin_anew, &n));
    for (*out_asked = 0; recv(ends[1], request, sizeof(request), MSG_DONTWAIT) > 0; ++*out_asked)
        ;
    nl_close(nl);
    close(ends[1]);
    return n;
}

TEST(a_dump_that_something_came_between_is_repeated)
{
    int asked;

    CHECK_INT(links_of(0, &asked), 1);
    CHECK_INT(asked, 1);
    CHECK_INT(links_of(2, &asked), 3);
    CHECK_INT(asked, 3);
    CHECK_INT(links_of(99, &asked), 5); /* never at rest: the last is taken */
    CHECK_INT(asked, 5);
}

/* ---- a container's interface by what it is ---- */

static struct found_vlan vlan_link(int ifindex, const char *name, uint8_t mac)
{
    return (struct found_vlan){.ifindex = ifindex, .name = name, .mac = {2, [5] = mac}};
}

TEST(a_vlan_interface_is_found_whatever_it_is_called)
{
    struct endpoint_spec e = {
        .ifname = "eth0", .mac = {2, [5] = 7}, .vlan = {.kind = VLAN_MACVLAN}};
    struct found_vlans l = {.a = test_arena};

    CHECK_INT(vlan_choose_link(&l, &e), 0);
    l.v = (struct found_vlan[]){vlan_link(3, "renamed", 9)};
    l.n = 1;
    CHECK_INT(vlan_choose_link(&l, &e), 3); /* the only one of that parent */
    l.v = (struct found_vlan[]){vlan_link(3, "eth0", 9), vlan_link(4, "renamed", 7)};
    l.n = 2;
    CHECK_INT(vlan_choose_link(&l, &e), 4); /* its MAC */
    l.v = (struct found_vlan[]){vlan_link(3, "eth1", 9), vlan_link(4, "eth0", 8)};
    CHECK_INT(vlan_choose_link(&l, &e), 4); /* its name */
    l.v = (struct found_vlan[]){vlan_link(3, "eth1", 9), vlan_link(4, "x", 8)};
    CHECK_INT(vlan_choose_link(&l, &e), 0); /* which? */
    e.vlan.kind = VLAN_IPVLAN;              /* all have the parent's MAC */
    l.v = (struct found_vlan[]){vlan_link(3, "eth1", 7), vlan_link(4, "eth0", 7)};
    CHECK_INT(vlan_choose_link(&l, &e), 4);
}

TEST(only_interfaces_of_that_kind_and_parent_are_looked_at)
{
    const struct ifinfomsg ifi = {.ifi_index = 5};
    struct found_vlans l = {.a = test_arena, .kind = "macvlan", .parent = 9};
    struct nlmsghdr *m = begin(&ifi, sizeof(ifi));

    m->nlmsg_type = RTM_NEWLINK;
    mnl_attr_put_strz(m, IFLA_IFNAME, "eth0");
    mnl_attr_put(m, IFLA_ADDRESS, 6, "\2\0\0\0\0\7");
    mnl_attr_put_u32(m, IFLA_LINK, 9);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "macvlan");
    mnl_attr_nest_end(m, info);
    read_all_cuts(m, vlan_on_link, &l);
    l.n = 0;
    vlan_on_link(m, &l);
    CHECK_INT(l.n, 1);
    CHECK_INT(l.v[0].ifindex, 5);
    CHECK_INT(l.v[0].mac[5], 7);
    l.parent = 8;
    vlan_on_link(m, &l);
    l.parent = 9;
    l.kind = "ipvlan";
    vlan_on_link(m, &l);
    CHECK_INT(l.n, 1);
}
