/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/network.h"

#include "nl.h"

/* The driver's options. NULL kind: another driver. Pure; the parent is "" when none was asked
 * for. */
enum vlan_kind vlan_kind_of(const char *driver);
struct err *vlan_plan(const struct network_request *r, struct vlan_spec *out) must_check;
/* "eth0.10". ERR_INVALID in Docker's words. */
struct vlan_name {
    char ifname[16];
    uint16_t id;
};
struct err *vlan_name_parse(const char *parent, struct vlan_name *out) must_check;
/* The parent that leads nowhere of the network with this id. */
void vlan_name_own_parent(struct vlan_spec *v, const char *id);
bool vlan_is_own_parent(const char *ifname); /* of any engine */
/* Whether two networks may have the parent they have in common; id: of the other network. */
struct err *vlan_check_shared(const struct vlan_spec *v, const struct vlan_spec *other,
                              const char *other_id) must_check;
/* The container's interface, made on the parent and born inside the namespace; down. */
struct err *vlan_make_link(struct nl *host, const struct endpoint_spec *e, int netns) must_check;

/* Takes the container's interface away, whatever its root calls it by now; without error when there
 * is none any more. inside: of the container's namespace. */
struct err *vlan_remove_link(struct nl *host, struct nl *inside, const struct endpoint_spec *e)
    must_check;
struct found_vlan {
    int ifindex;
    const char *name;
    uint8_t mac[6];
};
struct found_vlans { /* of one kind, on one parent */
    struct arena *a;
    const char *kind;
    uint32_t parent;
    struct found_vlan *v;
    size_t n, cap;
};
int vlan_on_link(const struct nlmsghdr *m, void *ctx); /* struct found_vlans */
/* 0: none, or it cannot be told which. Pure. */
int vlan_choose_link(const struct found_vlans *l, const struct endpoint_spec *e);
