/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the drivers macvlan and ipvlan as numbers of the kernel's, with Docker's refusals.
 * Pure. */
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

#include "vlan.h"

#define ID_MIN 1 /* of a VLAN */
#define ID_MAX_VLAN 4094

struct word {
    const char *name;
    uint32_t value;
};
/* bridge: containers on one parent reach each other; private: they do not; vepa: only by a switch
 * outside that sends frames back; passthru: one container has the parent for itself. In none does
 * the host reach them by the parent: the kernel hands a macvlan's frames past it. */
static const struct word macvlan_modes[] = {
    {"bridge", MACVLAN_MODE_BRIDGE}, /* the first one is the default */
    {"private", MACVLAN_MODE_PRIVATE},   {"vepa", MACVLAN_MODE_VEPA},
    {"passthru", MACVLAN_MODE_PASSTHRU}, {0},
};
/* l2: one broadcast domain with the parent's; l3: routed by the kernel, no ARP and no broadcasts;
 * l3s: the same, and the host's netfilter and conntrack see it. */
static const struct word ipvlan_modes[] = {
    {"l2", IPVLAN_MODE_L2},
    {"l3", IPVLAN_MODE_L3},
    {"l3s", IPVLAN_MODE_L3S},
    {0},
};
static const struct word ipvlan_flags[] = {
    {"bridge", 0},
    {"private", IPVLAN_F_PRIVATE},
    {"vepa", IPVLAN_F_VEPA},
    {0},
};

enum vlan_kind vlan_kind_of(const char *driver)
{
    if (text_same(driver, "macvlan"))
        return VLAN_MACVLAN;
    return text_same(driver, "ipvlan") ? VLAN_IPVLAN : VLAN_NONE;
}

bool vlan_is_passthru(const struct vlan_spec *v)
{
    return v->kind == VLAN_MACVLAN && v->mode == MACVLAN_MODE_PASSTHRU;
}

bool vlan_is_routed(const struct vlan_spec *v)
{
    return v->kind == VLAN_IPVLAN && v->mode != IPVLAN_MODE_L2;
}

static bool find_word(const struct word *words, const char *text, uint32_t *out)
{
    const struct word *w = words;

    while (w->name && !text_is_empty(text) && strcmp(w->name, text) != 0)
        w++;
    *out = w->value;
    return w->name;
}

static struct err *plan_macvlan(const struct pairs *options, struct vlan_spec *v)
{
    const char *mode = pairs_get(options, "macvlan_mode");

    if (!find_word(macvlan_modes, mode, &v->mode))
        return err_new(ERR_INVALID,
                       "requested macvlan mode '%s' is not valid, 'bridge' mode is the macvlan "
                       "driver default",
                       mode);
    return NULL;
}

static struct err *plan_ipvlan(const struct pairs *options, struct vlan_spec *v)
{
    const char *mode = pairs_get(options, "ipvlan_mode");
    const char *flag = pairs_get(options, "ipvlan_flag");
    uint32_t flags;

    if (!find_word(ipvlan_modes, mode, &v->mode))
        return err_new(ERR_INVALID,
                       "requested ipvlan mode '%s' is not valid, 'l2' mode is the ipvlan driver "
                       "default",
                       mode);
    if (!find_word(ipvlan_flags, flag, &flags))
        return err_new(ERR_INVALID,
                       "requested ipvlan flag '%s' is not valid, 'bridge' is the ipvlan driver "
                       "default",
                       flag);
    v->flags = (uint16_t)flags;
    return NULL;
}

static struct err *plan_parent(const struct network_request *r, struct vlan_spec *v)
{
    const char *parent = pairs_get(&r->options, "parent");

    v->is_apart = text_is_empty(parent);
    if (text_is_empty(parent))
        return NULL;
    if (!strcmp(parent, "lo"))
        return err_new(ERR_INVALID, "loopback interface is not a valid %s parent link", r->driver);
    if (strlen(parent) >= sizeof(v->parent) || strpbrk(parent, "/: \t\n\"%"))
        return err_new(ERR_INVALID, "invalid parent interface name \"%s\"", parent);
    memcpy(v->parent, parent, strlen(parent) + 1);
    return NULL;
}

struct err *vlan_plan(const struct network_request *r, struct vlan_spec *out)
{
    struct vlan_spec v = {.kind = vlan_kind_of(r->driver)};

    TRY(plan_parent(r, &v));
    TRY(v.kind == VLAN_MACVLAN ? plan_macvlan(&r->options, &v) : plan_ipvlan(&r->options, &v));
    *out = v;
    return NULL;
}

struct err *vlan_name_parse(const char *parent, struct vlan_name *out)
{
    const char *dot = strchr(parent, '.');
    struct vlan_name name = {0};
    int64_t id;

    if (!dot)
        return err_new(ERR_INVALID,
                       "invalid subinterface vlan name %s, example formatting is eth0.10", parent);
    if (strchr(dot + 1, '.'))
        return err_new(ERR_INVALID,
                       "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, "
                       "instead received %s",
                       parent);
    if (dot == parent || !text_to_i64(dot + 1, &id))
        return err_new(ERR_INVALID,
                       "unable to parse a valid vlan id from: %s (ex. eth0.10 for vlan 10)",
                       parent);
    if (id < ID_MIN || id > ID_MAX_VLAN)
        return err_new(ERR_INVALID, "vlan id must be between 1-4094, received: %lld",
                       (long long)id);
    snprintf(name.ifname, sizeof(name.ifname), "%.*s", (int)(dot - parent), parent);
    name.id = (uint16_t)id;
    *out = name;
    return NULL;
}

void vlan_name_own_parent(struct vlan_spec *v, const char *id)
{
    snprintf(v->parent, sizeof(v->parent), "%s-%.12s", v->kind == VLAN_IPVLAN ? "di" : "dm", id);
}

bool vlan_is_own_parent(const char *ifname)
{
    return (text_starts(ifname, "dm-") || text_starts(ifname, "di-")) && strlen(ifname) == 15;
}

struct err *vlan_check_shared(const struct vlan_spec *v, const struct vlan_spec *other,
                              const char *other_id)
{
    if (v->kind != other->kind) /* a link serves one driver: the kernel would say it at start */
        return err_new(ERR_FORBIDDEN, "%s network %.12s is already using parent interface %s",
                       other->kind == VLAN_IPVLAN ? "ipvlan" : "macvlan", other_id, v->parent);
    if (v->kind == VLAN_IPVLAN)
        return err_new(ERR_FORBIDDEN, "network di-%.12s is already using parent interface %s",
                       other_id, v->parent);
    if (vlan_is_passthru(other))
        return err_new(ERR_FORBIDDEN,
                       "macvlan network %.12s is already using parent interface %s in mode "
                       "passthru",
                       other_id, v->parent);
    if (vlan_is_passthru(v))
        return err_new(ERR_FORBIDDEN,
                       "cannot use mode passthru, macvlan network %.12s is already using parent "
                       "interface %s",
                       other_id, v->parent);
    return NULL;
}
