/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of one engine: bridge links, prepared network namespaces, the
 * nftables table, published ports. Networks themselves are net/network.h.
 *
 * Link and rule names derive from a tag of the engine's roots, so that several
 * engines live in one network namespace. The engine never enters another
 * namespace in a pooled worker: one thread of this module may setns.
 */
#pragma once

#include "core/loop.h"
#include "core/op.h"
#include "net/ipam.h"
#include "net/ipam6.h"
#include "net/vlan.h"

struct net;
struct strs;
struct net_pools { /* where subnets are taken from, in this order */
    struct net_pool4 {
        struct subnet4 base;
        int bits; /* of each subnet */
    } * v4;
    struct net_pool6 {
        struct subnet6 base;
        int bits; /* at most 64 */
    } * v6;
    size_t n4, n6; /* 0: Docker's pools, and the engine's own ULA prefix */
};
/* "base=10.0.0.0/8,size=24", "base=fd12::/48,size=64". ERR_INVALID names the text. Pure. */
struct err *net_pools_parse(struct arena *a, const struct strs *texts, struct net_pools *out)
    must_check;
struct net_settings {
    struct net_pools pools; /* of the caller, who keeps them */
    const char *tag;        /* 6 hex: part of link and table names */
    const char *bridge; /* name of the default bridge's link, NULL: "berth0" for the default roots
                           ("br-<tag>" otherwise; the caller decides and always passes it) */
    const char *forwarding_file; /* remembers that the host forwards because of us; NULL: nothing */
    int mtu;
    bool ip_forward, ip_masq, userland_proxy;
    bool publish_by_proxy; /* no published port has a rule; implies userland_proxy */
    bool accept_forward;   /* also where chains of others drop what none of their rules decides */
};
/* Start-up, blocking: netlink and nft work here or nothing does; sets ip_forward unless told not
 * to (it was 0: says so in the log, and keeps the host from being a router for others). A host
 * without the rights (no CAP_NET_ADMIN) is an error. */
struct err *net_open(struct loop *l, struct pools *p, const struct net_settings *s,
                     struct net **out) must_check;
/* Bridges and rules stay when containers run (the next engine takes them over);
 * with clean true everything of ours is removed, and forwarding given back. */
void net_close(struct net *n, bool clean);

struct jw;
void net_dump(void *net, struct jw *w); /* loop; for core/debug.h */

/* ---- bridges (workers) ---- */
enum gateway_mode {
    GATEWAY_NAT,         /* masquerade, published ports translated */
    GATEWAY_ROUTED,      /* addresses are seen outside; published ports are opened on them */
    GATEWAY_UNPROTECTED, /* NAT, and the host routes to every port of the containers */
    GATEWAY_ISOLATED,    /* the bridge itself has no address */
};
struct bridge_spec {
    char ifname[16];
    struct subnet4 address;  /* of the bridge itself (the gateway) with the prefix; bits 0: none */
    struct subnet6 address6; /* bits 0: no IPv6 */
    enum gateway_mode mode, mode6;
    int mtu;
    bool icc, masquerade, internal;
    bool any_source; /* containers may send from addresses that are not theirs */
};
struct err *net_bridge_ensure(struct net *n, const struct bridge_spec *b) must_check;
void net_bridge_remove(struct net *n, const char *ifname);
/* A subnet that overlaps no route and no address of the host, skipping `used`: of the pools, or
 * Docker's 172.17–31.0.0/16 then 192.168.x.0/20. */
struct err *net_pick_subnet(struct net *n, const struct subnet4 *used, size_t n_used,
                            struct subnet4 *out) must_check;

/* A ULA /64 out of the engine's own /48 (its first 48 bits), overlapping as little. */
struct err *net_pick_subnet6(struct net *n, const struct in6_addr *ula, const struct subnet6 *used,
                             size_t n_used, struct subnet6 *out) must_check;

/* ---- sandboxes: network namespaces (workers) ---- */
#define ENDPOINT_MORE_MAX 4
#define ENDPOINT_SYSCTLS_MAX 256
struct endpoint_spec {
    char bridge[16];
    char ifname[16];        /* "eth0" inside */
    uint32_t addr, gateway; /* addr 0: no IPv4; gateway 0: no default route */
    int bits;
    struct in6_addr addr6, gateway6;
    int bits6; /* 0: no IPv6 */
    uint8_t mac[6];
    int mtu;
    bool any_source;                  /* its addresses are not checked (bridge_spec) */
    struct vlan_spec vlan;            /* kind other than VLAN_NONE: instead of a bridge */
    uint32_t more[ENDPOINT_MORE_MAX]; /* link-local addresses that were asked for */
    struct in6_addr more6[ENDPOINT_MORE_MAX];
    size_t n_more, n_more6;
    char sysctls[2 * ENDPOINT_SYSCTLS_MAX]; /* lines "net/ipv4/conf/eth0/log_martians=1" */
};
/* A network namespace with lo up and the endpoints configured; from the pool when it has one.
 * The fd is the namespace: the last close of it and of its processes takes the veth away
 * (never delete a veth by netlink: 22 ms). n may be 0 (network none). */
struct err *netns_open(struct net *n, const struct endpoint_spec *e, size_t count, int *out_netns)
    must_check;
/* The same with a namespace that the caller has made and nobody uses yet (another user namespace
 * owns it); *netns is -1 when it has failed further on than to enter it. */
struct err *netns_open_in(struct net *n, const struct endpoint_spec *e, size_t count, int *netns)
    must_check;
/* Adds an interface to a running sandbox, or removes it. */
struct err *netns_attach(struct net *n, int netns, const struct endpoint_spec *e) must_check;
/* No error: the interface is gone, whatever the container's root has made of it. */
struct err *netns_detach(struct net *n, int netns, const struct endpoint_spec *e) must_check;
/* The default routes of a running sandbox, instead of those it has: of e->ifname, for each
 * gateway that e has (a routed vlan's: the device). */
struct err *netns_set_gateway(struct net *n, int netns, const struct endpoint_spec *e) must_check;
/* Loop. From which addresses a container may send is known to the kernel from netns_open or
 * netns_attach on; after an engine restart, from here on (netns, which is taken: where it runs). */
void net_source_resume(struct net *n, const struct endpoint_spec *e, int netns);
void net_source_forget(struct net *n, const struct endpoint_spec *e);
/* Keeps the pool of a bridge near `want` prepared namespaces, in the background. Loop. */
void netns_pool_set(struct net *n, const struct bridge_spec *b, int want);

/* ---- published ports ---- */
enum port_proto { PORT_TCP = 6, PORT_UDP = 17, PORT_SCTP = 132 };
struct port_map {
    enum port_proto proto;
    bool is_v6;             /* host side is [::] or an IPv6 address */
    uint8_t host_ip[16];    /* network order; first 4 bytes for IPv4; all 0: any */
    uint16_t host_port;     /* 0 on input: the engine chooses */
    uint16_t host_port_end; /* range to choose from; 0: none */
    uint32_t addr;          /* of the container; 0: it has none */
    uint8_t addr6[16];      /* of the container; all 0: it has none */
    uint16_t port;          /* of the container */
    bool is_routed;         /* no host port: the container's own is opened for who routes there */
};
struct ports; /* the reserved and bound ports of one container */
/* Loop: picks host ports (net.ipv4.ip_local_port_range round-robin, skipping reserved ones) and
 * reserves them in the engine's table. ERR_INTERNAL "Bind for 0.0.0.0:80 failed: port is already
 * allocated". Fills host_port in maps. */
struct err *ports_reserve(struct net *n, struct port_map *maps, size_t count, struct ports **out)
    must_check;
/* Worker: binds the host sockets (so that conflicts with other programs are found: "failed to bind
 * host port for 0.0.0.0:80…: address already in use", with the owner when it can be told) and
 * listens. When an automatically chosen port is taken, the next one is tried (10 times). */
struct err *ports_bind(struct ports *p) must_check;
/* Loop: starts the userland proxy on the bound sockets (loopback and hairpin traffic). */
void ports_serve(struct ports *p);
/* Loop; accepts NULL: stops the proxy, closes sockets, frees the reservation. The nft rules go
 * with net_rules_apply, which the caller runs. */
void ports_release(struct ports *p);
size_t ports_count(const struct ports *p);
const struct port_map *ports_at(const struct ports *p, size_t i);
/* Nothing is left for ports_bind (which binds only what has no socket). */
bool ports_are_bound(const struct ports *p);
/* Loop: the container's addresses have become others. Rules: net_rules_apply by the caller. */
void ports_retarget(struct ports *p, uint32_t addr, const struct in6_addr *addr6);
/* Taking over after a restart: the sockets from the keeper (taken), maps as saved. */
struct err *ports_adopt(struct net *n, const struct port_map *maps, size_t count, int *fds,
                        size_t n_fds, struct ports **out) must_check;
size_t ports_fds(const struct ports *p, int *out, size_t room);

/* ---- links: what two containers of a bridge without icc may say to each other ---- */
struct legacy_link_rule {
    char bridge[16];   /* by which it comes: the address alone could be anybody's */
    uint32_t from, to; /* host order */
    uint16_t port, proto;
};
/* Loop: instead of what the owner had; count 0: nothing. True when that is a change; the rules go
 * with net_rules_apply. */
bool net_set_legacy_links(struct net *n, const void *owner, const struct legacy_link_rule *v,
                          size_t count);

/* ---- rules: one nftables table, derived from the desired state ---- */
/* Loop: marks that the rules changed; fn is called on the loop after the transaction that
 * contains everything desired at the time of this call (bridges known by net_bridge_ensure and
 * ports reserved and not released) is in the kernel. Calls are batched. fn may be NULL. */
void net_rules_apply(struct net *n, void (*fn)(void *ctx, struct err *err), void *ctx);
/* The wait of an ON_EVENT step; none when nothing has changed. */
void net_rules_apply_for(struct net *n, struct op *op);
/* The same for whoever is to use addresses: none when no rule of a run before names one of them, so
 * that no client of that one's ports is led to this one. */
void net_rules_leave_for(struct net *n, struct op *op, const struct endpoint_spec *v, size_t count);
/* Loop: the chains of others that drop what containers send to and get from outside and that are
 * not opened for them; NULL: none. */
const char *net_forward_shut(const struct net *n);
