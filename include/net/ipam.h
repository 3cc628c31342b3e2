/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 addresses of one subnet: a bitmap, leases in round-robin. Pure; loop thread. */
#pragma once

#include "base/mem.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct subnet4 { /* host byte order */
    uint32_t address;
    int bits;
};
#define ADDR4_TEXT 16
bool subnet4_parse(const char *s, struct subnet4 *out); /* "10.0.0.0/16"; host bits may be set */
bool addr4_parse(const char *s, uint32_t *out);
void addr4_text(uint32_t addr, char out[ADDR4_TEXT]);
bool subnet4_has(struct subnet4 net, uint32_t addr);
bool subnet4_overlaps(struct subnet4 a, struct subnet4 b);

struct ipam;
/* The network and broadcast addresses are never given. range may be smaller than subnet. */
struct ipam *ipam_create(struct subnet4 subnet, struct subnet4 range);
void ipam_destroy(struct ipam *p);
/* ERR_CONFLICT "Address already in use", ERR_INVALID outside the subnet. */
struct err *ipam_take(struct ipam *p, uint32_t wanted) must_check;
/* ERR_UNAVAILABLE "no available IPv4 addresses on this network's address pools". */
struct err *ipam_take_next(struct ipam *p, uint32_t *out) must_check;
void ipam_release(struct ipam *p, uint32_t addr);
uint32_t ipam_count_free(const struct ipam *p);
