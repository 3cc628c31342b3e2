/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* AppArmor profiles and SELinux labels of a container. */
#include "runtime/lsm.h"

#include "base/text.h"

#include "test.h"

static const struct lsm none, labelled = {.is_selinux_on = true, .sets_labels = true},
                              bare = {.has_apparmor = true},
                              full = {.has_apparmor = true, .profile = "berth-default"};

static struct host_config with(const char *options, bool is_privileged)
{
    return (struct host_config){.security_opt = text_split(test_arena, options, ' '),
                                .privileged = is_privileged};
}

static const char *profile(const struct lsm *l, const char *options, bool is_privileged)
{
    struct host_config h = with(options, is_privileged);

    return lsm_profile(test_arena, l, &h);
}

static void says(const struct lsm *l, const char *options, const char *text)
{
    struct host_config h = with(options, false);
    struct err *e = lsm_check(test_arena, l, &h);

    if (!text) {
        CHECK_OK(e);
        return;
    }
    CHECK(e && err_kind(e) == ERR_INVALID);
    if (!strstr(err_text(e), text))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", err_text(e), text);
    err_drop(e);
}

TEST(lsm_profile_is_dockers_choice)
{
    CHECK_STR(profile(&none, "", false), "");
    CHECK_STR(profile(&bare, "", false), "unconfined");
    CHECK_STR(profile(&full, "", false), "berth-default");
    CHECK_STR(profile(&full, "", true), "unconfined");
    CHECK_STR(profile(&full, "apparmor=mine", true), "mine");
    CHECK_STR(profile(&full, "apparmor:mine apparmor=other", false), "other");
    CHECK_STR(profile(&full, "apparmor=unconfined", false), "unconfined");
    CHECK_STR(profile(&full, "apparmor=", false), "berth-default");
    CHECK_STR(profile(&bare, "apparmor=mine", false), "mine");
}

/* The kernel skips blanks and looks namespaces up. */
TEST(lsm_knows_unconfined_by_one_name)
{
    static const char *const names[] = {" unconfined", "unconfined ", "unconfined\n",
                                        ":root:unconfined", ":root://unconfined"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct host_config h = {0};
        struct err *e;

        strs_add(test_arena, &h.security_opt, arena_printf(test_arena, "apparmor=%s", names[i]));
        e = lsm_check(test_arena, &full, &h);
        CHECK(e && err_kind(e) == ERR_INVALID);
        err_drop(e);
    }
    says(&full, "apparmor=:space:mine", NULL);
}

TEST(lsm_refuses_what_the_kernel_has_not)
{
    says(&none, "apparmor=mine", "AppArmor is not supported on this host, but the profile 'mine'");
    says(&none, "apparmor=unconfined", NULL);
    says(&bare, "apparmor=mine", NULL);
    says(&full, "label=disable", NULL);
    says(&labelled, "label=type:svirt_t label=level:s0:c1,c2", NULL);
    says(&labelled, "label=type:", "bad label option");
    says(&full, "disable", NULL);
    says(&full, "label=type:svirt_t", "does not set SELinux labels");
    says(&full, "label:level:s0:c1,c2", "label=level:s0:c1,c2");
    says(&full, "label=type:", "bad label option \"type:\"");
    says(&full, "label=nosuch:x", "bad label option");
    says(&full, "label=", "bad label option \"\"");
}

TEST(lsm_default_text_names_who_may_signal)
{
    char *text = lsm_default_text(test_arena, "/usr/sbin/berthd");

    CHECK(strstr(text, "signal (receive) peer=/usr/sbin/berthd,\n"));
    CHECK(text_starts(text, "profile berth-default "));
    CHECK(strstr(text, "deny /proc/sysrq-trigger rwklx,\n"));
    CHECK(strstr(text, "deny mount,\n"));
}
