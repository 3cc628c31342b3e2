/* SPDX-License-Identifier: Apache-2.0 */
/* links: container image storage runtime cgroup net stream core base */
/* Pairs of SELinux categories: each to one container, all of them, and again when it is gone. */
#include "container/mcs_pool.h"

#include "runtime/label.h"

#include "test.h"

#define PAIRS (MCS_CATEGORIES * (MCS_CATEGORIES - 1) / 2)

static unsigned claim(struct mcs_pool *p)
{
    autoarena struct arena *a = arena_create();
    unsigned low, high;
    char *level;

    CHECK_OK(mcs_pool_claim(p, a, &level));
    CHECK(mcs_parse(level, &low, &high) && low < high);
    return high * MCS_CATEGORIES + low;
}

/* But for that of containers without a label. */
TEST(mcs_pool_gives_each_pair_once)
{
    struct mcs_pool *p = mcs_pool_create();
    bool *seen = mem_array(MCS_CATEGORIES * MCS_CATEGORIES, sizeof(*seen));
    char *level;

    mcs_pool_take(p, "s0:c7,c8");
    for (unsigned i = 0; i < PAIRS - 2; i++) {
        unsigned at = claim(p);

        CHECK(!seen[at]);
        seen[at] = true;
    }
    CHECK(!seen[1023 * MCS_CATEGORIES + 1022] && !seen[8 * MCS_CATEGORIES + 7]);
    CHECK_ERR(mcs_pool_claim(p, test_arena, &level), ERR_CONFLICT);
    mcs_pool_give_back(p, "s0:c3,c4");
    CHECK_OK(mcs_pool_claim(p, test_arena, &level));
    CHECK_STR(level, "s0:c3,c4");
    free(seen);
    mcs_pool_destroy(p);
}

TEST(mcs_pool_counts_who_shares_a_pair)
{
    struct mcs_pool *p = mcs_pool_create();
    char *level;

    for (unsigned i = 0; i < PAIRS - 1; i++)
        (void)claim(p);
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
