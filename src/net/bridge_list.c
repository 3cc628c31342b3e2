/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which links of the host are bridges, and through which of them it reaches the world: the others
 * are somebody's inner networks. Workers.
 */
#include "bridge_list.h"

#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"

#include "nl.h"
#include "nl_attr.h"

struct link_facts {
    const char *name, *kind;
};
static const struct nl_field info_fields[] = {
    {IFLA_INFO_KIND, NL_TEXT, offsetof(struct link_facts, kind)},
    {0},
};
static const struct nl_field link_fields[] = {
    {IFLA_IFNAME, NL_TEXT, offsetof(struct link_facts, name)},
    {IFLA_LINKINFO, NL_NEST, .nest = info_fields},
    {0},
};

static void add(struct bridge_list *l, int ifindex, const char *name)
{
    struct listed_bridge b = {.ifindex = ifindex};

    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    memcpy(b.name, name, strlen(name) + 1);
    l->v[l->n++] = b;
}

int bridge_list_on_link(const struct nlmsghdr *m, void *ctx)
{
    const struct ifinfomsg *ifi = nl_header(m, sizeof(*ifi));
    struct link_facts f = {0};

    if (!ifi)
        return 0;
    nl_fill(nl_attributes(m, sizeof(*ifi)), link_fields, &f);
    if (f.name && f.kind && !strcmp(f.kind, "bridge") &&
        strlen(f.name) < sizeof(((struct listed_bridge *)0)->name))
        add(ctx, ifi->ifi_index, f.name);
    return 0;
}

/* ---- routes ---- */

struct route_facts {
    struct nl_bytes gateway, via, hops;
    uint32_t link;
};
static const struct nl_field route_fields[] = {
    {RTA_GATEWAY, NL_BYTES, offsetof(struct route_facts, gateway)},
    {RTA_VIA, NL_BYTES, offsetof(struct route_facts, via)},
    {RTA_OIF, NL_U32, offsetof(struct route_facts, link)},
    {RTA_MULTIPATH, NL_BYTES, offsetof(struct route_facts, hops)},
    {0},
};

static void mark(struct bridge_list *l, int ifindex)
{
    for (size_t i = 0; i < l->n; i++)
        l->v[i].is_way_out |= l->v[i].ifindex == ifindex;
}

/* Several next hops: each may be the way out. */
static void mark_hops(struct bridge_list *l, struct nl_bytes hops)
{
    const struct rtnexthop *hop = hops.at;
    int left = (int)hops.len;

    while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) { /* that reads before it asks */
        mark(l, hop->rtnh_ifindex);
        left -= (int)RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
}

int bridge_list_on_route(const struct nlmsghdr *m, void *ctx)
{
    struct route_facts f = {0};

    nl_fill(nl_attributes(m, sizeof(struct rtmsg)), route_fields, &f);
    mark_hops(ctx, f.hops);
    if (f.gateway.at || f.via.at)
        mark(ctx, (int)f.link);
    return 0;
}

static void restart_links(void *ctx)
{
    ((struct bridge_list *)ctx)->n = 0;
}

/* A mark too many only leaves a bridge to its own rules. */
static void restart_routes(void *ctx)
{
    (void)ctx;
}

static struct err *query_all(struct nl *nl, struct bridge_list *out)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    struct nlmsghdr *m = nl_begin(nl, RTM_GETLINK, 0, "list the host's links");
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO); /* not a thousand veths, please */
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(m, info);
    nl_end(nl, m);
    TRY(nl_dump(nl, bridge_list_on_link, restart_links, out));
    for (size_t i = 0; out->n && i < ARRAY_LEN(families); i++) {
        m = nl_begin(nl, RTM_GETROUTE, 0, "list the host's routes");
        struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
        rt->rtm_family = families[i];
        nl_end(nl, m);
        TRY(nl_dump(nl, bridge_list_on_route, restart_routes, out));
    }
    return NULL;
}

struct err *bridge_list_read(struct bridge_list *out)
{
    struct nl *nl;
    struct err *e;

    TRY(nl_open(&nl));
    e = query_all(nl, out);
    nl_close(nl);
    return e;
}
