/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses and routes by rtnetlink. The functions that only append to a batch say so. */
#pragma once

#include "net/net.h"

#include "nl.h"

/* Makes the bridge or takes the existing one over; up, with its address. */
struct err *link_ensure_bridge(struct nl *nl, const struct bridge_spec *b, int *out_ifindex)
    must_check;
/* net.ipv6.conf.<ifname>.<name>, in the calling thread's namespace. */
struct err *link_set_ipv6(const char *ifname, const char *name, const char *value) must_check;
void link_remove(struct nl *nl, const char *name);
struct err *link_remove_index(struct nl *nl, int ifindex) must_check;
struct err *link_find(struct nl *nl, const char *name, int *out_ifindex) must_check;

struct veth_spec {
    char host_name[16];
    int bridge_ifindex;
    int netns;          /* where the peer goes */
    const char *ifname; /* of the peer */
    int mtu;            /* 0: the kernel's */
    bool is_isolated;   /* icc off: may not talk to other isolated ports */
};
/* The host's end in the bridge and up, the peer down; one batch. */
struct err *link_make_veth(struct nl *nl, const struct veth_spec *v) must_check;
/* Removes the ports of the bridge whose other end is in that namespace. */
struct err *link_remove_ports_into(struct nl *nl, int bridge_ifindex, int netns) must_check;
struct bridge_ports;
/* Those that lead into other namespaces. */
struct err *link_list_ports(struct nl *nl, int bridge_ifindex, struct bridge_ports *out) must_check;
/* The number by which this namespace knows the other; below 0: not at all. It gets one when a link
 * into it is first told of, so list the ports before. */
struct err *link_ask_nsid(struct nl *nl, int netns, int *out) must_check;
/* The link-local address that goes with a MAC. */
struct in6_addr link_local_of(const uint8_t mac[6]);
/* How many ports the bridge has now, also those that are being removed. */
struct err *link_count_ports(struct nl *nl, int bridge_ifindex, unsigned *out) must_check;

/* Batch. */
void link_add_up(struct nl *nl, int ifindex);
#define LO_IFINDEX 1 /* in every namespace */
/* Batch: MAC, addresses and default routes of one interface, and up. */
void link_add_endpoint(struct nl *nl, int ifindex, const struct endpoint_spec *e);
/* Batch: for each gateway that e has (a routed vlan's: the device), instead of the route that there
 * is. */
void link_add_default_routes(struct nl *nl, int ifindex, const struct endpoint_spec *e);

/* Every IPv4 subnet the host has an address in or a route to (the default route apart). */
struct err *link_list_subnets(struct nl *nl, struct arena *a, struct subnet4 **out, size_t *n)
    must_check;
struct err *link_list_subnets6(struct nl *nl, struct arena *a, struct subnet6 **out, size_t *n)
    must_check;

/* ---- what the kernel answers: of type nl_fn, pure ---- */
struct found_link {
    int ifindex;
    bool is_bridge;
};
int link_on_link(const struct nlmsghdr *m, void *ctx); /* struct found_link */
struct bridge_ports {
    struct arena *a;
    struct bridge_port {
        int ifindex, nsid;
        char name[16];
    } * v;
    size_t n, cap;
};
int link_on_port(const struct nlmsghdr *m, void *ctx); /* struct bridge_ports */
int link_on_nsid(const struct nlmsghdr *m, void *ctx); /* int */
struct subnet_list {
    struct arena *a;
    int family;  /* AF_INET: v is of struct subnet4; AF_INET6: of subnet6 */
    size_t item; /* of v */
    void *v;
    size_t n, cap;
    size_t n_kept; /* of the dumps before this one */
};
int link_on_route(const struct nlmsghdr *m, void *ctx);   /* struct subnet_list */
int link_on_address(const struct nlmsghdr *m, void *ctx); /* struct subnet_list */
