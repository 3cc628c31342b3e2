/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
/* The pairing heap beside a list that is searched. */
#include "test.h"

#include "base/heap.h"

#include <stdlib.h>

enum { ITEMS = 400 };

struct item {
    struct heap_node node;
    uint64_t key, arrival; /* arrival 0: it is not in the heap */
};

static struct item items[ITEMS];

static struct item *least(void)
{
    struct item *best = NULL;

    for (size_t i = 0; i < ITEMS; i++) {
        struct item *it = &items[i];

        if (it->arrival &&
            (!best || it->key < best->key || (it->key == best->key && it->arrival < best->arrival)))
            best = it;
    }
    return best;
}

TEST(heap_gives_the_least_key_first_and_equal_ones_in_their_order)
{
    struct heap h = {0};
    uint64_t arrivals = 0;

    srand(1);
    for (int round = 0; round < 20000; round++) {
        struct item *it = &items[rand() % ITEMS];

        CHECK((it->arrival != 0) == heap_is_linked(&it->node));
        if (rand() % 3 == 0 && !heap_is_empty(&h))
            it = heap_first(&h, struct item, node);
        if (it->arrival) {
            heap_remove(&it->node);
            it->arrival = 0;
        } else {
            it->key = (uint64_t)(rand() % 50);
            it->arrival = ++arrivals;
            heap_insert(&h, &it->node, it->key);
        }
        CHECK(heap_first(&h, struct item, node) == least());
    }
    for (struct item *it; (it = heap_first(&h, struct item, node));) {
        CHECK(it == least());
        heap_remove(&it->node);
        it->arrival = 0;
    }
    CHECK(!least());
}

TEST(heap_takes_a_node_that_is_in_none)
{
    struct heap_node n = {0};

    heap_remove(&n);
    CHECK(!heap_is_linked(&n));
}
