/* SPDX-License-Identifier: Apache-2.0 */
/* links: keeper_message base */
/* What the keeper takes from an engine. */
#include "test.h"

#include "message.h"

#include <sched.h>

static const char *verdict(const void *m, size_t size, size_t n_fds)
{
    const char *wrong = message_check(m, size, n_fds, true);

    return wrong ? wrong : "good";
}

TEST(keeper_message_heads)
{
    struct keeper_hello m = {.head = {.type = KM_HELLO, .size = sizeof(m)}};

    CHECK_STR(verdict(&m, sizeof(m), 0), "good");
    CHECK_STR(verdict(&m, sizeof(m), 1), "unexpected descriptors");
    CHECK_STR(verdict(&m, sizeof(m) - 1, 0), "size does not match");
    CHECK_STR(verdict(&m, 3, 0), "size does not match");
    m.head.type = KM_WELCOME;
    CHECK_STR(verdict(&m, sizeof(m), 0), "unknown type");
    m.head.type = KM_ACK;
    CHECK_STR(verdict(&m, sizeof(m), 0), "size is not that of its type");
}

TEST(keeper_message_holds_may_have_lost_descriptors)
{
    struct keeper_ref m = {.head = {.type = KM_HOLD, .size = sizeof(m)}, .id = "ports/c/0"};

    CHECK_STR(verdict(&m, sizeof(m), 1), "good");
    CHECK_STR(verdict(&m, sizeof(m), 0), "wrong number of descriptors");
    CHECK_STR(verdict(&m, sizeof(m), KEEPER_HOLDS_MAX + 1), "wrong number of descriptors");
    CHECK(!message_check(&m, sizeof(m), 0, false));
    CHECK(!message_check(&m, sizeof(m), 1, false));
    m.head.type = KM_UNHOLD;
    CHECK_STR(verdict(&m, sizeof(m), 1), "unexpected descriptors");
    CHECK_STR(message_check(&m, sizeof(m), 0, false), "descriptors were lost");
}

TEST(keeper_message_spawns)
{
    struct keeper_spawn m = {.head = {.type = KM_SPAWN, .size = sizeof(m)},
                             .clone_flags = CLONE_NEWNS,
                             .cgroup_fd = -1,
                             .n_fds = 2,
                             .n_holds = 1,
                             .roles = {ROLE_PTY},
                             .id = "c"};

    CHECK_STR(verdict(&m, sizeof(m), 4), "good");
    CHECK_STR(verdict(&m, sizeof(m), 5), "wrong number of descriptors");
    CHECK(!message_check(&m, sizeof(m), 1, false));
    m.cgroup_fd = 2;
    CHECK_STR(verdict(&m, sizeof(m), 4), "cgroup descriptor out of range");
    m.cgroup_fd = 1;
    CHECK_STR(verdict(&m, sizeof(m), 4), "good");
    m.n_holds = 2;
    m.roles[1] = ROLE_PTY;
    CHECK_STR(verdict(&m, sizeof(m), 5), "role occurs twice");
    m.roles[1] = 99;
    CHECK_STR(verdict(&m, sizeof(m), 5), "unknown role");
    m.n_holds = KEEPER_HOLDS_MAX + 1;
    CHECK_STR(verdict(&m, sizeof(m), 12), "too many descriptors");
    m.n_holds = 0;
    m.clone_flags = CLONE_VM;
    CHECK_STR(verdict(&m, sizeof(m), 3), "unknown flags");
    memset(m.id, 'a', sizeof(m.id));
    CHECK_STR(verdict(&m, sizeof(m), 3), "bad id");
}

TEST(keeper_message_references)
{
    struct keeper_ref m = {.head = {.type = KM_CLOSE, .size = sizeof(m)}, .id = "c"};

    CHECK_STR(verdict(&m, sizeof(m), 0), "good");
    CHECK_STR(verdict(&m, sizeof(m), 1), "unexpected descriptors");
    m.head.type = KM_CANCEL;
    CHECK_STR(verdict(&m, sizeof(m), 0), "good");
    CHECK_STR(verdict(&m, sizeof(m), 1), "unexpected descriptors");
    m.head.type = KM_HOLD;
    CHECK_STR(verdict(&m, sizeof(m), 0), "wrong number of descriptors");
    CHECK_STR(verdict(&m, sizeof(m), KEEPER_HOLDS_MAX), "good");
    CHECK_STR(verdict(&m, sizeof(m), KEEPER_HOLDS_MAX + 1), "wrong number of descriptors");
    m.role = 77;
    CHECK_STR(verdict(&m, sizeof(m), 1), "unknown role");
    m.id[0] = 0;
    CHECK_STR(verdict(&m, sizeof(m), 1), "bad id");
}

TEST(keeper_message_adoptions)
{
    struct keeper_entry m = {.head = {.type = KM_ADOPT, .size = sizeof(m)},
                             .pid = 7,
                             .n_holds = 2,
                             .roles = {ROLE_STDOUT, ROLE_STDERR},
                             .id = "c"};

    CHECK_STR(verdict(&m, sizeof(m), 3), "good");
    CHECK_STR(verdict(&m, sizeof(m), 2), "wrong number of descriptors");
    m.roles[1] = ROLE_STDOUT;
    CHECK_STR(verdict(&m, sizeof(m), 3), "role occurs twice");
    m.n_holds = KEEPER_HOLDS_MAX + 1;
    CHECK_STR(verdict(&m, sizeof(m), KEEPER_HOLDS_MAX + 2), "wrong number of descriptors");
    m.n_holds = 0;
    CHECK_STR(verdict(&m, sizeof(m), 1), "good");
    m.pid = 0;
    CHECK_STR(verdict(&m, sizeof(m), 1), "bad id");
}

TEST(keeper_message_upgrades)
{
    struct keeper_upgrade m = {.head = {.type = KM_UPGRADE, .size = sizeof(m)}, .build = "1"};

    CHECK_STR(verdict(&m, sizeof(m), 1), "good");
    CHECK_STR(verdict(&m, sizeof(m), 0), "wrong number of descriptors");
    CHECK_STR(message_check(&m, sizeof(m), 1, false), "descriptors were lost");
    memset(m.build, 'a', sizeof(m.build));
    CHECK_STR(verdict(&m, sizeof(m), 1), "bad build");
}
