/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability names and the set a container gets. Pure, except caps_held, which asks
 * the kernel what this process holds. Any thread.
 *
 * "Everything" (privileged, ALL) means everything the engine itself holds: a host may
 * have taken a capability away from it, and asking for more fails in the child with
 * an opaque EPERM. A capability asked for by name that is not held is refused here.
 */
#include "caps.h"

#include <pthread.h>
#include <string.h>
#include <sys/capability.h>

static const char *const names[CAPS_COUNT] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const char *const default_names[] = {
    "CHOWN",  "DAC_OVERRIDE", "FSETID",  "FOWNER",           "MKNOD",      "NET_RAW", "SETGID",
    "SETUID", "SETFCAP",      "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL",    "AUDIT_WRITE",
};

int caps_number(const char *name)
{
    if (strncasecmp(name, "CAP_", 4) == 0)
        name += 4;
    for (int i = 0; i < CAPS_COUNT; i++)
        if (strcasecmp(names[i] + 4, name) == 0)
            return i;
    return -1;
}

const char *caps_name(int number)
{
    ASSERT(number >= 0 && number < CAPS_COUNT);
    return names[number] + strlen("CAP_");
}

uint64_t caps_known(void)
{
    return CAPS_BIT(CAPS_COUNT) - 1;
}

/* Docker's default set. */
uint64_t caps_default(void)
{
    uint64_t set = 0;

    for (size_t i = 0; i < ARRAY_LEN(default_names); i++) {
        int number = caps_number(default_names[i]);

        ASSERT(number >= 0);
        set |= CAPS_BIT(number);
    }
    return set;
}

static pthread_once_t held_once = PTHREAD_ONCE_INIT;
static uint64_t own_held; /* a constant of the process; asking takes 43 system calls */

static void ask_held(void)
{
    cap_t own = cap_get_proc();

    for (int i = 0; own && i < CAPS_COUNT; i++) {
        cap_flag_value_t is_permitted = CAP_CLEAR;

        if (cap_get_flag(own, i, CAP_PERMITTED, &is_permitted) == 0 && is_permitted == CAP_SET &&
            cap_get_bound(i) == 1)
            own_held |= CAPS_BIT(i);
    }
    cap_free(own);
}

/* Permitted and in the bounding set: what is not in the latter is lost by execve
 * (capabilities(7)). */
uint64_t caps_held(void)
{
    pthread_once(&held_once, ask_held);
    return own_held;
}

/* Docker shows names in their full upper-case form. */
static char *full_name(struct arena *a, const char *name)
{
    char *full = arena_printf(a, "%s%s", strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);

    for (char *p = full; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p -= 'a' - 'A';
    return full;
}

static struct err *parse_list(struct arena *a, const struct strs *list, const char *field,
                              uint64_t *out, bool *out_all)
{
    for (size_t i = 0; list && i < list->n; i++) {
        int number = caps_number(list->v[i]);

        if (strcasecmp(list->v[i], "ALL") == 0 || strcasecmp(list->v[i], "CAP_ALL") == 0) {
            *out_all = true;
            continue;
        }
        if (number < 0)
            return err_new(ERR_INVALID, "invalid %s: unknown capability: \"%s\"", field,
                           full_name(a, list->v[i]));
        *out |= CAPS_BIT(number);
    }
    return NULL;
}

static struct err *require_held(uint64_t asked, uint64_t held)
{
    for (int i = 0; i < CAPS_COUNT; i++)
        if ((asked & ~held) & CAPS_BIT(i))
            return err_new(ERR_INVALID,
                           "invalid CapAdd: capability not supported by your kernel or not "
                           "available in the current environment: \"%s\"",
                           names[i]);
    return NULL;
}

struct err *caps_plan(struct arena *a, const struct caps_request *r, uint64_t *out)
{
    uint64_t add = 0, drop = 0, base;
    bool adds_all = false, drops_all = false;

    TRY(parse_list(a, r->add, "CapAdd", &add, &adds_all));
    TRY(parse_list(a, r->drop, "CapDrop", &drop, &drops_all));
    if (r->is_privileged) { /* Docker ignores both lists then */
        *out = r->held & caps_known();
        return NULL;
    }
    TRY(require_held(add, r->held));
    if (adds_all)
        base = r->held & caps_known() & ~drop;
    else
        base = (drops_all ? 0 : caps_default() & ~drop) | add;
    *out = base & r->held;
    return NULL;
}
