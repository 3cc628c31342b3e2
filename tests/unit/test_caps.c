/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Capability names and sets. */
#include "caps.h"

#include "test.h"

static struct strs list_of(const char *text)
{
    return text_split(test_arena, text, ' ');
}

static uint64_t plan(const char *add, const char *drop, bool is_privileged, uint64_t held)
{
    struct strs adds = list_of(add), drops = list_of(drop);
    struct caps_request r = {&adds, &drops, is_privileged, held};
    uint64_t set = 0;

    CHECK_OK(caps_plan(test_arena, &r, &set));
    return set;
}

static struct err *refuse(const char *add, const char *drop, uint64_t held)
{
    struct strs adds = list_of(add), drops = list_of(drop);
    struct caps_request r = {&adds, &drops, false, held};
    uint64_t set;

    return caps_plan(test_arena, &r, &set);
}

TEST(caps_default_is_dockers_mask)
{
    CHECK(caps_default() == 0xa80425fbULL);
    CHECK(plan("", "", false, caps_known()) == 0xa80425fbULL);
}

TEST(caps_names_are_loose)
{
    CHECK_INT(caps_number("net_admin"), 12);
    CHECK_INT(caps_number("CAP_NET_ADMIN"), 12);
    CHECK_INT(caps_number("cap_Checkpoint_Restore"), 40);
    CHECK_INT(caps_number("NET"), -1);
    CHECK_INT(caps_number(""), -1);
    CHECK_INT(caps_number("CAP_SYS_ADMIN"), 21);
}

TEST(caps_add_and_drop)
{
    CHECK(plan("SYS_TIME", "chown", false, caps_known()) ==
          ((0xa80425fbULL & ~CAPS_BIT(0)) | CAPS_BIT(25)));
    CHECK(plan("NET_BIND_SERVICE", "ALL", false, caps_known()) == CAPS_BIT(10));
    CHECK(plan("", "all", false, caps_known()) == 0);
    CHECK(plan("ALL", "SYS_ADMIN", false, caps_known()) == (caps_known() & ~CAPS_BIT(21)));
    CHECK(plan("ALL", "", false, caps_known() & ~CAPS_BIT(24)) == (caps_known() & ~CAPS_BIT(24)));
}

TEST(caps_never_more_than_held)
{
    uint64_t held = caps_known() & ~CAPS_BIT(24) & ~CAPS_BIT(27); /* no SYS_RESOURCE, no MKNOD */

    CHECK(plan("", "", true, held) == held);
    CHECK(plan("", "ALL", true, held) == held);
    CHECK(plan("", "", false, held) == (0xa80425fbULL & ~CAPS_BIT(27)));
    CHECK_ERR(refuse("SYS_RESOURCE", "", held), ERR_INVALID);
}

TEST(caps_refuses_in_dockers_words)
{
    struct err *e = refuse("bogus", "", caps_known());

    CHECK_STR(err_text(e), "invalid CapAdd: unknown capability: \"CAP_BOGUS\"");
    err_drop(e);
    e = refuse("", "CAP_nope", caps_known());
    CHECK_STR(err_text(e), "invalid CapDrop: unknown capability: \"CAP_NOPE\"");
    err_drop(e);
    e = refuse("sys_time", "", 1);
    CHECK_STR(err_text(e), "invalid CapAdd: capability not supported by your kernel or not "
                           "available in the current environment: \"CAP_SYS_TIME\"");
    err_drop(e);
}
