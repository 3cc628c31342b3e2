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
    char *subnet, *gateway, *link; /* NULL for host and null */
};
extern const struct jtable network_record_json;
#define NETWORK_KIND "network"

struct network {
    struct network_table *table;
    struct arena *arena; /* the record's texts */
    struct network_record record;
    bool is_predefined, is_removing;
    struct bridge_spec bridge; /* link is "" for host and null */
    struct subnet4 subnet;
    uint32_t gateway;
    struct ipam *ipam;
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
    int mtu;
    bool icc, ip_masq;
};

/* A valid request as numbers. Pure. */
struct network_plan {
    bool has_subnet;
    struct subnet4 subnet, range; /* range = subnet when none was given */
    uint32_t gateway;             /* 0: the first address */
    struct bridge_spec bridge;    /* link "" unless asked for */
};
struct network_defaults {
    int mtu;
};
/* ERR_INVALID, ERR_FORBIDDEN, ERR_NOT_FOUND in Docker's words. */
struct err *network_plan(const struct network_request *r, const struct network_defaults *d,
                         struct network_plan *out) must_check;
bool network_name_is_predefined(const char *name);

/* From a complete record (host and null have no subnet). Takes the arena on success. */
struct err *network_from_record(struct network_table *t, struct arena *a,
                                const struct network_record *r, struct network **out) must_check;
void network_destroy(struct network *n);
void network_table_add(struct network_table *t, struct network *n);
void network_table_drop(struct network_table *t, struct network *n);
char *network_record_text(struct arena *a, const struct network_record *r);
void network_publish_event(struct network *n, const char *action, const struct endpoint *e);
/* Subnets of all networks but `except`; in the arena. */
size_t network_table_subnets(const struct network_table *t, const struct network *except,
                             struct arena *a, struct subnet4 **out);

/* ---- network_links.c ---- */
/* An ON_EVENT step, before the link is made. */
void network_link_intend(struct network_table *t, struct op *op, const char *link);
void network_link_forget(struct network_table *t, const char *link); /* it is gone */
/* Start-up, networks loaded: removes what an engine that was killed left. */
struct err *network_links_sweep(struct network_table *t) must_check;
