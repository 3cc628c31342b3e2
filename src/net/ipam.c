/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of one IPv4 subnet: text forms, and a bitmap of leases given round-robin,
 * so that an address is reused as late as possible (neighbours may still have its
 * MAC cached). Pure; the loop thread owns every struct ipam.
 */
#include "net/ipam.h"

#include <stdio.h>
#include <string.h>

struct ipam {
    struct subnet4 subnet;
    uint32_t first, last; /* of the range that ipam_take_next uses */
    uint32_t base;        /* address of bit 0: the network's */
    uint32_t size;        /* addresses in the subnet, bounded by IPAM_MAX */
    uint32_t next;
    uint32_t n_free; /* in [first, last] */
    uint8_t *taken;
};
#define IPAM_MAX (1u << 20) /* bits of a bitmap: the first 2^20 addresses of a larger subnet */

static uint32_t mask_of(int bits)
{
    return bits ? ~0u << (32 - bits) : 0;
}

bool addr4_parse(const char *s, uint32_t *out)
{
    uint32_t addr = 0;

    for (int i = 0; i < 4; i++) {
        unsigned part = 0;
        int digits = 0;

        for (; *s >= '0' && *s <= '9'; s++, digits++)
            part = part * 10 + (unsigned)(*s - '0');
        if (!digits || digits > 3 || part > 255 || (digits > 1 && s[-digits] == '0'))
            return false;
        addr = addr << 8 | part;
        if (i < 3 && *s++ != '.')
            return false;
    }
    if (*s)
        return false;
    *out = addr;
    return true;
}

bool subnet4_parse(const char *s, struct subnet4 *out)
{
    const char *slash = strchr(s, '/');
    char addr[ADDR4_TEXT];
    struct subnet4 net = {0};

    if (!slash || (size_t)(slash - s) >= sizeof(addr))
        return false;
    memcpy(addr, s, (size_t)(slash - s));
    addr[slash - s] = '\0';
    if (!addr4_parse(addr, &net.address))
        return false;
    s = slash + 1;
    if (!*s || strlen(s) > 2 || (s[0] == '0' && s[1]))
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        net.bits = net.bits * 10 + (*s - '0');
    }
    if (net.bits > 32)
        return false;
    *out = net;
    return true;
}

void addr4_text(uint32_t addr, char out[ADDR4_TEXT])
{
    snprintf(out, ADDR4_TEXT, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
             addr & 255);
}

bool subnet4_has(struct subnet4 net, uint32_t addr)
{
    return ((net.address ^ addr) & mask_of(net.bits)) == 0;
}

bool subnet4_overlaps(struct subnet4 a, struct subnet4 b)
{
    return a.bits < b.bits ? subnet4_has(a, b.address) : subnet4_has(b, a.address);
}

/* ---- leases ---- */

static bool is_taken(const struct ipam *p, uint32_t at)
{
    return p->taken[at / 8] & 1 << at % 8;
}

static void set_taken(struct ipam *p, uint32_t at, bool taken)
{
    if (is_taken(p, at) == taken)
        return;
    p->taken[at / 8] ^= (uint8_t)(1 << at % 8);
    if (at >= p->first && at <= p->last)
        p->n_free += taken ? -1u : 1u;
}

struct ipam *ipam_create(struct subnet4 subnet, struct subnet4 range)
{
    struct ipam *p = mem_new(struct ipam);
    uint64_t all = 1ull << (32 - subnet.bits);
    uint64_t in_range = 1ull << (32 - range.bits);

    p->subnet = subnet;
    p->base = subnet.address & mask_of(subnet.bits);
    p->size = all > IPAM_MAX ? IPAM_MAX : (uint32_t)all;
    p->taken = mem_array(p->size / 8 + 1, 1);
    p->last = p->size - 1;
    if (subnet4_overlaps(subnet, range) && range.bits > subnet.bits) {
        uint32_t start = (range.address & mask_of(range.bits)) - p->base;

        p->first = start < p->size ? start : 0;
        p->last = start + in_range <= p->size ? (uint32_t)(start + in_range - 1) : p->size - 1;
    }
    p->n_free = p->last - p->first + 1;
    p->next = p->first;
    if (subnet.bits < 31) { /* RFC 3021: a /31 has neither */
        set_taken(p, 0, true);
        if (all <= IPAM_MAX)
            set_taken(p, p->size - 1, true);
    }
    return p;
}

void ipam_destroy(struct ipam *p)
{
    if (!p)
        return;
    free(p->taken);
    free(p);
}

struct err *ipam_take(struct ipam *p, uint32_t wanted)
{
    char text[ADDR4_TEXT], net[ADDR4_TEXT];

    if (!subnet4_has(p->subnet, wanted) || wanted - p->base >= p->size) {
        addr4_text(wanted, text);
        addr4_text(p->base, net);
        return err_new(ERR_INVALID, "invalid address %s: It does not belong to subnet %s/%d", text,
                       net, p->subnet.bits);
    }
    if (is_taken(p, wanted - p->base))
        return err_new(ERR_CONFLICT, "Address already in use");
    set_taken(p, wanted - p->base, true);
    return NULL;
}

struct err *ipam_take_next(struct ipam *p, uint32_t *out)
{
    uint32_t span = p->last - p->first + 1;

    if (!p->n_free)
        return err_new(ERR_UNAVAILABLE,
                       "no available IPv4 addresses on this network's address pools");
    for (uint32_t i = 0; i < span; i++) {
        uint32_t at = p->next;

        p->next = at == p->last ? p->first : at + 1;
        if (is_taken(p, at))
            continue;
        set_taken(p, at, true);
        *out = p->base + at;
        return NULL;
    }
    ASSERT(!"n_free agrees with the bitmap");
    return NULL;
}

void ipam_release(struct ipam *p, uint32_t addr)
{
    if (subnet4_has(p->subnet, addr) && addr - p->base < p->size)
        set_taken(p, addr - p->base, false);
}

uint32_t ipam_count_free(const struct ipam *p)
{
    return p->n_free;
}
