/* SPDX-License-Identifier: Apache-2.0 */
/* A network as its files see it. Loop thread. */
#pragma once

#include "base/list.h"
#include "net/network.h"

/* What the database keeps: the request as it was, and what the engine chose. */
struct network_record {
    char *id;
    int64_t created_ns;
    struct network_request request;
    char *subnet, *gateway;   /* NULL without IPv4, and for host and null */
    char *subnet6, *gateway6; /* NULL without IPv6 */
    char *ifname;             /* the bridge or the parent; NULL for host and null */
    bool made_link;           /* the parent is ours to remove */
};
extern const struct jtable network_record_json;
#define NETWORK_KIND "network"

struct network {
    uint32_t magic;
    struct network_table *table;
    struct arena *arena; /* the record's texts */
    struct network_record record;
    bool is_predefined, is_removing;
    struct bridge_spec bridge; /* ifname is "" for other drivers */
    struct vlan_spec vlan;     /* kind VLAN_NONE for other drivers */
    struct subnet4 subnet;
    uint32_t gateway;
    uint32_t way_out;  /* 0: the gateway */
    struct ipam *ipam; /* NULL: no IPv4 */
    struct subnet6 subnet6;
    struct in6_addr gateway6;
    struct in6_addr way_out6; /* all 0: the gateway */
    struct ipam6 *ipam6;      /* NULL: no IPv6 */
    struct list endpoints;
    size_t n_endpoints;
    bool has_pool;
};

struct network_table {
    struct net *net;
    struct ops *ops;
    struct db *db;
    struct events *events;
    struct lane lane;   /* one create or remove at a time: they choose subnets and links */
    struct network **v; /* in order of creation */
    size_t n, cap;
    struct in6_addr ula; /* the engine's own prefix, 48 bits */
    const struct strs *driver_opts;
    int mtu;
    bool icc, ip_masq;
};

/* A valid request as numbers. Pure. */
struct network_plan {
    bool has_ipv4, has_ipv6;
    bool has_subnet, has_subnet6;   /* given, not to be picked */
    struct subnet4 subnet, range;   /* range = subnet when none was given */
    struct subnet6 subnet6, range6; /* the same */
    uint32_t gateway;               /* 0: the first address */
    struct in6_addr gateway6;       /* the same */
    struct bridge_spec bridge;      /* ifname "" unless asked for */
    struct vlan_spec vlan;          /* kind VLAN_NONE: a bridge */
};
/* The pool of one family in a request; NULL: none. */
const struct ipam_pool *network_pool(const struct network_request *r, bool is_v6);
struct network_defaults {
    int mtu;
};
/* ERR_INVALID, ERR_FORBIDDEN, ERR_NOT_FOUND in Docker's words. */
struct err *network_plan(const struct network_request *r, const struct network_defaults *d,
                         struct network_plan *out) must_check;
bool network_name_is_predefined(const char *name);

/* What one that lends its configuration or takes another's may not have. ERR_FORBIDDEN. */
struct err *network_config_check(const struct network_request *r) must_check;
/* `lent` is a copy of the lender's request, in the taker's arena. */
void network_config_take(const struct network_request *lent, struct network_request *to);
/* Whether a network has taken its configuration from n. */
bool network_config_is_lent(const struct network_table *t, const struct network *n);

/* From a complete record (drivers host and null have no subnet). Takes the arena on success. */
struct err *network_from_record(struct network_table *t, struct arena *a,
                                const struct network_record *r, struct network **out) must_check;
/* What always holds, in debug builds. */
void network_check(const struct network *n);
void network_table_add(struct network_table *t, struct network *n);
void network_table_drop(struct network_table *t, struct network *n);
char *network_record_text(struct arena *a, const struct network_record *r);
void network_publish_event(struct network *n, const char *action, const struct endpoint *e);
/* The parent was made by us for this network, or for one that is gone: saved. */
void network_own_link(struct network *n);
/* Subnets of all networks but `except`; in the arena. */
size_t network_table_subnets(const struct network_table *t, const struct network *except,
                             struct arena *a, struct subnet4 **out);
size_t network_table_subnets6(const struct network_table *t, const struct network *except,
                              struct arena *a, struct subnet6 **out);
