/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include "net/hosts.h"
#include "test.h"

TEST(hosts_lists_own_then_extra)
{
    struct hosts_entry own = {"172.17.0.2", "web.example.org web"}, extra = {"10.0.0.1", "db"};
    const char *text = hosts_text(test_arena, &own, 1, &extra, 1);
    const char *own_at = strstr(text, "172.17.0.2\tweb.example.org web\n");

    CHECK(!strncmp(text, "127.0.0.1\tlocalhost\n", 20));
    CHECK(strstr(text, "::1\tlocalhost ip6-localhost ip6-loopback\n"));
    CHECK(own_at);
    CHECK(strstr(own_at, "10.0.0.1\tdb\n"));
}

TEST(hosts_parse_extra_takes_colon_and_equals)
{
    struct hosts_entry e;

    CHECK_OK(hosts_parse_extra(test_arena, "db:10.0.0.1", NULL, &e));
    CHECK_STR(e.addr, "10.0.0.1");
    CHECK_STR(e.names, "db");
    CHECK_OK(hosts_parse_extra(test_arena, "six=fe80::1", NULL, &e));
    CHECK_STR(e.addr, "fe80::1");
    CHECK_OK(hosts_parse_extra(test_arena, "six:[fe80::1]", NULL, &e));
    CHECK_STR(e.addr, "fe80::1");
    CHECK_OK(hosts_parse_extra(test_arena, "host:host-gateway", "172.17.0.1", &e));
    CHECK_STR(e.addr, "172.17.0.1");
}

TEST(hosts_parse_extra_refuses_junk)
{
    struct hosts_entry e;

    CHECK_ERR(hosts_parse_extra(test_arena, "db", NULL, &e), ERR_INVALID);
    CHECK_ERR(hosts_parse_extra(test_arena, ":1.2.3.4", NULL, &e), ERR_INVALID);
    CHECK_ERR(hosts_parse_extra(test_arena, "db:", NULL, &e), ERR_INVALID);
    CHECK_ERR(hosts_parse_extra(test_arena, "db:1.2.3.4\n6.6.6.6 evil", NULL, &e), ERR_INVALID);
    CHECK_ERR(hosts_parse_extra(test_arena, "a\n6.6.6.6 b:1.2.3.4", NULL, &e), ERR_INVALID);
    CHECK_ERR(hosts_parse_extra(test_arena, "h:host-gateway", "", &e), ERR_INVALID);
}

TEST(resolv_strips_loopback_and_falls_back)
{
    struct resolv_options o = {.strip_loopback = true};
    const char *text = resolv_text(
        test_arena, "nameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch a b\noptions edns0\n", &o);

    CHECK(!strstr(text, "nameserver 127"));
    CHECK(strstr(text, "\nnameserver 9.9.9.9\n"));
    CHECK(strstr(text, "\nsearch a b\noptions edns0\n"));
    text = resolv_text(test_arena, "# none\nnameserver 127.0.0.1\nnameserver ::1\n", &o);
    CHECK(strstr(text, "\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"));
    text = resolv_text(test_arena, NULL, &o);
    CHECK(strstr(text, "\nnameserver 8.8.8.8\n"));
}

TEST(resolv_keeps_ipv6_servers_for_who_can_reach_them)
{
    struct resolv_options o = {.strip_loopback = true};
    const char *host = "nameserver 9.9.9.9\nnameserver fd00::53\n";

    CHECK(!strstr(resolv_text(test_arena, host, &o), "fd00::53"));
    o.has_ipv6 = true;
    CHECK(strstr(resolv_text(test_arena, host, &o), "\nnameserver fd00::53\n"));
    CHECK(strstr(resolv_text(test_arena, "", &o), "\nnameserver 2001:4860:4860::8888\n"));
    o.has_ipv6 = o.strip_loopback = false; /* the host's own network */
    CHECK(strstr(resolv_text(test_arena, host, &o), "fd00::53"));
}

TEST(resolv_given_values_replace_kind_by_kind)
{
    struct strs dns = {0}, search = {0}, options = {0};
    struct resolv_options o = {.dns = &dns, .search = &search, .options = &options};

    strs_add(test_arena, &dns, "1.1.1.1");
    strs_add(test_arena, &search, ".");
    const char *text =
        resolv_text(test_arena, "nameserver 9.9.9.9\nsearch a\noptions ndots:3\n", &o);
    CHECK(strstr(text, "\nnameserver 1.1.1.1\n"));
    CHECK(!strstr(text, "9.9.9.9"));
    CHECK(!strstr(text, "search"));
    CHECK(strstr(text, "\noptions ndots:3\n"));
}

TEST(resolv_keeps_loopback_on_the_host_network)
{
    struct resolv_options o = {0};

    CHECK(strstr(resolv_text(test_arena, "nameserver 127.0.0.53", &o), "nameserver 127.0.0.53"));
}

static const char *updated(const char *text, size_t len, const struct hosts_entry *v, size_t n)
{
    size_t out_len;
    char *out = hosts_update(test_arena, text, len, v, n, &out_len);

    CHECK_INT(out[out_len], 0);
    for (size_t i = 0; i < out_len; i++)
        if (!out[i])
            out[i] = '@';
    return out;
}

TEST(hosts_update_moves_and_adds)
{
    static const struct hosts_entry v[] = {{"10.0.0.9", "db name"}, {"10.0.0.8", "new"}};
    static const char before[] = "::1\tlocalhost\n10.0.0.1\tdb name\n10.0.0.2\tdb\nrest";

    CHECK_STR(updated(before, strlen(before), v, 2),
              "::1\tlocalhost\n10.0.0.9\tdb name\n10.0.0.2\tdb\nrest\n10.0.0.8\tnew\n");
    CHECK_STR(updated("", 0, v, 0), "");
}

TEST(hosts_update_of_anything)
{
    static const struct hosts_entry v[] = {{"10.0.0.9", "db"}};

    CHECK_STR(updated("a\0b\n1\tdb\0\n\n\t\n1\tdb", 17, v, 1), "a@b\n1\tdb@\n\n\t\n10.0.0.9\tdb\n");
    CHECK_STR(updated("\xff\xfe\n", 3, v, 1), "\xff\xfe\n10.0.0.9\tdb\n");
}

/* Half a million lines, ten thousand entries. */
TEST(hosts_update_is_not_quadratic)
{
    enum { LINES = 500000, ENTRIES = 10000 };
    struct hosts_entry *v = arena_array(test_arena, ENTRIES, sizeof(*v));
    autobuf struct buf text = {0};
    size_t len;

    for (int i = 0; i < ENTRIES; i++)
        v[i] = (struct hosts_entry){"1.1.1.1", arena_printf(test_arena, "name%d", i)};
    for (int i = 0; i < LINES; i++)
        buf_puts(&text, "\tx\n");
    hosts_update(test_arena, text.data, text.len, v, ENTRIES, &len); /* the test has seconds */
    CHECK(len > text.len);
}
