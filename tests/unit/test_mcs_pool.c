/* SPDX-License-Identifier: Apache-2.0 */
/* links: container image storage runtime cgroup net stream core base */
/* Pairs of SELinux categories: each to one container, all of them, and again when it is gone. */
#include "container/mcs_pool.h"

#include "runtime/label.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define FREE 200

static void take(struct mcs_pool *p, unsigned low, unsigned high)
{
    char level[32];

    snprintf(level, sizeof(level), "s0:c%u,c%u", low, high);
    mcs_pool_take(p, level);
}

/* All but the pairs of c0 with c1 to c200, and that of containers without a label. */
static struct mcs_pool *nearly_full(void)
{
    struct mcs_pool *p = mcs_pool_create();

    for (unsigned high = 1; high < MCS_CATEGORIES; high++)
        for (unsigned low = high <= FREE; low < high; low++)
            if (low != 1022 || high != 1023)
                take(p, low, high);
    return p;
}

TEST(mcs_pool_gives_each_pair_once)
{
    struct mcs_pool *p = nearly_full();
    bool seen[MCS_CATEGORIES] = {false};
    unsigned low, high;
    char *level;

    for (unsigned i = 0; i < FREE; i++) {
        CHECK_OK(mcs_pool_claim(p, test_arena, &level));
        CHECK(mcs_parse(level, &low, &high));
        CHECK(low == 0 && high >= 1 && high <= FREE && !seen[high]);
        seen[high] = true;
    }
    CHECK_ERR(mcs_pool_claim(p, test_arena, &level), ERR_CONFLICT);
    mcs_pool_give_back(p, "s0:c3,c4");
    CHECK_OK(mcs_pool_claim(p, test_arena, &level));
    CHECK_STR(level, "s0:c3,c4");
    mcs_pool_destroy(p);
}

/* Two pools that began alike would give two hosts' containers, and two lives of one, the same. */
TEST(mcs_pool_begins_anywhere)
{
    struct mcs_pool *a = mcs_pool_create(), *b = mcs_pool_create();
    unsigned same = 0;

    for (int i = 0; i < 8; i++) {
        char *x, *y;

        CHECK_OK(mcs_pool_claim(a, test_arena, &x));
        CHECK_OK(mcs_pool_claim(b, test_arena, &y));
        same += strcmp(x, y) == 0;
    }
    CHECK(same < 4);
    mcs_pool_destroy(a);
    mcs_pool_destroy(b);
}

TEST(mcs_pool_counts_who_shares_a_pair)
{
    struct mcs_pool *p = nearly_full();
    char *level;

    for (unsigned i = 0; i < FREE; i++)
        CHECK_OK(mcs_pool_claim(p, test_arena, &level));
    mcs_pool_take(p, "s0:c6,c5");
    mcs_pool_give_back(p, "s0:c5,c6");
    CHECK_ERR(mcs_pool_claim(p, test_arena, &level), ERR_CONFLICT);
    mcs_pool_give_back(p, "s0:c5,c6");
    CHECK_OK(mcs_pool_claim(p, test_arena, &level));
    CHECK_STR(level, "s0:c5,c6");
    mcs_pool_take(p, "s0-s0:c0.c1023"); /* of another shape: not counted */
    mcs_pool_give_back(p, "s0-s0:c0.c1023");
    mcs_pool_destroy(p);
}
