/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of one IPv6 subnet: text forms, and a sorted list of leases (a subnet has more
 * addresses than any bitmap has bits). Given in sequence, as Docker does, and round-robin, so
 * that an address is reused as late as possible. Pure; the loop thread owns every struct ipam6.
 */
#include "net/ipam6.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct ipam6 {
    struct subnet6 subnet, range; /* of the range: its first address */
    uint64_t last;                /* of the range, counted from its first address */
    uint64_t next;
    struct in6_addr *v; /* leases, sorted */
    size_t n, cap;
};

/* ---- text ---- */

bool addr6_parse(const char *s, struct in6_addr *out)
{
    return inet_pton(AF_INET6, s, out) == 1;
}

void addr6_text(const struct in6_addr *addr, char out[ADDR6_TEXT])
{
    inet_ntop(AF_INET6, addr, out, ADDR6_TEXT);
}

bool subnet6_parse(const char *s, struct subnet6 *out)
{
    const char *slash = strchr(s, '/');
    char addr[ADDR6_TEXT];
    struct subnet6 net = {0};

    if (!slash || (size_t)(slash - s) >= sizeof(addr))
        return false;
    memcpy(addr, s, (size_t)(slash - s));
    addr[slash - s] = '\0';
    if (!addr6_parse(addr, &net.address))
        return false;
    s = slash + 1;
    if (!*s || strlen(s) > 3 || (s[0] == '0' && s[1]))
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        net.bits = net.bits * 10 + (*s - '0');
    }
    if (net.bits > 128)
        return false;
    *out = net;
    return true;
}

void subnet6_text(const struct subnet6 *net, char out[CIDR6_TEXT])
{
    char addr[ADDR6_TEXT];

    out[0] = '\0';
    if (!net->bits)
        return;
    addr6_text(&net->address, addr);
    snprintf(out, CIDR6_TEXT, "%s/%d", addr, net->bits & 0xff);
}

/* ---- numbers ---- */

bool addr6_is_none(const struct in6_addr *addr)
{
    return IN6_IS_ADDR_UNSPECIFIED(addr);
}

bool addr6_is_equal(const struct in6_addr *a, const struct in6_addr *b)
{
    return !memcmp(a, b, sizeof(*a));
}

struct subnet6 subnet6_base(struct subnet6 net)
{
    for (int i = 0; i < 16; i++) {
        int kept = net.bits - i * 8; /* of this byte */

        if (kept < 8)
            net.address.s6_addr[i] &= (uint8_t)(kept <= 0 ? 0 : 0xff << (8 - kept));
    }
    return net;
}

static struct in6_addr plus(struct in6_addr addr, uint64_t n)
{
    unsigned carry = 0;

    for (int i = 15; i >= 0; i--) {
        unsigned sum = addr.s6_addr[i] + (unsigned)(n & 0xff) + carry;

        addr.s6_addr[i] = (uint8_t)sum;
        carry = sum >> 8;
        n >>= 8;
    }
    return addr;
}

struct in6_addr subnet6_at(struct subnet6 net, uint64_t n)
{
    return plus(subnet6_base(net).address, n);
}

bool subnet6_has(struct subnet6 net, const struct in6_addr *addr)
{
    struct in6_addr base = subnet6_base(net).address;
    struct in6_addr its = subnet6_base((struct subnet6){*addr, net.bits}).address;

    return addr6_is_equal(&base, &its);
}

bool subnet6_overlaps(struct subnet6 a, struct subnet6 b)
{
    return a.bits > b.bits ? subnet6_has(b, &a.address) : subnet6_has(a, &b.address);
}

/* ---- leases ---- */

/* Where addr is, or would be. */
static size_t place_of(const struct ipam6 *p, const struct in6_addr *addr)
{
    size_t low = 0, high = p->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(&p->v[mid], addr, sizeof(*addr)) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_taken(const struct ipam6 *p, const struct in6_addr *addr)
{
    size_t at = place_of(p, addr);

    return at < p->n && addr6_is_equal(&p->v[at], addr);
}

static void add(struct ipam6 *p, const struct in6_addr *addr)
{
    size_t at = place_of(p, addr);

    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        p->v = mem_resize(p->v, p->cap * sizeof(*p->v), cap * sizeof(*p->v));
        p->cap = cap;
    }
    memmove(&p->v[at + 1], &p->v[at], (p->n - at) * sizeof(*p->v));
    p->v[at] = *addr;
    p->n++;
}

struct ipam6 *ipam6_create(struct subnet6 subnet, struct subnet6 range)
{
    struct ipam6 *p = mem_new(struct ipam6);
    bool is_inside = range.bits > subnet.bits && subnet6_has(subnet, &range.address);
    int host_bits;

    p->subnet = subnet6_base(subnet);
    p->range = is_inside ? subnet6_base(range) : p->subnet;
    host_bits = 128 - p->range.bits;
    p->last = host_bits >= 64 ? UINT64_MAX : (1ull << host_bits) - 1;
    if (subnet.bits < 127) /* RFC 6164: a /127 has no anycast address */
        add(p, &p->subnet.address);
    return p;
}

void ipam6_destroy(struct ipam6 *p)
{
    if (!p)
        return;
    free(p->v);
    free(p);
}

struct err *ipam6_take(struct ipam6 *p, const struct in6_addr *wanted)
{
    char text[ADDR6_TEXT], net[CIDR6_TEXT];

    if (!subnet6_has(p->subnet, wanted)) {
        addr6_text(wanted, text);
        subnet6_text(&p->subnet, net);
        return err_new(ERR_INVALID, "invalid address %s: It does not belong to subnet %s", text,
                       net);
    }
    if (is_taken(p, wanted))
        return err_new(ERR_CONFLICT, "Address already in use");
    add(p, wanted);
    return NULL;
}

/* Of n + 1 addresses in a row one is free, unless the range has no more than n. */
struct err *ipam6_take_next(struct ipam6 *p, struct in6_addr *out)
{
    for (size_t i = 0; i <= p->n; i++) {
        struct in6_addr addr = plus(p->range.address, p->next);

        p->next = p->next == p->last ? 0 : p->next + 1;
        if (is_taken(p, &addr))
            continue;
        add(p, &addr);
        *out = addr;
        return NULL;
    }
    return err_new(ERR_UNAVAILABLE, "no available IPv6 addresses on this network's address pools");
}

void ipam6_release(struct ipam6 *p, const struct in6_addr *addr)
{
    size_t at = place_of(p, addr);

    if (at == p->n || !addr6_is_equal(&p->v[at], addr))
        return;
    p->n--;
    memmove(&p->v[at], &p->v[at + 1], (p->n - at) * sizeof(*p->v));
}

size_t ipam6_count(const struct ipam6 *p)
{
    return p->n;
}
