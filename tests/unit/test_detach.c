/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "base/detach.h"

#include "test.h"

TEST(detach_parses_dockers_names)
{
    struct detach_keys d;

    CHECK_OK(detach_parse("ctrl-p,ctrl-a", &d));
    CHECK_INT(d.n, 2);
    CHECK_INT(d.key[0], 16);
    CHECK_INT(d.key[1], 1);
    CHECK_OK(detach_parse("ctrl-a,ctrl-z", &d));
    CHECK(d.n == 2 && d.key[0] == 1 && d.key[1] == 26);
    CHECK_OK(detach_parse("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,DEL", &d));
    CHECK_INT(d.n, 8);
    CHECK(!memcmp(d.key, "a\0\x1b\x1c\x1d\x1e\x1f\x7f", 8));
    CHECK_OK(detach_parse(NULL, &d));
    CHECK(d.n == 2 && !memcmp(d.key, "\x10\x11", 2));
    CHECK_OK(detach_parse("", &d));
    CHECK_INT(d.n, 2);
}

TEST(detach_refuses_unknown_keys)
{
    struct detach_keys d;
    const char *bad[] = {"ctrl-A", "ctrl-", "ctrl-pp",  "ctl-p",
                         "abc",    "a,,b",  "a,ctrl-1", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"};
    struct err *e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(detach_parse(bad[i], &d), ERR_INVALID);
    e = detach_parse("ctrl-A", &d);
    CHECK_STR(err_text(e), "Invalid detach keys (ctrl-A) provided");
    err_drop(e);
}

/* Feeds `typed` in chunks of `step`; checks what is forwarded and whether it matched. */
static void check_filter(const char *keys, const char *typed, size_t step, const char *forwarded,
                         bool does_match)
{
    struct detach_keys d = {.n = strlen(keys)};
    unsigned char out[64] = {0};
    char all[128] = {0};
    size_t len = strlen(typed), w = 0, n;
    bool is_match = false;

    memcpy(d.key, keys, d.n);
    for (size_t at = 0; at < len && !is_match; at += step) {
        size_t take = len - at < step ? len - at : step;
        bool is_plain = detach_is_plain(&d, typed + at, take);

        is_match = detach_keys_scan(&d, (const unsigned char *)typed + at, take, out, &n);
        if (is_plain) /* need not have come here */
            CHECK(!is_match && n == take && !memcmp(out, typed + at, n));
        memcpy(all + w, out, n);
        w += n;
    }
    CHECK_STR(all, forwarded);
    CHECK_INT(is_match, does_match);
}

TEST(detach_finds_the_sequence_across_chunks)
{
    for (size_t step = 1; step < 8; step++) {
        check_filter("PQ", "abPQcd", step, "ab", true);
        check_filter("PQ", "aPbQ", step, "aPbQ", false);
        check_filter("PQ", "PPQ", step, "P", true);
        check_filter("aab", "aaab", step, "a", true);
        check_filter("aab", "aacaab", step, "aac", true);
        check_filter("P", "xP", step, "x", true);
        check_filter("abac", "ababac", step, "ab", true);
        check_filter("PQ", "abP", step, "ab", false); /* held back */
    }
}

TEST(detach_lets_plain_input_pass)
{
    struct detach_keys d = {.key = "PQ", .n = 2}, none = {.n = 0};

    CHECK(detach_is_plain(&d, "abQ", 3));
    CHECK(!detach_is_plain(&d, "abP", 3));
    CHECK(detach_is_plain(&none, "abP", 3));
    d.matched = 1; /* a P is held back: whatever comes is needed */
    CHECK(!detach_is_plain(&d, "ab", 2));
}
