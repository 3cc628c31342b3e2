/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include "net/ipam.h"
#include "test.h"

static struct subnet4 net(const char *s)
{
    struct subnet4 out = {0};

    CHECK(subnet4_parse(s, &out));
    return out;
}

static uint32_t addr(const char *s)
{
    uint32_t out = 0;

    CHECK(addr4_parse(s, &out));
    return out;
}

TEST(addr4_takes_dotted_quads_only)
{
    static const char *const bad[] = {"",          "1.2.3",     "1.2.3.4.", "1.2.3.4.5",
                                      "256.1.1.1", "1..2.3",    "01.2.3.4", " 1.2.3.4",
                                      "1.2.3.4 ",  "0x1.2.3.4", "1.2.3.-4", "1.2.3.4/8"};
    char text[ADDR4_TEXT];
    uint32_t a;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!addr4_parse(bad[i], &a));
    CHECK_INT(addr("192.168.0.10"), 0xc0a8000a);
    addr4_text(addr("255.255.255.255"), text);
    CHECK_STR(text, "255.255.255.255");
}

TEST(subnet4_parses_and_compares)
{
    static const char *const bad[] = {"10.0.0.0",    "10.0.0.0/",   "10.0.0.0/33", "10.0.0.0/-1",
                                      "10.0.0.0/08", "10.0.0.0/8x", "/8",          "10.0.0/8"};
    struct subnet4 s;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!subnet4_parse(bad[i], &s));
    CHECK_INT(net("10.1.2.3/16").bits, 16);
    CHECK(subnet4_has(net("10.1.0.0/16"), addr("10.1.255.255")));
    CHECK(!subnet4_has(net("10.1.0.0/16"), addr("10.2.0.0")));
    CHECK(subnet4_has(net("0.0.0.0/0"), addr("9.9.9.9")));
    CHECK(subnet4_overlaps(net("10.0.0.0/8"), net("10.9.0.0/24")));
    CHECK(subnet4_overlaps(net("10.9.0.0/24"), net("10.0.0.0/8")));
    CHECK(!subnet4_overlaps(net("10.9.0.0/24"), net("10.9.1.0/24")));
}

TEST(ipam_gives_each_address_once_and_reuses_late)
{
    struct ipam *p = ipam_create(net("10.0.0.0/29"), net("10.0.0.0/29"));
    uint32_t a;

    CHECK_INT(ipam_count_free(p), 6); /* not .0 and .7 */
    CHECK_OK(ipam_take(p, addr("10.0.0.1")));
    for (int i = 2; i <= 6; i++) {
        CHECK_OK(ipam_take_next(p, &a));
        CHECK_INT(a, addr("10.0.0.0") + (uint32_t)i);
    }
    CHECK_ERR(ipam_take_next(p, &a), ERR_UNAVAILABLE);
    ipam_release(p, addr("10.0.0.3"));
    ipam_release(p, addr("10.0.0.3")); /* twice is once */
    CHECK_INT(ipam_count_free(p), 1);
    CHECK_OK(ipam_take_next(p, &a));
    CHECK_INT(a, addr("10.0.0.3"));
    ipam_release(p, addr("10.0.0.2"));
    ipam_release(p, addr("10.0.0.5"));
    CHECK_OK(ipam_take_next(p, &a));
    CHECK_INT(a, addr("10.0.0.5")); /* round-robin: .2 was free, but long ago */
    ipam_destroy(p);
}

TEST(ipam_refuses_taken_and_foreign)
{
    struct ipam *p = ipam_create(net("10.0.0.0/24"), net("10.0.0.0/24"));

    CHECK_OK(ipam_take(p, addr("10.0.0.9")));
    CHECK_ERR(ipam_take(p, addr("10.0.0.9")), ERR_CONFLICT);
    CHECK_ERR(ipam_take(p, addr("10.0.0.0")), ERR_CONFLICT);
    CHECK_ERR(ipam_take(p, addr("10.0.0.255")), ERR_CONFLICT);
    CHECK_ERR(ipam_take(p, addr("10.0.1.1")), ERR_INVALID);
    ipam_release(p, addr("11.0.0.1"));
    ipam_destroy(p);
}

TEST(ipam_keeps_to_the_range_but_takes_wishes_outside_it)
{
    struct ipam *p = ipam_create(net("10.0.0.0/24"), net("10.0.0.128/30"));
    uint32_t a;

    for (int i = 0; i < 4; i++) {
        CHECK_OK(ipam_take_next(p, &a));
        CHECK_INT(a, addr("10.0.0.128") + (uint32_t)i);
    }
    CHECK_ERR(ipam_take_next(p, &a), ERR_UNAVAILABLE);
    CHECK_OK(ipam_take(p, addr("10.0.0.5")));
    CHECK_INT(ipam_count_free(p), 0);
    ipam_destroy(p);
}

TEST(ipam_bounds_its_memory_in_a_huge_subnet)
{
    struct ipam *p = ipam_create(net("10.0.0.0/8"), net("10.0.0.0/8"));
    uint32_t a;

    CHECK_OK(ipam_take_next(p, &a));
    CHECK_INT(a, addr("10.0.0.1"));
    CHECK_ERR(ipam_take(p, addr("10.255.0.1")), ERR_INVALID);
    ipam_destroy(p);
}
