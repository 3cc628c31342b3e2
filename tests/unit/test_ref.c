/* SPDX-License-Identifier: Apache-2.0 */
/* References: what parses, what does not, and the three ways to write one. */
/* links: base */
#include "base/ref.h"

#include "test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct good {
    const char *text, *domain, *path, *tag, *digest, *familiar;
} goods[] = {
    {"busybox", "docker.io", "library/busybox", NULL, NULL, "busybox"},
    {"busybox:latest", "docker.io", "library/busybox", "latest", NULL, "busybox:latest"},
    {"library/busybox:1", "docker.io", "library/busybox", "1", NULL, "busybox:1"},
    {"docker.io/busybox", "docker.io", "library/busybox", NULL, NULL, "busybox"},
    {"docker.io/library/busybox", "docker.io", "library/busybox", NULL, NULL, "busybox"},
    {"index.docker.io/busybox", "docker.io", "library/busybox", NULL, NULL, "busybox"},
    {"index.docker.io/a/b", "docker.io", "a/b", NULL, NULL, "a/b"},
    {"a/b", "docker.io", "a/b", NULL, NULL, "a/b"},
    {"a/b/c:v1", "docker.io", "a/b/c", "v1", NULL, "a/b/c:v1"},
    {"localhost/x", "localhost", "x", NULL, NULL, "localhost/x"},
    {"localhost:5000/x", "localhost:5000", "x", NULL, NULL, "localhost:5000/x"},
    {"localhost:5000/a/b:v1", "localhost:5000", "a/b", "v1", NULL, "localhost:5000/a/b:v1"},
    {"localhost:5000", "docker.io", "library/localhost", "5000", NULL, "localhost:5000"},
    {"192.168.1.110:5000/busybox", "192.168.1.110:5000", "busybox", NULL, NULL,
     "192.168.1.110:5000/busybox"},
    {"[::1]:5000/x:y", "[::1]:5000", "x", "y", NULL, "[::1]:5000/x:y"},
    {"[fd00::1]/x", "[fd00::1]", "x", NULL, NULL, "[fd00::1]/x"},
    {"example.com/x", "example.com", "x", NULL, NULL, "example.com/x"},
    {"Example.com/x", "Example.com", "x", NULL, NULL, "Example.com/x"},
    {"HOST/x", "HOST", "x", NULL, NULL, "HOST/x"},
    {"a.b", "docker.io", "library/a.b", NULL, NULL, "a.b"},
    {"a_b", "docker.io", "library/a_b", NULL, NULL, "a_b"},
    {"a__b", "docker.io", "library/a__b", NULL, NULL, "a__b"},
    {"a-b", "docker.io", "library/a-b", NULL, NULL, "a-b"},
    {"a---b", "docker.io", "library/a---b", NULL, NULL, "a---b"},
    {"a:A_b.c-d", "docker.io", "library/a", "A_b.c-d", NULL, "a:A_b.c-d"},
    {"a:_x", "docker.io", "library/a", "_x", NULL, "a:_x"},
    {"a@" DIGEST, "docker.io", "library/a", NULL, DIGEST, "a@" DIGEST},
    {"a:t@" DIGEST, "docker.io", "library/a", "t", DIGEST, "a:t@" DIGEST},
    {"h:1/a/b:t@" DIGEST, "h:1", "a/b", "t", DIGEST, "h:1/a/b:t@" DIGEST},
    {"cafe", "docker.io", "library/cafe", NULL, NULL, "cafe"},
    {"0", "docker.io", "library/0", NULL, NULL, "0"},
    {"xn--n3h.com/myimage", "xn--n3h.com", "myimage", NULL, NULL, "xn--n3h.com/myimage"},
    {HEX64 "a", "docker.io", "library/" HEX64 "a", NULL, NULL, HEX64 "a"},
    {"a/" HEX64, "docker.io", "a/" HEX64, NULL, NULL, "a/" HEX64},
};

TEST(ref_parses_good_ones)
{
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        const struct good *g = &goods[i];
        struct ref r, again;

        CHECK_OK(ref_parse(test_arena, g->text, &r));
        CHECK_STR(r.domain, g->domain);
        CHECK_STR(r.path, g->path);
        CHECK_STR(r.tag, g->tag);
        CHECK_STR(r.digest, g->digest);
        CHECK_STR(ref_familiar(test_arena, &r), g->familiar);
        /* Both ways to write it mean the same. */
        CHECK_OK(ref_parse(test_arena, ref_full(test_arena, &r), &again));
        CHECK_STR(ref_full(test_arena, &again), ref_full(test_arena, &r));
        CHECK_OK(ref_parse(test_arena, ref_familiar(test_arena, &r), &again));
        CHECK_STR(ref_full(test_arena, &again), ref_full(test_arena, &r));
    }
}

static const char *const bads[] = {
    "",
    " ",
    "a b",
    "a:",
    ":a",
    "a@",
    "@",
    "a:b:c",
    "/a",
    "a/",
    "a//b",
    "-a",
    "a-",
    "_a",
    "a_",
    ".a",
    "a.",
    "a..b",
    "a._b",
    "a___b",
    "a/-b",
    "a:.x",
    "a:-x",
    "a:x/",
    "a:ä",
    "ä",
    "a:x y",
    "a@sha256:short",
    "a@md5:" HEX64,
    "a@sha256:" HEX64 "0",
    "a@SHA256:" HEX64,
    "UPPER",
    "upper/Case",
    "docker.io/Busybox",
    HEX64,
    "http://a/b",
    "https://a",
    "a\nb",
    "a\tb",
    "-h.com/a",
    "h-.com/a",
    "h..com/a",
    ".com/a",
    "h:port/a",
    "h:/a",
    "[::1/a",
    "[]:5/a",
    "[g::]/a",
    "a:" HUNDRED TEN TEN "aaaaaaaaa",
    HUNDRED HUNDRED HUNDRED,
    "a/../b",
    "../a",
    "a/./b",
    "a?b",
    "a%2fb",
    "a:x@" DIGEST "@" DIGEST,
    "*",
    "a*",
    "sha256:",
    "a:\"",
    "a\\b",
};

TEST(ref_refuses_bad_ones)
{
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct ref r;
        struct err *e = ref_parse(test_arena, bads[i], &r);

        if (!e)
            test_fail(__FILE__, __LINE__, "\"%s\" was parsed", bads[i]);
        CHECK_ERR(e, ERR_INVALID);
    }
}

TEST(ref_says_why)
{
    struct ref r;
    struct err *e = ref_parse(test_arena, "Busybox", &r);

    CHECK_STR(err_text(e), "invalid reference format: repository name must be lowercase");
    err_drop(e);
    e = ref_parse(test_arena, "a b", &r);
    CHECK_STR(err_text(e), "invalid reference format");
    err_drop(e);
    e = ref_parse(test_arena, HEX64, &r);
    CHECK(strstr(err_text(e), "cannot specify 64-byte hexadecimal strings"));
    err_drop(e);
}

TEST(ref_takes_the_longest_tag)
{
    char text[160] = "a:";
    struct ref r;

    memset(text + 2, 'x', 128);
    CHECK_OK(ref_parse(test_arena, text, &r));
    CHECK_INT(strlen(r.tag), 128);
}

TEST(ref_takes_another_tag)
{
    struct ref r;

    CHECK_OK(ref_parse(test_arena, "a:b", &r));
    CHECK_OK(ref_set_tag(test_arena, &r, "c"));
    CHECK_STR(ref_familiar(test_arena, &r), "a:c");
    CHECK_ERR(ref_set_tag(test_arena, &r, "b:c"), ERR_INVALID);
    CHECK_ERR(ref_set_tag(test_arena, &r, ""), ERR_INVALID);
    CHECK_STR(r.tag, "c");
}

TEST(ref_name_without_suffixes)
{
    struct ref r;

    CHECK_OK(ref_parse(test_arena, "busybox:1@" DIGEST, &r));
    CHECK_STR(ref_familiar_name(test_arena, &r), "busybox");
    CHECK_STR(ref_full(test_arena, &r), "docker.io/library/busybox:1@" DIGEST);
}
