/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the subnets of networks that name none are taken from: --default-address-pool, or Docker's
 * pools and the engine's own ULA prefix. Past whatever the host has a route to: a subnet that the
 * office network has, too, would hide it. Workers.
 */
#include <string.h>

#include "base/text.h"

#include "inner.h"

#define SUBNETS_MAX 65536 /* of a pool that are looked at: far more than there are bridges */

static const struct net_pool4 docker_pools[] = {
    {{0xac110000, 16}, 16}, {{0xac120000, 15}, 16},
    {{0xac140000, 14}, 16}, {{0xac180000, 13}, 16}, /* 172.17.0.0/16 … 172.31.0.0/16 */
    {{0xc0a80000, 16}, 20},                         /* 192.168.0.0/20 … 192.168.240.0/20 */
};

/* ---- reading ---- */

static struct err *invalid(const char *text, const char *why)
{
    return err_new(ERR_INVALID,
                   "invalid default-address-pool %s: %s: it is like base=10.0.0.0/8,size=24", text,
                   why);
}

/* The words of a pool, in either order. */
static bool split(struct arena *a, const char *text, const char **base, uint32_t *size)
{
    struct strs words = text_split(a, text, ',');
    const char *number = NULL;

    *base = NULL;
    for (size_t i = 0; i < words.n; i++) {
        if (text_starts(words.v[i], "base="))
            *base = words.v[i] + strlen("base=");
        else if (text_starts(words.v[i], "size="))
            number = words.v[i] + strlen("size=");
        else
            return false;
    }
    return words.n == 2 && *base && number && text_to_u32(number, size);
}

static struct err *add6(const char *text, const char *base, uint32_t size, struct net_pools *out)
{
    struct net_pool6 p = {.bits = (int)size};

    if (!subnet6_parse(base, &p.base) || p.base.bits < 8)
        return invalid(text, "the base is no subnet");
    if (size > 64 || p.bits < p.base.bits)
        return invalid(text, "the size is between the base's and 64");
    p.base = subnet6_base(p.base);
    out->v6[out->n6++] = p;
    return NULL;
}

static struct err *add4(const char *text, const char *base, uint32_t size, struct net_pools *out)
{
    struct net_pool4 p = {.bits = (int)size};

    if (!subnet4_parse(base, &p.base) || p.base.bits < 8)
        return invalid(text, "the base is no subnet");
    if (size > 30 || p.bits < p.base.bits)
        return invalid(text, "the size is between the base's and 30");
    p.base.address &= ~0u << (32 - p.base.bits);
    out->v4[out->n4++] = p;
    return NULL;
}

struct err *net_pools_parse(struct arena *a, const struct strs *texts, struct net_pools *out)
{
    struct net_pools pools = {0};

    pools.v4 = arena_array(a, texts->n + 1, sizeof(*pools.v4));
    pools.v6 = arena_array(a, texts->n + 1, sizeof(*pools.v6));
    for (size_t i = 0; i < texts->n; i++) {
        const char *base;
        uint32_t size;

        if (!split(a, texts->v[i], &base, &size))
            return invalid(texts->v[i], "it has a base and a size");
        TRY((strchr(base, ':') ? add6 : add4)(texts->v[i], base, size, &pools));
    }
    *out = pools;
    return NULL;
}

/* ---- choosing ---- */

static bool overlaps_any(struct subnet4 s, const struct subnet4 *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (subnet4_overlaps(s, v[i]))
            return true;
    return false;
}

static bool overlaps_any6(struct subnet6 s, const struct subnet6 *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (subnet6_overlaps(s, v[i]))
            return true;
    return false;
}

static uint32_t count_of(int base_bits, int bits)
{
    int more = bits - base_bits;

    return more >= 16 ? SUBNETS_MAX : 1u << more;
}

static struct err *none_free(const char *family, bool is_ours)
{
    return err_new(ERR_UNAVAILABLE,
                   "could not find an available, non-overlapping %s address pool among the "
                   "defaults to assign to the network%s",
                   family, is_ours ? " (default-address-pools)" : "");
}

struct err *net_pick_subnet(struct net *n, const struct subnet4 *used, size_t n_used,
                            struct subnet4 *out)
{
    const struct net_pools *own = &n->pools_of_subnets;
    const struct net_pool4 *pools = own->n4 ? own->v4 : docker_pools;
    size_t n_pools = own->n4 ? own->n4 : ARRAY_LEN(docker_pools), n_host;
    autoarena struct arena *a = arena_create();
    struct subnet4 *host;
    struct nl *nl;
    struct err *e;

    TRY(nl_open(&nl));
    e = link_list_subnets(nl, a, &host, &n_host);
    nl_close(nl);
    TRY(e);
    for (size_t p = 0; p < n_pools; p++) {
        for (uint32_t i = 0; i < count_of(pools[p].base.bits, pools[p].bits); i++) {
            struct subnet4 s = {pools[p].base.address + (i << (32 - pools[p].bits)), pools[p].bits};

            if (overlaps_any(s, used, n_used) || overlaps_any(s, host, n_host))
                continue;
            *out = s;
            return NULL;
        }
    }
    return none_free("IPv4", own->n4 > 0);
}

/* The subnet number i of the pool: it ends in the upper half of the address. */
static struct subnet6 subnet_at(const struct net_pool6 *p, uint64_t i)
{
    struct subnet6 s = {.address = p->base.address, .bits = p->bits};
    uint64_t upper = 0;

    for (int b = 0; b < 8; b++)
        upper = upper << 8 | s.address.s6_addr[b];
    upper |= i << (64 - p->bits);
    for (int b = 7; b >= 0; b--, upper >>= 8)
        s.address.s6_addr[b] = (uint8_t)upper;
    return s;
}

struct err *net_pick_subnet6(struct net *n, const struct in6_addr *ula, const struct subnet6 *used,
                             size_t n_used, struct subnet6 *out)
{
    const struct net_pools *own = &n->pools_of_subnets;
    const struct net_pool6 ours = {{.address = *ula, .bits = 48}, 64};
    const struct net_pool6 *pools = own->n6 ? own->v6 : &ours;
    size_t n_pools = own->n6 ? own->n6 : 1, n_host;
    autoarena struct arena *a = arena_create();
    struct subnet6 *host;
    struct nl *nl;
    struct err *e;

    TRY(nl_open(&nl));
    e = link_list_subnets6(nl, a, &host, &n_host);
    nl_close(nl);
    TRY(e);
    for (size_t p = 0; p < n_pools; p++) {
        for (uint32_t i = 0; i < count_of(pools[p].base.bits, pools[p].bits); i++) {
            struct subnet6 s = subnet_at(&pools[p], i);

            if (overlaps_any6(s, used, n_used) || overlaps_any6(s, host, n_host))
                continue;
            *out = s;
            return NULL;
        }
    }
    return none_free("IPv6", own->n6 > 0);
}
