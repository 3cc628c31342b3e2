/* SPDX-License-Identifier: Apache-2.0 */
/* links: container runtime core base */
/* Maps of ids, /etc/subuid, and the ranges of --userns auto. */
#include "base/id_map.h"
#include "base/text.h"
#include "container/id_pool.h"
#include "runtime/subid.h"

#include "test.h"

static struct id_ranges ranges_of(const char *text)
{
    struct id_ranges r;

    CHECK_OK(subid_find(text, "/etc/subuid", "a", NULL, &r));
    return r;
}

static void refuse(const char *text, const char *says)
{
    struct id_ranges r;
    struct err *e = subid_find(text, "/etc/subuid", "a", NULL, &r);

    CHECK(e);
    if (!strstr(err_text(e), says))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", err_text(e), says);
    err_drop(e);
}

TEST(subid_takes_the_owners_lines_in_order)
{
    struct id_ranges r = ranges_of("b:1:10\n a:200000:1000\n\na:100000:65536\nab:5:5\nnonsense\n");
    uint32_t id = 0;

    CHECK_INT(r.n, 2);
    CHECK(id_to_host(&r, 0, &id) && id == 200000);
    CHECK(id_to_host(&r, 999, &id) && id == 200999);
    CHECK(id_to_host(&r, 1000, &id) && id == 100000);
    CHECK(id_to_host(&r, 66535, &id) && id == 165535);
    CHECK(!id_to_host(&r, 66536, &id));
    CHECK_STR(id_ranges_text(test_arena, &r), "0 200000 1000\n1000 100000 65536\n");
    CHECK_INT(ranges_of("b:1:10\n").n, 0);
    CHECK_INT(ranges_of("").n, 0);
}

TEST(subid_knows_the_owner_by_number_too)
{
    struct id_ranges r;
    uint32_t id = 1000;

    CHECK_OK(subid_find("1000:7:1\n0100:9:9\n", "f", "a", &id, &r));
    CHECK_INT(r.n, 1);
    CHECK_INT(r.v[0].outside, 7);
}

TEST(subid_refuses_what_no_map_can_be)
{
    refuse("a:0:65536", "the host's root");
    refuse("a:1:0", "empty");
    refuse("a:1:4294967295", "behind the last id");
    refuse("a:4294967295:1", "behind the last id");
    refuse("a:4294967290:6", "behind the last id");
    refuse("a:1:4294967296", "not owner:first:count");
    refuse("a:-1:5", "not owner:first:count");
    refuse("b:1:1\na:1", "line 2 (a)");
    refuse("a:1:2:3", "not owner:first:count");
    refuse("a:100:100\na:199:5", "overlap");
    CHECK_INT(ranges_of("a:4294967290:5").n, 1);
}

TEST(subid_bounds_the_number_of_ranges)
{
    autobuf struct buf b = {0};

    for (int i = 0; i < ID_EXTENTS_MAX; i++)
        buf_printf(&b, "a:%d:1\n", 10 + i);
    CHECK_INT(ranges_of(b.data).n, ID_EXTENTS_MAX);
    buf_puts(&b, "a:9:1\n");
    refuse(b.data, "more than 32 ranges");
}

TEST(id_map_survives_its_text)
{
    struct id_ranges r = ranges_of("a:200000:1000\na:100000:65536\n"), back;
    static const char *const bad[] = {"0 1",   "0 1 1 1", "1 5 5",          "0 0 5",
                                      "0 5 0", "x 5 5",   "0 5 5\n4 100 5", "0 5 5\n5 9 5"};

    CHECK_OK(id_ranges_parse(id_ranges_text(test_arena, &r), &back));
    CHECK_INT(back.n, 2);
    CHECK(memcmp(&r.v, &back.v, sizeof(r.v)) == 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(id_ranges_parse(bad[i], &back), ERR_INVALID);
}

TEST(id_map_gives_what_it_has_not_to_its_root)
{
    struct id_map m = {ranges_of("a:100000:10"), ranges_of("a:200000:10")};

    CHECK_INT(id_map_uid(NULL, 5), 5);
    CHECK_INT(id_map_uid(&m, 5), 100005);
    CHECK_INT(id_map_gid(&m, 10), 200000);
}

TEST(id_map_knows_both_ways)
{
    struct id_map m = {ranges_of("a:100000:10\na:300000:5"), ranges_of("a:200000:10")};
    struct id_map other = {ranges_of("a:100000:10\na:300000:6"), ranges_of("a:200000:10")};
    uint32_t id;

    CHECK(id_to_inside(&m.uids, 300004, &id));
    CHECK_INT(id, 14);
    CHECK(!id_to_inside(&m.uids, 100010, &id));
    CHECK_INT(id_map_inside(&m.gids, 200009), 9);
    CHECK_INT(id_map_inside(&m.gids, 0), 65534);
    CHECK_INT(id_map_inside(NULL, 7), 7);
    CHECK(id_maps_are_same(NULL, NULL) && id_maps_are_same(&m, &m));
    CHECK(!id_maps_are_same(&m, NULL) && !id_maps_are_same(&m, &other));
}

static struct id_map pool_map(const char *uids, const char *gids)
{
    return (struct id_map){ranges_of(uids), ranges_of(gids)};
}

TEST(id_pool_gives_each_range_once)
{
    struct id_map from = pool_map("a:1000000:131072\na:5000000:70000", "a:1000000:400000"), m[4];
    struct id_pool *p = id_pool_create(&from, NULL);

    for (int i = 0; i < 3; i++)
        CHECK_OK(id_pool_claim(p, &m[i]));
    CHECK_ERR(id_pool_claim(p, &m[3]), ERR_CONFLICT);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < i; j++) {
            CHECK(!id_ranges_overlap(&m[i].uids, &m[j].uids));
            CHECK(!id_ranges_overlap(&m[i].gids, &m[j].gids));
        }
    id_pool_give_back(p, &m[1]);
    CHECK_OK(id_pool_claim(p, &m[3]));
    CHECK_INT(m[3].uids.v[0].outside, m[1].uids.v[0].outside);
    CHECK_INT(m[3].uids.v[0].count, ID_POOL_COUNT);
    id_pool_destroy(p);
}

TEST(id_pool_leaves_out_what_is_anothers)
{
    struct id_map from = pool_map("a:1000000:262144", "a:1000000:262144"), m;
    struct id_map remap = pool_map("a:1065536:1", "a:9:1");
    struct id_map other = pool_map("a:1131071:2", "a:5:5"); /* touches two */
    struct id_pool *p = id_pool_create(&from, &remap);

    id_pool_take(p, &other);
    CHECK_OK(id_pool_claim(p, &m));
    CHECK_INT(m.uids.v[0].outside, 1000000);
    CHECK_OK(id_pool_claim(p, &m));
    CHECK_INT(m.uids.v[0].outside, 1196608);
    CHECK_ERR(id_pool_claim(p, &m), ERR_CONFLICT);
    id_pool_give_back(p, &other);
    CHECK_OK(id_pool_claim(p, &m));
    CHECK_INT(m.uids.v[0].outside, 1131072);
    id_pool_destroy(p);
}

TEST(id_pool_of_nothing_says_what_to_do)
{
    struct id_map none = {0}, m;
    struct id_pool *p = id_pool_create(&none, NULL);

    CHECK_ERR(id_pool_claim(p, &m), ERR_INVALID);
    id_pool_destroy(p);
}
