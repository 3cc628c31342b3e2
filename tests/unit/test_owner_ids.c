/* SPDX-License-Identifier: Apache-2.0 */
/* links: tar base */
/* Ids within attributes, from the container's to the host's and back. */
#include "tar/owner_ids.h"

#include <string.h>

#include "test.h"

static const struct id_map map = {{{{0, 100000, 10}}, 1}, {{{0, 200000, 10}}, 1}};
static const char capability[] = "security.capability", access_list[] = "system.posix_acl_access";

TEST(owner_ids_of_a_capability)
{
    static const unsigned char plain[20] = {1, 0, 0, 2, 0, 4}, rooted[24] = {1, 0, 0, 3, 0, 4};
    unsigned char v[24 + OWNER_IDS_ROOM] = {0};

    memcpy(v, plain, sizeof(plain));
    CHECK_INT(owner_ids_to_host(&map, capability, v, sizeof(plain)), 24);
    CHECK_INT(v[3], 3);
    CHECK(memcmp(v + 20, "\xa0\x86\x01\x00", 4) == 0); /* 100000 */
    CHECK_INT(owner_ids_inside(&map, capability, v, 24), sizeof(plain));
    CHECK(memcmp(v, plain, sizeof(plain)) == 0);

    memcpy(v, rooted, sizeof(rooted));
    v[20] = 9;
    CHECK_INT(owner_ids_to_host(&map, capability, v, 24), 24);
    CHECK_INT(owner_ids_inside(&map, capability, v, 24), 24);
    CHECK_INT(v[20], 9);
    v[20] = 10;
    CHECK_INT(owner_ids_to_host(&map, capability, v, 24), 0);
}

TEST(owner_ids_of_an_access_list)
{
    static const unsigned char list[28] = {2, 0, 0, 0, 2, 0, 6, 0, 9, 0, 0,    0,    8,    0,
                                           4, 0, 3, 0, 0, 0, 4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff};
    unsigned char v[28 + OWNER_IDS_ROOM];

    memcpy(v, list, sizeof(list));
    CHECK_INT(owner_ids_to_host(&map, access_list, v, sizeof(list)), sizeof(list));
    CHECK(memcmp(v + 8, "\xa9\x86\x01\x00", 4) == 0);  /* 100009, a user */
    CHECK(memcmp(v + 16, "\x43\x0d\x03\x00", 4) == 0); /* 200003, a group */
    CHECK(memcmp(v + 24, "\xff\xff\xff\xff", 4) == 0); /* nobody is named */
    CHECK_INT(owner_ids_inside(&map, access_list, v, sizeof(list)), sizeof(list));
    CHECK(memcmp(v, list, sizeof(list)) == 0);
    CHECK_INT(owner_ids_inside(&map, access_list, v, sizeof(list)), 0);
}

TEST(owner_ids_leave_what_they_cannot_read)
{
    unsigned char v[64] = {2, 0, 0, 0, 2};

    for (size_t n = 0; n < 12; n++) {
        CHECK_INT(owner_ids_to_host(&map, access_list, v, n), n);
        CHECK_INT(owner_ids_to_host(&map, capability, v, n), n);
    }
    CHECK_INT(owner_ids_to_host(&map, capability, v, 24), 24);
    CHECK_INT(owner_ids_to_host(&map, "user.x", v, 40), 40);
}
