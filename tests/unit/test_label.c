/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* SELinux contexts as text, and what a container gets of them. */
#include "runtime/label.h"

#include <string.h>

#include "test.h"

static const struct label_base base = {.process = "system_u:system_r:container_t:s0",
                                       .file = "system_u:object_r:container_file_t:s0"};

static struct label_options options(const char *text)
{
    struct strs list = text_split(test_arena, text, ' ');
    struct label_options o = {0};

    for (size_t i = 0; i < list.n; i++)
        if (*list.v[i])
            CHECK_OK(label_options_add(&o, list.v[i]));
    return o;
}

static void becomes(const char *asked, const char *process, const char *mount)
{
    struct label_options o = options(asked);
    struct labels l;

    CHECK_OK(labels_plan(test_arena, &base, &o, "s0:c1,c2", &l));
    CHECK_STR(l.process, process);
    CHECK_STR(l.mount, mount);
}

TEST(contexts_are_read_and_written)
{
    static const char *const whole[] = {"u:r:t", "u:r:t:s0", "u:r:t:s0-s0:c0.c1023",
                                        "system_u:system_r:container_t:s0:c1,c2"};
    static const char *const bad[] = {
        "",          "u",       "u:r",        "u:r:",    ":r:t",    "u::t",
        "u:r:t:s 0", "u:r:t\n", "u:r:t:\"s0", "u:r:t=x", "u:r:\\t", "u:r:t:"};
    struct context c;

    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        CHECK_OK(context_parse(test_arena, whole[i], &c));
        CHECK_STR(context_text(test_arena, &c), whole[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(context_parse(test_arena, bad[i], &c), ERR_INVALID);
    CHECK_OK(context_parse(test_arena, "u:r:t:s0:c1", &c));
    CHECK_STR(c.level, "s0:c1");
}

TEST(a_context_fits_into_a_mount_option)
{
    struct label_options o = {0};
    struct context c;
    struct labels l;
    char type[300], text[300] = "u:r:";

    memset(type, 'x', sizeof(type));
    memcpy(text + 4, type, CONTEXT_MAX - 4);
    text[CONTEXT_MAX] = '\0';
    CHECK_OK(context_parse(test_arena, text, &c));
    text[CONTEXT_MAX] = 'x';
    text[CONTEXT_MAX + 1] = '\0';
    CHECK_ERR(context_parse(test_arena, text, &c), ERR_INVALID);
    type[CONTEXT_MAX] = '\0';
    o.type = type;
    CHECK_ERR(labels_plan(test_arena, &base, &o, "s0:c1,c2", &l), ERR_INVALID);
    o = (struct label_options){.filetype = type};
    CHECK_ERR(labels_plan(test_arena, &base, &o, "s0:c1,c2", &l), ERR_INVALID);
}

TEST(lxc_contexts_are_found_among_others)
{
    struct label_base b;

    CHECK_OK(label_base_parse(test_arena,
                              "# process = \"no:no:no\"\n\n"
                              "process = \"system_u:system_r:container_t:s0\"\n"
                              "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
                              "  file= \"system_u:object_r:container_file_t:s0\" \n"
                              "ro_file = \"system_u:object_r:container_ro_file_t:s0\"\n"
                              "sandbox_lxc_process = \"a:b:c:s0\"\n",
                              &b));
    CHECK_STR(b.process, "system_u:system_r:container_t:s0");
    CHECK_STR(b.file, "system_u:object_r:container_file_t:s0");
    CHECK_STR(b.layer, "system_u:object_r:container_ro_file_t:s0");
    CHECK_OK(label_base_parse(test_arena, "process = a:b:c\nfile = d:e:f", &b));
    CHECK_STR(b.file, "d:e:f");
    CHECK_STR(b.layer, "d:e:f");
    CHECK_ERR(label_base_parse(test_arena, "process = \"a:b:c\"\n", &b), ERR_INVALID);
    CHECK_ERR(label_base_parse(test_arena, "", &b), ERR_INVALID);
    CHECK_ERR(label_base_parse(test_arena, "process = \"a:b\"\nfile = \"a:b:c\"", &b), ERR_INVALID);
}

TEST(options_are_dockers)
{
    static const char *const bad[] = {
        "",         "disabled",  "type:",    "type",       "nosuch:x", "type:a b",
        "type:a:b", "level:s0:", "user:a\"", "level:s0\n", "Type:x"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct label_options o = {0};

        CHECK_ERR(label_options_add(&o, bad[i]), ERR_INVALID);
        CHECK(!o.is_given);
    }
    CHECK(!options("").is_given);
    CHECK(options("disable").is_disabled);
    CHECK(options("type:x").is_given && !options("type:x").is_disabled);
}

TEST(a_container_gets_what_it_asks_for)
{
    becomes("", "system_u:system_r:container_t:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2");
    becomes("type:svirt_t", "system_u:system_r:svirt_t:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2");
    becomes("role:r2", "system_u:r2:container_t:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2");
    becomes("user:u2", "u2:system_r:container_t:s0:c1,c2", "u2:object_r:container_file_t:s0:c1,c2");
    becomes("filetype:f", "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:f:s0:c1,c2");
    becomes("level:s0:c9,c10 type:t", "system_u:system_r:t:s0:c9,c10",
            "system_u:object_r:container_file_t:s0:c9,c10");
    becomes("type:a type:b", "system_u:system_r:b:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2");
    becomes("type:a disable", "", "system_u:object_r:container_file_t:s0:c1022,c1023");
    CHECK_STR(label_shared(test_arena, "u:object_r:t:s0:c1,c2"), "u:object_r:t:s0");
    CHECK_STR(label_shared(test_arena, "u:object_r:t"), "u:object_r:t");
}

TEST(a_container_gets_what_the_one_has_that_it_joins)
{
    struct label_options o;
    struct labels l;

    CHECK_OK(label_options_of(test_arena, "u:r:t:s0:c5,c6", &o));
    CHECK_OK(labels_plan(test_arena, &base, &o, o.level, &l));
    CHECK_STR(l.process, "u:r:t:s0:c5,c6");
    CHECK_STR(l.mount, "u:object_r:container_file_t:s0:c5,c6");
    CHECK_OK(label_options_of(test_arena, "", &o));
    CHECK(!o.is_given && !o.is_disabled);
    CHECK_OK(label_options_of(test_arena, NULL, &o));
    CHECK(!o.is_given);
}

/* Without MCS there is no level to give. */
TEST(a_policy_may_have_no_levels)
{
    static const struct label_base plain = {.process = "u:r:container_t",
                                            .file = "u:object_r:container_file_t"};
    struct label_options none = {0}, off = {.is_disabled = true};
    struct labels l;

    CHECK_OK(labels_plan(test_arena, &plain, &none, NULL, &l));
    CHECK_STR(l.process, "u:r:container_t");
    CHECK_STR(l.mount, "u:object_r:container_file_t");
    CHECK_OK(labels_plan(test_arena, &plain, &off, NULL, &l));
    CHECK_STR(l.mount, "u:object_r:container_file_t");
}

TEST(pairs_of_categories)
{
    static const char *const others[] = {"",
                                         "s0",
                                         "s0:c1",
                                         "s0:c1,c1",
                                         "s0:c1,c",
                                         "s0:c1,c1024",
                                         "s0:c1,c2,c3",
                                         "s1:c1,c2",
                                         "s0:c1.c2",
                                         "s0:c-1,c2",
                                         "s0:c1,c2-s0",
                                         "s0: c1,c2",
                                         "s0:c1,c99999999999999999999"};
    unsigned low, high;

    CHECK(mcs_parse("s0:c1,c2", &low, &high) && low == 1 && high == 2);
    CHECK(mcs_parse("s0:c1023,c0", &low, &high) && low == 0 && high == 1023);
    CHECK(!mcs_parse(NULL, &low, &high));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (mcs_parse(others[i], &low, &high))
            test_fail(__FILE__, __LINE__, "\"%s\" is no pair", others[i]);
    CHECK_STR(mcs_text(test_arena, 0, 1023), "s0:c0,c1023");
}
