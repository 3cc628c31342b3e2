/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/list.h"
#include "base/map.h"

#include <stdio.h>

static int values[5000];

static const char *key_of(int i)
{
    static char key[32];

    snprintf(key, sizeof(key), "key-%d", i);
    return key;
}

TEST(map_keeps_insertion_order)
{
    struct map *m = map_create();
    size_t cursor = 0;
    const char *key;
    void *value;
    int i = 0;

    for (int n = 0; n < 5000; n++)
        CHECK(!map_put(m, key_of(n), &values[n]));
    CHECK(map_put(m, key_of(3), &values[0]) == &values[3]);
    CHECK_INT(map_count(m), 5000);
    while (map_next(m, &cursor, &key, &value))
        CHECK_STR(key, key_of(i++));
    CHECK_INT(i, 5000);
    CHECK(map_get(m, key_of(3)) == &values[0]);
    CHECK(!map_get(m, "absent"));
    map_destroy(m);
    map_destroy(NULL);
}

TEST(map_takes_during_iteration)
{
    struct map *m = map_create();
    size_t cursor = 0;
    const char *key;
    void *value;
    int seen = 0;

    for (int n = 0; n < 100; n++)
        map_put(m, key_of(n), &values[n]);
    while (map_next(m, &cursor, &key, &value)) {
        if (seen++ % 2)
            CHECK(map_take(m, key) == value);
    }
    CHECK_INT(seen, 100);
    CHECK_INT(map_count(m), 50);
    CHECK(!map_take(m, key_of(1)));
    CHECK(map_get(m, key_of(98)) == &values[98]);
    map_destroy(m);
}

TEST(map_survives_churn)
{
    struct map *m = map_create();
    size_t cursor = 0;
    const char *key;
    void *value;

    CHECK(!map_get(m, "empty") && !map_take(m, "empty"));
    for (int n = 0; n < 100000; n++) {
        map_put(m, key_of(n), &values[n % 5000]);
        if (n >= 7)
            CHECK(map_take(m, key_of(n - 7)) == &values[(n - 7) % 5000]);
    }
    CHECK_INT(map_count(m), 7);
    CHECK(map_next(m, &cursor, &key, &value));
    CHECK_STR(key, "key-99993");
    map_put(m, "", &values[1]);
    CHECK(map_get(m, "") == &values[1]);
    map_destroy(m);
}

struct item {
    int n;
    struct list link;
};

TEST(list_is_safe_against_removal)
{
    struct item items[4] = {{0}, {1}, {2}, {3}};
    struct list l;
    int sum = 0;

    list_init(&l);
    CHECK(list_is_empty(&l) && !list_is_linked(&items[0].link));
    list_remove(&items[0].link);
    for (int i = 1; i < 4; i++)
        list_append(&l, &items[i].link);
    list_prepend(&l, &items[0].link);
    CHECK_INT(list_first(&l, struct item, link)->n, 0);
    list_each (it, &l, struct item, link) {
        sum = sum * 10 + it->n;
        list_remove(&it->link);
    }
    CHECK_INT(sum, 123);
    CHECK(list_is_empty(&l));
    CHECK(!list_first(&l, struct item, link));
}
