/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links of macvlan and ipvlan networks. A container's interface is one message: it is
 * made on the parent in the host's namespace and born inside the container's. It dies with
 * that namespace. The parent is never configured, unless we made it. Workers.
 */
#include "vlan.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#include "inner.h"
#include "nl_attr.h"

#define DYING_WAIT_MS 50
#define DYING_WAIT_ROUNDS 40

static const char *kind_name(enum vlan_kind kind)
{
    return kind == VLAN_IPVLAN ? "ipvlan" : "macvlan";
}

static struct ifinfomsg *put_header(struct nlmsghdr *m, bool up)
{
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof(*ifi));

    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_flags = ifi->ifi_change = up ? IFF_UP : 0;
    return ifi;
}

static void put_kind(struct nlmsghdr *m, const char *kind)
{
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);

    mnl_attr_put_strz(m, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(m, info);
}

static bool link_exists(struct nl *nl, const char *name)
{
    int ifindex;
    struct err *e = link_find(nl, name, &ifindex);

    err_drop(e);
    return !e;
}

/* A link without its parent is refused as such by a kernel that has the type. */
static struct err *check_type(struct nl *nl, enum vlan_kind kind)
{
    struct nlmsghdr *m =
        nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make a %s link", kind_name(kind));
    struct err *e;
    bool is_known;

    put_header(m, false);
    put_kind(m, kind_name(kind));
    nl_end(nl, m);
    e = nl_commit(nl);
    is_known = !e || err_errno(e) != EOPNOTSUPP;
    if (is_known) {
        err_drop(e);
        return NULL;
    }
    return err_as(err_wrap(e, "this kernel has no %s", kind_name(kind)), ERR_UNAVAILABLE);
}

/* ---- the parent ---- */

static struct err *make_parent_of_kind(struct nl *nl, const char *name, const char *kind)
{
    struct nlmsghdr *m =
        nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the link %s", name);

    put_header(m, true);
    mnl_attr_put_strz(m, IFLA_IFNAME, name);
    put_kind(m, kind);
    nl_end(nl, m);
    return nl_commit(nl);
}

/* A dummy; a bridge without ports leads nowhere just as well where the kernel has no dummies. */
static struct err *make_apart(struct nl *nl, const char *name)
{
    struct err *e = make_parent_of_kind(nl, name, "dummy");

    if (!e || err_errno(e) != EOPNOTSUPP)
        return e;
    err_drop(e);
    return make_parent_of_kind(nl, name, "bridge");
}

/* What the sub-interface `name` is made on. */
static struct err *find_trunk(struct nl *nl, const char *name, struct vlan_name *out,
                              int *out_index)
{
    struct err *e;

    if (!strchr(name, '.'))
        return err_new(ERR_INVALID, "-o parent interface was not found on the host: %s", name);
    TRY(vlan_name_parse(name, out));
    e = link_find(nl, out->ifname, out_index);
    if (!e)
        return NULL;
    err_drop(e);
    return err_new(ERR_INVALID, "-o parent interface was not found on the host: %s", out->ifname);
}

static struct err *make_sub_interface(struct nl *nl, const char *name)
{
    struct vlan_name v;
    struct nlmsghdr *m;
    int ifindex;

    TRY(find_trunk(nl, name, &v, &ifindex));
    m = nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the sub-interface %s", name);
    put_header(m, true);
    mnl_attr_put_strz(m, IFLA_IFNAME, name);
    mnl_attr_put_u32(m, IFLA_LINK, (uint32_t)ifindex);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, "vlan");
    struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
    mnl_attr_put_u16(m, IFLA_VLAN_ID, v.id);
    mnl_attr_nest_end(m, data);
    mnl_attr_nest_end(m, info);
    nl_end(nl, m);
    return nl_commit(nl);
}

static struct err *look(struct nl *nl, const struct vlan_spec *v, bool *out_missing)
{
    bool is_missing = !link_exists(nl, v->parent);
    struct vlan_name name;
    int trunk;

    TRY(check_type(nl, v->kind));
    if (is_missing && !v->is_apart)
        TRY(find_trunk(nl, v->parent, &name, &trunk));
    *out_missing = is_missing;
    return NULL;
}

struct err *net_vlan_look(struct net *n, const struct vlan_spec *v, bool *out_missing)
{
    struct nl *nl;
    struct err *e;

    (void)n;
    TRY(nl_open(&nl));
    e = look(nl, v, out_missing);
    nl_close(nl);
    return e;
}

struct err *net_vlan_ensure(struct net *n, const struct vlan_spec *v)
{
    struct nl *nl;
    struct err *e = NULL;

    (void)n;
    TRY(nl_open(&nl));
    if (!link_exists(nl, v->parent))
        e = v->is_apart ? make_apart(nl, v->parent) : make_sub_interface(nl, v->parent);
    nl_close(nl);
    return e;
}

void net_vlan_remove(struct net *n, const char *parent)
{
    struct nl *nl;
    struct err *e = nl_open(&nl);

    (void)n;
    if (!e) {
        link_remove(nl, parent);
        nl_close(nl);
    }
    err_drop(e);
}

/* ---- a container's interface ---- */

static void put_mode(struct nlmsghdr *m, const struct vlan_spec *v)
{
    struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);

    if (v->kind == VLAN_MACVLAN) {
        mnl_attr_put_u32(m, IFLA_MACVLAN_MODE, v->mode);
    } else {
        mnl_attr_put_u16(m, IFLA_IPVLAN_MODE, (uint16_t)v->mode);
        mnl_attr_put_u16(m, IFLA_IPVLAN_FLAGS, v->flags);
    }
    mnl_attr_nest_end(m, data);
}

static struct err *make_link(struct nl *host, const struct endpoint_spec *e, int netns)
{
    static const uint8_t none[ETH_ALEN];
    const struct vlan_spec *v = &e->vlan;
    struct nlmsghdr *m;
    int parent;

    TRY(link_find(host, v->parent, &parent));
    m = nl_begin(host, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the %s link %s on %s",
                 kind_name(v->kind), e->ifname, v->parent);
    put_header(m, false);
    mnl_attr_put_strz(m, IFLA_IFNAME, e->ifname);
    mnl_attr_put_u32(m, IFLA_LINK, (uint32_t)parent);
    mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns);
    if (v->kind == VLAN_MACVLAN && memcmp(e->mac, none, sizeof(none)) != 0)
        mnl_attr_put(m, IFLA_ADDRESS, sizeof(e->mac), e->mac);
    struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
    mnl_attr_put_strz(m, IFLA_INFO_KIND, kind_name(v->kind));
    put_mode(m, v);
    mnl_attr_nest_end(m, info);
    nl_end(host, m);
    return nl_commit(host);
}

/* The parent's port is still of the other kind, or not free for passthru. */
static bool is_occupied(const struct err *e, const struct vlan_spec *v)
{
    return e && (err_errno(e) == EBUSY || (err_errno(e) == EINVAL && vlan_is_passthru(v)));
}

/* The interface of a container that has ended goes in the kernel's own time. */
struct err *vlan_make_link(struct nl *host, const struct endpoint_spec *e, int netns)
{
    struct err *err = make_link(host, e, netns);

    for (int i = 0; i < DYING_WAIT_ROUNDS && is_occupied(err, &e->vlan); i++) {
        err_drop(err);
        nanosleep(&(struct timespec){.tv_nsec = DYING_WAIT_MS * NS_PER_MS}, NULL);
        err = make_link(host, e, netns);
    }
    return err;
}

/* ---- which one it is ---- */

struct vlan_facts {
    const char *name, *kind;
    struct nl_bytes mac;
    uint32_t parent;
};
static const struct nl_field info_fields[] = {
    {IFLA_INFO_KIND, NL_TEXT, offsetof(struct vlan_facts, kind)},
    {0},
};
static const struct nl_field link_fields[] = {
    {IFLA_IFNAME, NL_TEXT, offsetof(struct vlan_facts, name)},
    {IFLA_ADDRESS, NL_BYTES, offsetof(struct vlan_facts, mac), .size = 6},
    {IFLA_LINK, NL_U32, offsetof(struct vlan_facts, parent)},
    {IFLA_LINKINFO, NL_NEST, .nest = info_fields},
    {0},
};

/* IFLA_LINK is the parent's index in the parent's own namespace: nobody inside can change it. */
int vlan_on_link(const struct nlmsghdr *m, void *ctx)
{
    const struct ifinfomsg *ifi = nl_header(m, sizeof(*ifi));
    struct vlan_facts f = {0};
    struct found_vlans *l = ctx;
    struct found_vlan *one;

    if (!ifi)
        return 0;
    nl_fill(nl_attributes(m, sizeof(*ifi)), link_fields, &f);
    if (!f.name || !f.kind || strcmp(f.kind, l->kind) != 0 || f.parent != l->parent)
        return 0;
    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    one = &l->v[l->n++];
    *one = (struct found_vlan){.ifindex = ifi->ifi_index, .name = arena_strdup(l->a, f.name)};
    if (f.mac.at)
        memcpy(one->mac, f.mac.at, sizeof(one->mac));
    return 0;
}

static void restart(void *ctx)
{
    ((struct found_vlans *)ctx)->n = 0;
}

static int only(const struct found_vlans *l, const struct endpoint_spec *e,
                bool (*is_it)(const struct found_vlan *v, const struct endpoint_spec *e))
{
    int found = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (!is_it(&l->v[i], e))
            continue;
        if (found)
            return 0;
        found = l->v[i].ifindex;
    }
    return found;
}

static bool has_mac(const struct found_vlan *v, const struct endpoint_spec *e)
{
    return e->vlan.kind == VLAN_MACVLAN && !memcmp(v->mac, e->mac, sizeof(v->mac));
}

static bool has_name(const struct found_vlan *v, const struct endpoint_spec *e)
{
    return !strcmp(v->name, e->ifname);
}

static bool is_any(const struct found_vlan *v, const struct endpoint_spec *e)
{
    (void)v, (void)e;
    return true;
}

int vlan_choose_link(const struct found_vlans *l, const struct endpoint_spec *e)
{
    int found = only(l, e, has_mac);

    if (!found)
        found = only(l, e, has_name);
    return found ? found : only(l, e, is_any);
}

struct err *vlan_remove_link(struct nl *host, struct nl *inside, const struct endpoint_spec *e)
{
    autoarena struct arena *a = arena_create();
    struct found_vlans l = {.a = a, .kind = kind_name(e->vlan.kind)};
    struct nlmsghdr *m;
    int parent, ifindex;

    TRY(link_find(host, e->vlan.parent, &parent));
    l.parent = (uint32_t)parent;
    m = nl_begin(inside, RTM_GETLINK, 0, "list the interfaces of a container");
    put_header(m, false);
    nl_end(inside, m);
    TRY(nl_dump(inside, vlan_on_link, restart, &l));
    ifindex = vlan_choose_link(&l, e);
    if (ifindex)
        return link_remove_index(inside, ifindex);
    if (!l.n)
        return NULL;
    return err_new(ERR_CONFLICT,
                   "%zu interfaces of the container are on %s and none is called %s any more: "
                   "rename the one of this network back",
                   l.n, e->vlan.parent, e->ifname);
}
