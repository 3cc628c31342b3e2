/* SPDX-License-Identifier: Apache-2.0 */
/* Where registries send us: Location and Range. */
/* links: image */
#include "location.h"

#include "test.h"

static const char *join(const char *base, const char *location)
{
    char *out = NULL;
    struct err *e = location_join(test_arena, base, location, &out);

    if (e) {
        CHECK_INT(err_kind(e), ERR_INVALID);
        err_drop(e);
        return "refused";
    }
    return out;
}

TEST(location_is_relative_or_absolute)
{
    const char *base = "https://r.lan:5000/v2/a/b/blobs/uploads/?mount=x";

    CHECK_STR(join(base, "/v2/a/b/blobs/uploads/1?_state=y%3D"),
              "https://r.lan:5000/v2/a/b/blobs/uploads/1?_state=y%3D");
    CHECK_STR(join(base, "https://other/x?y=1#part"), "https://other/x?y=1");
    CHECK_STR(join(base, "next"), "https://r.lan:5000/v2/a/b/blobs/uploads/next");
    CHECK_STR(join(base, "?x=1"), "https://r.lan:5000/v2/a/b/blobs/uploads/?x=1");
    CHECK_STR(join(base, "//cdn.lan/x"), "https://cdn.lan/x");
    CHECK_STR(join("http://[::1]:5000/v2/", "/x"), "http://[::1]:5000/x");
}

TEST(location_is_of_the_web)
{
    static const char *const bad[] = {
        "",
        "file:///etc/passwd",
        "gopher://x/",
        "ftp://x/y",
        "http://user:secret@r.lan/x",
        "https://user@r.lan/",
        "http://r.lan:99999/",
        "http://r.lan/a b",
        "http://r.lan/\x01",
        "http://",
        "http://r.lan/\xc3\xa9",
    };
    char *longest = arena_alloc(test_arena, LOCATION_MAX + 100);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_STR(join("https://r.lan/v2/", bad[i]), "refused");
    memset(longest, 'x', LOCATION_MAX + 1);
    CHECK_STR(join("https://r.lan/v2/", longest), "refused");
    longest[LOCATION_MAX - 30] = '\0';
    CHECK(text_starts(join("https://r.lan/v2/", longest), "https://r.lan/v2/xxx"));
}

TEST(location_knows_whose_host_it_is)
{
    CHECK(location_is_same_host("https://r.lan", "https://R.lan:443/v2/x?y"));
    CHECK(location_is_same_host("http://127.0.0.1:5000", "http://127.0.0.1:5000/x"));
    CHECK(!location_is_same_host("https://r.lan", "http://r.lan"));
    CHECK(!location_is_same_host("https://r.lan", "https://r.lan:444"));
    CHECK(!location_is_same_host("https://r.lan", "https://r.lan.evil"));
    CHECK(!location_is_same_host("https://r.lan", "https://evil/r.lan"));
    CHECK(!location_is_same_host("https://r.lan", "https://r.lan@evil/"));
    CHECK(!location_is_same_host("https://r.lan", "https://r.lan\\@evil/"));
    CHECK(!location_is_same_host("nothing", ""));
}

TEST(location_keeps_tls)
{
    CHECK_STR(location_keep_tls(test_arena, "https://r.lan", "http://r.lan/x"), "https://r.lan/x");
    CHECK_STR(location_keep_tls(test_arena, "https://r.lan", "http://other/x"), "http://other/x");
    CHECK_STR(location_keep_tls(test_arena, "http://r.lan", "http://r.lan/x"), "http://r.lan/x");
    CHECK_STR(location_add_query(test_arena, "http://x/y", "digest", "sha256:a"),
              "http://x/y?digest=sha256%3Aa");
    CHECK_STR(location_add_query(test_arena, "http://x/y?z=1", "digest", "a"),
              "http://x/y?z=1&digest=a");
}

static int64_t range(const char *text)
{
    int64_t n;

    return location_range(text, &n) ? n : -1;
}

TEST(location_reads_ranges)
{
    CHECK_INT(range("0-499"), 500);
    CHECK_INT(range("bytes=0-499"), 500);
    CHECK_INT(range("bytes 0-1"), 2);
    CHECK_INT(range("0-0"), 0);
    CHECK_INT(range(NULL), -1);
    CHECK_INT(range(""), -1);
    CHECK_INT(range("1-2"), -1);
    CHECK_INT(range("0-"), -1);
    CHECK_INT(range("0--5"), -1);
    CHECK_INT(range("0-+5"), -1);
    CHECK_INT(range("0-9223372036854775807"), -1);
    CHECK_INT(range("0-99999999999999999999"), -1);
    CHECK_INT(range("0-5/10"), -1);
    CHECK_INT(range("00-5"), -1);
}
