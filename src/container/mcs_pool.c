/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcs_pool: how many containers have each of the 523,776 pairs of categories: one, unless it was
 * asked for by name or a container joins another. Loop thread.
 * The first is chosen at random and then the next free one: what a container leaves on volumes is
 * not readable for whoever comes after it.
 */
#include "container/mcs_pool.h"

#include <sys/random.h>

#include "runtime/label.h"

#define PAIRS (MCS_CATEGORIES * (MCS_CATEGORIES - 1) / 2)

struct mcs_pool {
    uint32_t *users; /* by pair_at; pages that nobody has touched take no memory */
    uint32_t next;
};

/* All pairs below c1, then all below c2, … */
static uint32_t pair_at(unsigned low, unsigned high)
{
    return high * (high - 1) / 2 + low;
}

static void pair_of(uint32_t at, unsigned *low, unsigned *high)
{
    unsigned n = 1;

    while (pair_at(0, n + 1) <= at)
        n++;
    *low = at - pair_at(0, n);
    *high = n;
}

struct mcs_pool *mcs_pool_create(void)
{
    struct mcs_pool *p = mem_new(struct mcs_pool);

    p->users = mem_array(PAIRS, sizeof(*p->users));
    if (getrandom(&p->next, sizeof(p->next), 0) != sizeof(p->next))
        p->next = 0;
    p->users[pair_at(MCS_PRIVATE)] = 1;
    return p;
}

void mcs_pool_destroy(struct mcs_pool *p)
{
    if (!p)
        return;
    free(p->users);
    free(p);
}

struct err *mcs_pool_claim(struct mcs_pool *p, struct arena *a, char **out)
{
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t at = (p->next % PAIRS + i) % PAIRS;
        unsigned low, high;

        if (p->users[at])
            continue;
        p->users[at] = 1;
        if (getrandom(&p->next, sizeof(p->next), 0) != sizeof(p->next))
            p->next = at + 1;
        pair_of(at, &low, &high);
        *out = mcs_text(a, low, high);
        return NULL;
    }
    return err_new(ERR_CONFLICT, "all pairs of SELinux categories are in use: remove containers");
}

void mcs_pool_take(struct mcs_pool *p, const char *level)
{
    unsigned low, high;

    if (mcs_parse(level, &low, &high))
        p->users[pair_at(low, high)]++;
}

void mcs_pool_give_back(struct mcs_pool *p, const char *level)
{
    unsigned low, high;

    if (!mcs_parse(level, &low, &high))
        return;
    ASSERT(p->users[pair_at(low, high)] > 0);
    p->users[pair_at(low, high)]--;
}
