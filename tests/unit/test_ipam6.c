/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include "net/ipam6.h"
#include "test.h"

static struct subnet6 net(const char *s)
{
    struct subnet6 out = {0};

    CHECK(subnet6_parse(s, &out));
    return out;
}

static struct in6_addr addr(const char *s)
{
    struct in6_addr out = {0};

    CHECK(addr6_parse(s, &out));
    return out;
}

static const char *text(const struct in6_addr *a)
{
    char out[ADDR6_TEXT];

    addr6_text(a, out);
    return arena_strdup(test_arena, out);
}

static const char *next(struct ipam6 *p)
{
    struct in6_addr a = {0};

    CHECK_OK(ipam6_take_next(p, &a));
    return text(&a);
}

TEST(subnet6_parses)
{
    static const char *const bad[] = {
        "fd00::",     "fd00::/", "fd00::/129", "fd00::/-1",   "fd00::/064",
        "fd00::/64x", "/64",     "fd00:::/64", "10.0.0.0/24", "fd00::%1/64",
        "g::/64",     "",        "::/0000",    "fd00::/64 ",  " fd00::1/128",
    };
    struct subnet6 s;
    char out[CIDR6_TEXT];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!subnet6_parse(bad[i], &s));
    CHECK_INT(net("::/0").bits, 0);
    CHECK_INT(net("::1/128").bits, 128);
    s = subnet6_base(net("2001:db8:ffff:ffff::1/61"));
    subnet6_text(&s, out);
    CHECK_STR(out, "2001:db8:ffff:fff8::/61");
    subnet6_text(&(struct subnet6){0}, out);
    CHECK_STR(out, "");
}

TEST(subnet6_compares)
{
    struct in6_addr in = addr("fd00:1:2:3::9"), out = addr("fd00:1:2:4::9");

    CHECK(subnet6_has(net("fd00:1:2:3::/64"), &in));
    CHECK(!subnet6_has(net("fd00:1:2:3::/64"), &out));
    CHECK(subnet6_has(net("::/0"), &out));
    CHECK(subnet6_overlaps(net("fd00::/8"), net("fd00:1::/64")));
    CHECK(subnet6_overlaps(net("fd00:1::/64"), net("fd00::/8")));
    CHECK(!subnet6_overlaps(net("fd00:1::/64"), net("fd00:1:0:1::/64")));
    CHECK(!subnet6_overlaps(net("fd00::8/125"), net("fd00::10/125")));
    in = subnet6_at(net("fd00::ffff:ffff:ffff:ffff/64"), 0x1ffff);
    CHECK_STR(text(&in), "fd00::1:ffff");
}

TEST(ipam6_gives_in_sequence_and_late_again)
{
    struct ipam6 *p = ipam6_create(net("fd00::/64"), net("fd00::/64"));
    struct in6_addr gateway = addr("fd00::1"), two = addr("fd00::2");

    CHECK_OK(ipam6_take(p, &gateway));
    CHECK_STR(next(p), "fd00::2");
    CHECK_STR(next(p), "fd00::3");
    ipam6_release(p, &two);
    ipam6_release(p, &two);
    CHECK_STR(next(p), "fd00::4");
    CHECK_OK(ipam6_take(p, &two));
    CHECK_ERR(ipam6_take(p, &two), ERR_CONFLICT);
    CHECK_INT(ipam6_count(p), 5); /* the anycast address too */
    ipam6_destroy(p);
    ipam6_destroy(NULL);
}

TEST(ipam6_refuses_what_is_outside)
{
    struct ipam6 *p = ipam6_create(net("fd00::/64"), net("fd00::/64"));
    struct in6_addr out = addr("fd00:0:0:1::1"), anycast = addr("fd00::");

    CHECK_ERR(ipam6_take(p, &out), ERR_INVALID);
    CHECK_ERR(ipam6_take(p, &anycast), ERR_CONFLICT);
    ipam6_release(p, &out);
    CHECK_INT(ipam6_count(p), 1);
    ipam6_destroy(p);
}

TEST(ipam6_ends_and_goes_round)
{
    struct ipam6 *p = ipam6_create(net("fd00::8/126"), net("fd00::8/126"));
    struct in6_addr a, second = addr("fd00::a");

    CHECK_STR(next(p), "fd00::9");
    CHECK_STR(next(p), "fd00::a");
    CHECK_STR(next(p), "fd00::b");
    CHECK_ERR(ipam6_take_next(p, &a), ERR_UNAVAILABLE);
    ipam6_release(p, &second);
    CHECK_STR(next(p), "fd00::a");
    CHECK_ERR(ipam6_take_next(p, &a), ERR_UNAVAILABLE);
    ipam6_destroy(p);
}

TEST(ipam6_keeps_to_its_range)
{
    struct ipam6 *p = ipam6_create(net("fd00::/48"), net("fd00:0:0:5::100/127"));
    struct in6_addr elsewhere = addr("fd00:0:0:9::1"), a;

    CHECK_OK(ipam6_take(p, &elsewhere)); /* by wish anywhere in the subnet */
    CHECK_STR(next(p), "fd00:0:0:5::100");
    CHECK_STR(next(p), "fd00:0:0:5::101");
    CHECK_ERR(ipam6_take_next(p, &a), ERR_UNAVAILABLE);
    ipam6_destroy(p);
    p = ipam6_create(net("fd00::/16"), net("fd00::/16")); /* more than 2^64 addresses */
    CHECK_STR(next(p), "fd00::1");
    ipam6_destroy(p);
}

/* Taken and released at random against a plain list. */
TEST(ipam6_agrees_with_a_list)
{
    struct ipam6 *p = ipam6_create(net("fd00::/120"), net("fd00::/120"));
    bool taken[256] = {true};
    unsigned seed = 7, count = 1;

    for (int i = 0; i < 20000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned at = seed >> 16 & 0xff;
        struct in6_addr a = subnet6_at(net("fd00::/120"), at);

        if (!at)
            continue;
        if (taken[at]) {
            ipam6_release(p, &a);
            count--;
        } else {
            CHECK_OK(ipam6_take(p, &a));
            count++;
        }
        taken[at] = !taken[at];
        CHECK_INT(ipam6_count(p), count);
    }
    ipam6_destroy(p);
}
