/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 addresses of one subnet: a sparse set of leases, given round-robin. Pure; loop thread. */
#pragma once

#include "base/mem.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct subnet6 {
    struct in6_addr address;
    int bits; /* 0: none */
};
#define ADDR6_TEXT INET6_ADDRSTRLEN
#define CIDR6_TEXT (INET6_ADDRSTRLEN + 4)
bool subnet6_parse(const char *s, struct subnet6 *out); /* "fd00::/64"; host bits may be set */
bool addr6_parse(const char *s, struct in6_addr *out);  /* no zone */
void addr6_text(const struct in6_addr *addr, char out[ADDR6_TEXT]);
/* "fd00::/64"; "" for none */
void subnet6_text(const struct subnet6 *net, char out[CIDR6_TEXT]);
bool addr6_is_none(const struct in6_addr *addr); /* all 0 */
bool addr6_is_equal(const struct in6_addr *a, const struct in6_addr *b);
/* With the host bits 0. */
struct subnet6 subnet6_base(struct subnet6 net);
/* The address `n` after the first one of the subnet. */
struct in6_addr subnet6_at(struct subnet6 net, uint64_t n);
bool subnet6_has(struct subnet6 net, const struct in6_addr *addr);
bool subnet6_overlaps(struct subnet6 a, struct subnet6 b);

struct ipam6;
/* The subnet's first address (the routers' anycast) is never given. range may be smaller; of one
 * shorter than /64 the first 2^64 addresses are given. */
struct ipam6 *ipam6_create(struct subnet6 subnet, struct subnet6 range);
void ipam6_destroy(struct ipam6 *p); /* accepts NULL */
/* ERR_CONFLICT "Address already in use", ERR_INVALID outside the subnet. */
struct err *ipam6_take(struct ipam6 *p, const struct in6_addr *wanted) must_check;
/* ERR_UNAVAILABLE "no available IPv6 addresses on this network's address pools". */
struct err *ipam6_take_next(struct ipam6 *p, struct in6_addr *out) must_check;
void ipam6_release(struct ipam6 *p, const struct in6_addr *addr);
size_t ipam6_count(const struct ipam6 *p); /* leases, the anycast address included */
