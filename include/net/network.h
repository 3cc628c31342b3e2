/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as users see them: the table with bridge, host, none and the user's
 * own, their addresses and endpoints. Loop thread; changes that touch the kernel
 * are operations.
 */
#pragma once

#include "base/json.h"
#include "net/net.h"

struct db;
struct events;
struct network_table;
struct network;

struct ipam_pool { /* "IPAM.Config[]" */
    char *subnet, *ip_range, *gateway;
    struct pairs aux;
};
struct network_ipam {
    char *driver;
    struct pairs options;
    struct jlist config; /* struct ipam_pool */
};
struct network_reference {
    char *network;
};
struct network_request { /* POST /networks/create */
    char *name, *driver, *scope;
    bool check_duplicate, internal, attachable, ingress, enable_ipv6, config_only;
    int enable_ipv4; /* J_TRI */
    struct network_ipam ipam;
    struct network_reference config_from;
    struct pairs options, labels;
};
extern const struct jtable network_request_json;

struct network_settings {
    const char *bip; /* of the default bridge, NULL: pick */
    const char *bridge_ifname;
    const char *engine_id;  /* where its own ULA prefix comes from */
    const char *fixed_cidr; /* range of the default bridge's addresses, NULL: its subnet */
    const char *default_gateway, *default_gateway6; /* of its containers, NULL: the bridge */
    const struct strs *driver_opts;                 /* "DRIVER=OPTION=VALUE": of new networks */
    bool ipv6;                                      /* of the default bridge */
    const char *fixed_cidr_v6;                      /* of the default bridge, NULL: pick */
    bool icc, ip_masq;
    int mtu;
};
/* Start-up: loads, makes the predefined ones, ensures the bridges. */
struct err *network_table_open(struct net *n, struct ops *ops, struct db *db, struct events *ev,
                               const struct network_settings *s, struct network_table **out)
    must_check;
void network_table_close(struct network_table *t);

/* Exact name, exact id, unique id prefix. ERR_NOT_FOUND "network x not found". */
struct err *network_find(struct network_table *t, const char *ref, struct network **out) must_check;
const char *network_id(const struct network *n);
const char *network_name(const struct network *n);
const char *
network_driver(const struct network *n); /* "bridge", "macvlan", "ipvlan", "host", "null" */
const struct bridge_spec *network_bridge(const struct network *n); /* NULL for all but bridge */
bool network_has_addresses(const struct network *n);               /* not host, not null */
bool network_is_internal(const struct network *n);                 /* no way out */
struct subnet4 network_subnet(const struct network *n);            /* bits 0: no IPv4 */
uint32_t network_gateway(const struct network *n);                 /* the bridge's own address */
/* Where containers send what leaves: the gateway, unless the settings name another. */
uint32_t network_way_out(const struct network *n);
struct in6_addr network_way_out6(const struct network *n);
struct subnet6 network_subnet6(const struct network *n); /* bits 0: no IPv6 */
struct in6_addr network_gateway6(const struct network *n);

/* An endpoint of a container, embedded in its object while it is attached. */
struct endpoint {
    uint32_t magic;          /* while it is joined */
    struct list link;        /* in the network's list */
    struct network *network; /* NULL: not joined; host and none have no endpoints */
    char id[65];
    char container_id[65], container_name[130];
    struct endpoint_spec spec;
    struct strs aliases, links; /* of the container's arena */
    const char *hostname;       /* of the container's arena; NULL none */
};
struct endpoint_wish {     /* what is 0 is chosen */
    uint32_t addr;         /* 0: the next */
    struct in6_addr addr6; /* all 0: the next */
    uint8_t mac[6];        /* all 0: derived from the address, 02:42:… */
};
/* Takes addresses, one of each family the network has, and lists the endpoint. Loop. */
struct err *network_join(struct network *n, struct endpoint *e, const struct endpoint_wish *w)
    must_check;
/* Takes the same addresses back after an engine restart. */
struct err *network_rejoin(struct network *n, struct endpoint *e) must_check;
void network_leave(struct endpoint *e); /* safe when not joined */
/* What always holds, joined or not; at each transition, in debug builds. */
void endpoint_check(const struct endpoint *e);

/* Operations; `done` gets the new network through ctx by network_find(name). */
void network_create(struct network_table *t, const struct network_request *r,
                    void (*done)(void *ctx, struct err *err, const char *id), void *ctx);
void network_remove(struct network_table *t, const char *ref,
                    void (*done)(void *ctx, struct err *err), void *ctx);

/* Docker's JSON: list item / inspect (with Containers). */
void network_write_json(const struct network *n, struct jw *w, bool with_containers);
/* In order of creation; NULL ends. */
struct network *network_next(struct network_table *t, size_t *cursor);
/* Where ports without an address of the host's are published; NULL: everywhere. */
const char *network_host_binding(const struct network *n);
const struct pairs *network_labels(const struct network *n);
int64_t network_created_ns(const struct network *n);
bool network_is_predefined(const struct network *n);
bool network_is_config_only(const struct network *n); /* lends its configuration, has no link */
struct err *network_check_usable(const struct network *n) must_check; /* by containers */
size_t network_count_endpoints(const struct network *n);
void network_table_dump(void *table, struct jw *w); /* for core/debug.h */
