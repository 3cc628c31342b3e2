/* SPDX-License-Identifier: Apache-2.0 */
/* .dockerignore: what is left out, what is taken back, what need not be read. */
/* links: build */
#include "build/ignore.h"

#include "test.h"

static struct ignore *parse(const char *text)
{
    struct ignore *g;

    CHECK_OK(ignore_parse(test_arena, ".dockerignore", text, strlen(text), &g));
    return g;
}

static const struct match_case {
    const char *patterns; /* lines */
    const char *out;      /* paths that are left out, by blanks */
    const char *in;       /* paths that are not */
} cases[] = {
    {"", NULL, "a a/b"},
    {"a", "a a/b a/b/c", "b ab b/a"},
    {"/a", "a a/b", "b/a"},
    {"a/", "a a/b", "b"},
    {"./a", "a a/b", "b"},
    {"a/./b//c", "a/b/c a/b/c/d", "a a/b"},
    {"a/../b", "b b/c", "a"},
    {"../a", NULL, "a b/a"},
    {"# a\na", "a", "# #a"},
    {"\\#a", "#a", "a"},
    {"  a  ", "a", "b"},
    {"a\r\nb\r\n", "a b", "c"},
    {"\n\n \na", "a", "b"},
    {"\xef\xbb\xbf"
     "a",
     "a", "b"},
    {"*", "a a/b .x", NULL},
    {"*.c", "a.c .c a.c/x", "a.h a/b.c"},
    {"*/*.c", "a/b.c a/b.c/d", "b.c a/b/c.c"},
    {"*/*", "a/b a/b/c", "a"},
    {"a*b", "ab axb", "a/b"},
    {"?", "a b a/x", "ab"},
    {"a?c", "abc aäc", "ac a/c"},
    {"[a-c]x", "ax bx cx/y", "dx"},
    {"[^a-c]x", "dx", "ax"},
    {"[äö]", "ä ö", "ü"},
    {"a\\*b", "a*b", "axb"},
    {"a.b", "a.b", "axb"},
    {"a+b(c)|{d}$^", "a+b(c)|{d}$^", "aab"},
    {"**", "a a/b a/b/c", NULL},
    {"**/a", "a b/a b/c/a b/a/x", "ab b/ab"},
    {"**/*.go", "x.go a/x.go a/b/x.go", "x.gox a"},
    {"a/**", "a/b a/b/c", "a ab"},
    {"a/**/b", "a/b a/x/b a/x/y/b a/b/z", "a ab a/xb"},
    {"**/a/**", "a/x b/a/x b/c/a/x/y", "a b/a"},
    {"a**", "a ab a/b", "b"},
    {"**a", "a xa b/xa", "ab"},
    {"a**b", "ab ax/b a/x/b", "axb"},
    {"**/x/**/y", "x/y a/x/y a/x/b/y", "y x"},
    {"*\n!a", "b b/c", "a a/b"},
    {"a\n!a/b", "a a/c a/bc", "a/b a/b/c"},
    {"!a", NULL, "a b"},
    {"a\n!a\na", "a a/b", "b"},
    {"*.md\n!README*.md\nREADME-secret.md", "x.md README-secret.md", "README.md README-a.md"},
    {"! a\n*", "a b", NULL},
    {"*\n! a", "b", "a"},
    {"**\n!**/*.q", "a.p a/b.p a", "a.q x/y.q"},
    {"node_modules\n!**/keep", "node_modules node_modules/x",
     "node_modules/keep node_modules/a/keep"},
    {"a/b\n!a", NULL, "a/b/c a/b"}, /* what is in a is taken back, too */
};

static void check_paths(const struct ignore *g, const char *patterns, const char *list, bool is_out)
{
    struct strs paths = text_split(test_arena, list ? list : "", ' ');

    for (size_t i = 0; i < paths.n; i++) {
        const char *path = paths.v[i];

        if (ignore_excludes(g, path) != is_out)
            test_fail(__FILE__, __LINE__, "\"%s\": \"%s\" is %s", patterns, path,
                      is_out ? "not left out" : "left out");
    }
}

TEST(ignore_leaves_out)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct ignore *g = parse(cases[i].patterns);

        check_paths(g, cases[i].patterns, cases[i].out, true);
        check_paths(g, cases[i].patterns, cases[i].in, false);
    }
}

static const struct skip_case {
    const char *patterns, *folder;
    bool is_skipped;
} skips[] = {
    {"a", "a", true},
    {"a", "a/b", true},
    {"a", "b", false},
    {"*\n!a/b", "c", true},
    {"*\n!a/b", "a", false},
    {"*\n!a/b", "a/c", true},
    {"*\n!*/b", "a", false},
    {"*\n!*/b", "a/c", true},
    {"*\n!**/b", "a/c/d", false},
    {"*\n!a/*/c", "a/x", false},
    {"*\n!a/*/c", "b/x", true},
    {"a\n!b", "a", true},
    {"a\n!a", "a", false},
    {"a\n!a/b\na/b/c", "a/b/c", true},
    {"a\n!a/b\na/b/c", "a/b", false},
    {"", "a", false},
    {"*", "", false},
};

TEST(ignore_skips_folders)
{
    for (size_t i = 0; i < ARRAY_LEN(skips); i++)
        if (ignore_skips_folder(parse(skips[i].patterns), skips[i].folder) != skips[i].is_skipped)
            test_fail(__FILE__, __LINE__, "\"%s\": \"%s\"", skips[i].patterns, skips[i].folder);
}

static const struct bad_case {
    const char *text, *says;
} bads[] = {
    {"a\n[", ".dockerignore:2: syntax error in pattern: \"[\""},
    {"a\\", "syntax error in pattern: \"a\\\\\""},
    {"[z-", "syntax error in pattern"},
    {"!", ".dockerignore:1: illegal exclusion pattern: \"!\""},
    {"x\n!  ", ".dockerignore:2: illegal exclusion pattern"},
};

TEST(ignore_says_what_is_wrong)
{
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct ignore *g;
        struct err *e =
            ignore_parse(test_arena, ".dockerignore", bads[i].text, strlen(bads[i].text), &g);

        if (!e || !strstr(err_text(e), bads[i].says))
            test_fail(__FILE__, __LINE__, "%s: %s", bads[i].text, e ? err_text(e) : "parsed");
        CHECK_ERR(e, ERR_INVALID);
    }
}

TEST(ignore_has_bounds)
{
    char *text = arena_alloc(test_arena, IGNORE_SIZE_MAX + 2);
    struct ignore *g;

    memset(text, 'a', IGNORE_SIZE_MAX + 1);
    CHECK_ERR(ignore_parse(test_arena, "i", text, IGNORE_SIZE_MAX + 1, &g), ERR_TOO_LARGE);
    CHECK_ERR(ignore_parse(test_arena, "i", text, 5000, &g), ERR_TOO_LARGE);
    for (size_t i = 0; i < 20002; i++)
        text[i] = i % 2 ? '\n' : 'x';
    CHECK_ERR(ignore_parse(test_arena, "i", text, 20002, &g), ERR_TOO_LARGE);
    CHECK_OK(ignore_parse(test_arena, "i", text, 20000, &g));
    CHECK_ERR(ignore_parse(test_arena, "i", "a\0b", 3, &g), ERR_INVALID);
}

TEST(ignore_knows_itself)
{
    struct strs list = {0};
    struct ignore *g;

    CHECK(ignore_has_exceptions(parse("*\n!a")));
    CHECK(!ignore_has_exceptions(parse("*")));
    CHECK(ignore_excludes_root(parse("**/*")));
    CHECK(!ignore_excludes_root(parse("*.c")));
    CHECK_STR(ignore_file_name(test_arena, "build/prod.Dockerfile"),
              "build/prod.Dockerfile.dockerignore");
    strs_add(test_arena, &list, "*.md");
    strs_add(test_arena, &list, "#x");
    CHECK_OK(ignore_from_list(test_arena, &list, &g));
    CHECK(ignore_excludes(g, "a.md") && ignore_excludes(g, "#x") && !ignore_excludes(g, "a"));
}

/* Patterns and paths that make a backtracking matcher take for ever. */
TEST(ignore_does_not_backtrack)
{
    const struct ignore *g = parse("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n**/a/**/a/**/a/**/a/**/b");
    char path[4001];

    memset(path, 'a', 4000);
    path[4000] = '\0';
    CHECK(!ignore_excludes(g, path));
    for (int i = 1; i < 4000; i += 2)
        path[i] = '/';
    CHECK(!ignore_excludes(g, path));
}
