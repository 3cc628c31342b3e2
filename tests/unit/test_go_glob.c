/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of COPY: what is wild, what is malformed. */
/* links: build */
#include "build/go_glob.h"

#include "test.h"

static const struct pattern_case {
    const char *pattern;
    bool is_valid, is_wild;
} patterns[] = {
    {"", true, false},         {"a", true, false},     {"a/b", true, false},
    {"a/b/", true, false},     {"/a", true, false},    {"/a/b", true, false},
    {"*", true, true},         {"*.c", true, true},    {"src/*.c", true, true},
    {"src/a*/b", true, true},  {"a/b/?", true, true},  {"a\\*b", true, false},
    {"x\\*y/z*", true, true},  {"[a-z]", true, true},  {"[^a]", true, true},
    {"[\\]]", true, true},     {"[\\-x]", true, true}, {"[ä-ö]", true, true},
    {"d/[a-z]/x", true, true}, {"]", true, false},     {"[", false, true},
    {"[]", false, true},       {"[]a]", false, true},  {"[-]", false, true},
    {"[x-]", false, true},     {"[-x]", false, true},  {"[a-b-c]", false, true},
    {"[a", false, true},       {"[a-", false, true},   {"[^", false, true},
    {"[\\", false, true},      {"a[", false, true},    {"a\\", false, false},
    {"*x[", false, true},
};

TEST(go_glob_knows_patterns)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const struct pattern_case *c = &patterns[i];

        if (go_glob_is_valid(c->pattern) != c->is_valid ||
            go_glob_is_wild(c->pattern) != c->is_wild)
            test_fail(__FILE__, __LINE__, "\"%s\"", c->pattern);
    }
}

TEST(go_glob_takes_escapes_away)
{
    CHECK_STR(go_glob_literal(test_arena, "a\\*b\\\\c"), "a*b\\c");
    CHECK_STR(go_glob_literal(test_arena, "plain/path"), "plain/path");
}
