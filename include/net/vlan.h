/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of the drivers macvlan and ipvlan: their containers stand in the network of a link
 * of the host (the parent), beside the host and without rules or ports of ours. A parent
 * "eth0.10" that does not exist is made (802.1q); without a parent one is made that leads
 * nowhere. What we made goes with the last network on it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct net;
enum vlan_kind { VLAN_NONE, VLAN_MACVLAN, VLAN_IPVLAN };
struct vlan_spec {
    enum vlan_kind kind;
    char parent[16];
    bool is_apart;  /* the parent leads nowhere: no one else's, and always made by us */
    uint32_t mode;  /* the kernel's number */
    uint16_t flags; /* of ipvlan */
};
bool vlan_is_passthru(const struct vlan_spec *v);
/* No neighbours by ARP: the default route is the device, not a gateway. */
bool vlan_is_routed(const struct vlan_spec *v);
/* Workers. Whether net_vlan_ensure will make the parent; ERR_INVALID, ERR_UNAVAILABLE in Docker's
 * words when it cannot. */
struct err *net_vlan_look(struct net *n, const struct vlan_spec *v, bool *out_missing) must_check;
struct err *net_vlan_ensure(struct net *n, const struct vlan_spec *v) must_check;
void net_vlan_remove(struct net *n, const char *parent); /* one we made */
