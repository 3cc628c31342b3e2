/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks on messages of the engine. Whatever passes here can be acted on without looking
 * at a length again. A malformed message costs the engine its connection, never the keeper.
 */
#include "message.h"

#include "wire/land.h"
#include "wire/program.h"

#include <linux/sched.h>
#include <string.h>

#define NAMESPACE_FLAGS                                                                            \
    (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |     \
     CLONE_NEWCGROUP | CLONE_NEWTIME | CLONE_INTO_CGROUP)

static bool is_id(const char id[KEEPER_ID_MAX])
{
    return id[0] && memchr(id, 0, KEEPER_ID_MAX);
}

static const char *check_roles(const uint8_t *roles, uint32_t n)
{
    uint32_t seen = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (roles[i] == ROLE_NONE || roles[i] >= ROLE_COUNT)
            return "unknown role";
        if (seen & 1u << roles[i])
            return "role occurs twice";
        seen |= 1u << roles[i];
    }
    return NULL;
}

static const char *check_spawn(const struct keeper_spawn *m, size_t n_fds, bool has_all_fds)
{
    if (!is_id(m->id))
        return "bad id";
    if (m->n_fds > PROGRAM_FDS_MAX || m->n_holds > KEEPER_HOLDS_MAX)
        return "too many descriptors";
    if (has_all_fds && n_fds != 1u + m->n_fds + m->n_holds)
        return "wrong number of descriptors";
    if (m->cgroup_fd < -1 || (m->cgroup_fd >= 0 && (uint32_t)m->cgroup_fd >= m->n_fds))
        return "cgroup descriptor out of range";
    if (m->clone_flags & ~(uint64_t)NAMESPACE_FLAGS || m->flags & ~(uint32_t)KS_EXEC)
        return "unknown flags";
    return check_roles(m->roles, m->n_holds);
}

/* What it was to hold may be lost for want of descriptors: then nothing is held. */
static const char *check_hold(const struct keeper_ref *m, size_t n_fds, bool has_all_fds)
{
    if (!is_id(m->id))
        return "bad id";
    if (m->role >= ROLE_COUNT)
        return "unknown role";
    return (!has_all_fds || n_fds) && n_fds <= KEEPER_HOLDS_MAX ? NULL
                                                                : "wrong number of descriptors";
}

static const char *check_ref(const struct keeper_ref *m, size_t n_fds)
{
    if (!is_id(m->id))
        return "bad id";
    if (m->role >= ROLE_COUNT)
        return "unknown role";
    return n_fds ? "unexpected descriptors" : NULL;
}

static const char *check_adopt(const struct keeper_entry *m, size_t n_fds)
{
    if (!is_id(m->id) || m->pid <= 0)
        return "bad id";
    if (m->n_holds > KEEPER_HOLDS_MAX || n_fds != 1u + m->n_holds)
        return "wrong number of descriptors";
    return check_roles(m->roles, m->n_holds);
}

static const char *check_upgrade(const struct keeper_upgrade *m, size_t n_fds)
{
    if (!memchr(m->build, 0, sizeof(m->build)))
        return "bad build";
    return n_fds == 1 ? NULL : "wrong number of descriptors";
}

static size_t size_of(uint32_t type)
{
    switch (type) {
    case KM_HELLO:
        return sizeof(struct keeper_hello);
    case KM_SPAWN:
        return sizeof(struct keeper_spawn);
    case KM_ACK:
    case KM_CLOSE:
    case KM_HOLD:
    case KM_UNHOLD:
    case KM_ATTACHED:
    case KM_CANCEL:
        return sizeof(struct keeper_ref);
    case KM_LAND:
        return sizeof(struct keeper_head);
    case KM_UPGRADE:
        return sizeof(struct keeper_upgrade);
    case KM_ADOPT:
        return sizeof(struct keeper_entry);
    default:
        return 0;
    }
}

const char *message_check(const void *bytes, size_t size, size_t n_fds, bool has_all_fds)
{
    const struct keeper_head *head = bytes;

    if (size < sizeof(*head) || head->size != size)
        return "size does not match";
    if (!size_of(head->type))
        return "unknown type";
    if (size != size_of(head->type))
        return "size is not that of its type";
    if (head->type == KM_SPAWN)
        return check_spawn(bytes, n_fds, has_all_fds);
    if (head->type == KM_HOLD)
        return check_hold(bytes, n_fds, has_all_fds);
    if (!has_all_fds)
        return "descriptors were lost";
    if (head->type == KM_UPGRADE)
        return check_upgrade(bytes, n_fds);
    if (head->type == KM_ADOPT)
        return check_adopt(bytes, n_fds);
    if (head->type == KM_HELLO)
        return n_fds ? "unexpected descriptors" : NULL;
    if (head->type == KM_LAND)
        return n_fds == LAND_FDS ? NULL : "wrong number of descriptors";
    return check_ref(bytes, n_fds);
}
