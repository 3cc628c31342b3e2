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

struct link_facts {
    const char *name, *kind;
};

static int on_info(const struct nlattr *attr, void *ctx)
{
    struct link_facts *f = ctx;

    if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
        mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
        f->kind = mnl_attr_get_str(attr);
    return MNL_CB_OK;
}

static int on_link_attribute(const struct nlattr *attr, void *ctx)
{
    struct link_facts *f = ctx;

    if (mnl_attr_get_type(attr) == IFLA_IFNAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
        f->name = mnl_attr_get_str(attr);
    if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
        mnl_attr_parse_nested(attr, on_info, f);
    return MNL_CB_OK;
}

static void add(struct bridge_list *l, int ifindex, const char *name)
{
    struct listed_bridge b = {.ifindex = ifindex};

    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    memcpy(b.name, name, strlen(name) + 1);
    l->v[l->n++] = b;
}

int bridge_list_on_link(const struct nlmsghdr *m, void *ctx)
{
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(m);
    struct link_facts f = {0};

    if (mnl_nlmsg_get_payload_len(m) < sizeof(*ifi) ||
        mnl_attr_parse(m, sizeof(*ifi), on_link_attribute, &f) < 0)
        return 0;
    if (f.name && f.kind && !strcmp(f.kind, "bridge") &&
        strlen(f.name) < sizeof(((struct listed_bridge *)0)->name))
        add(ctx, ifi->ifi_index, f.name);
    return 0;
}

/* ---- routes ---- */

static void mark(struct bridge_list *l, int ifindex)
{
    for (size_t i = 0; i < l->n; i++)
        l->v[i].is_way_out |= l->v[i].ifindex == ifindex;
}

/* Several next hops: each may be the way out. */
static void mark_hops(struct bridge_list *l, const struct nlattr *attr)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(attr);
    int left = mnl_attr_get_payload_len(attr);

    while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) { /* that reads before it asks */
        mark(l, hop->rtnh_ifindex);
        left -= (int)RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
}

int bridge_list_on_route(const struct nlmsghdr *m, void *ctx)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(m);
    const struct nlattr *attr;
    bool has_gateway = false;
    uint32_t link = 0;

    if (mnl_nlmsg_get_payload_len(m) < sizeof(*rt))
        return 0;
    mnl_attr_for_each(attr, m, sizeof(*rt))
    {
        int type = mnl_attr_get_type(attr);

        has_gateway |= type == RTA_GATEWAY || type == RTA_VIA;
        if (type == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
            link = mnl_attr_get_u32(attr);
        if (type == RTA_MULTIPATH)
            mark_hops(ctx, attr);
    }
    if (has_gateway)
        mark(ctx, (int)link);
    return 0;
}

static struct err *query_all(struct nl *nl, struct bridge_list *out)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    struct nlmsghdr *m = nl_begin(nl, RTM_GETLINK, 0, "list the host's links");
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    nl_end(nl, m);
    TRY(nl_query(nl, true, bridge_list_on_link, out));
    for (size_t i = 0; out->n && i < ARRAY_LEN(families); i++) {
        m = nl_begin(nl, RTM_GETROUTE, 0, "list the host's routes");
        struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
        rt->rtm_family = families[i];
        nl_end(nl, m);
        TRY(nl_query(nl, true, bridge_list_on_route, out));
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
