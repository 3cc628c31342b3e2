/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of COPY: what is wild, what is malformed, where a walk begins and where it goes. */
/* links: build */
#include "build/go_glob.h"

#include "test.h"

static const struct pattern_case {
    const char *pattern;
    bool is_valid, is_wild;
    const char *fixed; /* NULL: not asked */
} patterns[] = {
    {"", true, false, ""},           {"a", true, false, ""},       {"a/b", true, false, "a"},
    {"a/b/", true, false, "a/b"},    {"/a", true, false, "/"},     {"/a/b", true, false, "/a"},
    {"*", true, true, ""},           {"*.c", true, true, ""},      {"src/*.c", true, true, "src"},
    {"src/a*/b", true, true, "src"}, {"a/b/?", true, true, "a/b"}, {"a\\*b", true, false, ""},
    {"x\\*y/z*", true, true, "x*y"}, {"[a-z]", true, true, ""},    {"[^a]", true, true, ""},
    {"[\\]]", true, true, ""},       {"[\\-x]", true, true, ""},   {"[ä-ö]", true, true, ""},
    {"d/[a-z]/x", true, true, "d"},  {"]", true, false, ""},       {"[", false, true, NULL},
    {"[]", false, true, NULL},       {"[]a]", false, true, NULL},  {"[-]", false, true, NULL},
    {"[x-]", false, true, NULL},     {"[-x]", false, true, NULL},  {"[a-b-c]", false, true, NULL},
    {"[a", false, true, NULL},       {"[a-", false, true, NULL},   {"[^", false, true, NULL},
    {"[\\", false, true, NULL},      {"a[", false, true, NULL},    {"a\\", false, false, NULL},
    {"*x[", false, true, NULL},
};

TEST(go_glob_knows_patterns)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const struct pattern_case *c = &patterns[i];

        if (go_glob_is_valid(c->pattern) != c->is_valid ||
            go_glob_is_wild(c->pattern) != c->is_wild)
            test_fail(__FILE__, __LINE__, "\"%s\"", c->pattern);
        if (c->fixed)
            CHECK_STR(go_glob_fixed_folder(test_arena, c->pattern), c->fixed);
    }
}

TEST(go_glob_takes_escapes_away)
{
    CHECK_STR(go_glob_literal(test_arena, "a\\*b\\\\c"), "a*b\\c");
    CHECK_STR(go_glob_literal(test_arena, "plain/path"), "plain/path");
}

static const struct reach_case {
    const char *pattern, *folder;
    bool reaches;
} reaches[] = {
    {"a/b/c", "", true},       {"a/b/c", "a", true},       {"a/b/c", "a/b", true},
    {"a/b/c", "a/b/c", false}, {"a/b/c", "x", false},      {"a/b/c", "a/x", false},
    {"*/c", "a", true},        {"*/c", "a/b", false},      {"*", "a", false},
    {"*", "", true},           {"a*/b?/c", "ab/bc", true}, {"a*/b?/c", "ab/b", false},
    {"a\\*/b", "a*", true},    {"a\\*/b", "ax", false},    {"[ab]/c", "b", true},
    {"[ab]/c/d", "b/c", true}, {"*\\/h*", "a", true},
};

TEST(go_glob_goes_where_matches_can_be)
{
    for (size_t i = 0; i < ARRAY_LEN(reaches); i++)
        if (go_glob_reaches(reaches[i].pattern, reaches[i].folder) != reaches[i].reaches)
            test_fail(__FILE__, __LINE__, "%s in \"%s\"", reaches[i].pattern, reaches[i].folder);
}
