/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli tar base */
/* docker cp's rules: which name goes where. */
#include "test.h"

#include "base/fd.h"

#include "copy_rules.h"

TEST(arguments_are_told_apart)
{
    const char *container, *path;

    CHECK(copy_split(test_arena, "c:/a:b", &container, &path));
    CHECK_STR(container, "c");
    CHECK_STR(path, "/a:b");
    CHECK(!copy_split(test_arena, "/c:/a", &container, &path));
    CHECK(!copy_split(test_arena, "./c:/a", &container, &path));
    CHECK(!copy_split(test_arena, "plain", &container, &path));
    CHECK(!copy_split(test_arena, ":x", &container, &path));
    CHECK(!copy_split(test_arena, "-", &container, &path));
}

TEST(names)
{
    CHECK_STR(copy_name(test_arena, "/a/b"), "b");
    CHECK_STR(copy_name(test_arena, "/a/b/"), "b");
    CHECK_STR(copy_name(test_arena, "/a/b/."), ".");
    CHECK_STR(copy_name(test_arena, "/a/.."), ".");
    CHECK_STR(copy_name(test_arena, "/"), ".");
    CHECK(path_means_directory("a/") && path_means_directory("a/.") && path_means_directory("."));
    CHECK(!path_means_directory("a") && !path_means_directory("a.") &&
          !path_means_directory("a/.."));
}

TEST(every_combination)
{
    static const struct {
        const char *source;
        bool source_is_dir;
        struct copy_end to;
        const char *dir, *name; /* NULL: refused */
    } cases[] = {
        {"f", false, {"/d", true, true}, "/d", "f"},
        {"f", false, {"/d/", true, true}, "/d/", "f"},
        {"f", false, {"/d/g", true, false}, "/d", "g"},
        {"f", false, {"/d/g", false, false}, "/d", "g"},
        {"f", false, {"/g", false, false}, "/", "g"},
        {"f", false, {"/d/g/", false, false}, NULL, NULL},
        {"f", false, {"/d/g/.", false, false}, NULL, NULL},
        {"f", false, {"/d/g/", true, false}, NULL, NULL},
        {"s", true, {"/d", true, true}, "/d", "s"},
        {"s", true, {"/d/g", true, false}, NULL, NULL},
        {"s", true, {"/d/g", false, false}, "/d", "g"},
        {"s", true, {"/d/g/", false, false}, "/d", "g"},
        {".", true, {"/d", true, true}, "/d", "."},
        {".", true, {"/d/g", false, false}, "/d", "g"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *dir, *name;
        struct err *e = copy_place(test_arena, cases[i].source, cases[i].source_is_dir,
                                   &cases[i].to, &dir, &name);

        CHECK((e != NULL) == (cases[i].dir == NULL));
        if (!e) {
            CHECK_STR(dir, cases[i].dir);
            CHECK_STR(name, cases[i].name);
        }
        err_drop(e);
    }
}
