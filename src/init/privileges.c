/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, user, no_new_privs, seccomp. Sets are never widened: what the keeper itself
 * lacks is left out rather than refused. Trap: a seccomp filter applies to this very code, so
 * everything P_EXEC needs is done before it is loaded, where the records' order allows.
 */
#include "init.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int do_caps(struct init *t)
{
    PROMISED(t->op->size >= sizeof(*t->op) + sizeof(t->caps));
    memcpy(&t->caps, t->op->data, sizeof(t->caps));
    for (unsigned cap = 0; cap < 64; cap++) {
        int sys;

        if ((t->caps.bounding >> cap & 1) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
            continue;
        sys = errno;
        if (sys == EINVAL)
            break;                                /* above the kernel's last capability */
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) /* else: without CAP_SETPCAP, but not there */
            return sys;
    }
    return 0;
}

static int get_permitted(uint64_t *out)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data))
        return errno;
    *out = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    return 0;
}

static int set_caps(const struct program_caps *c)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(c->effective >> 32 * i);
        data[i].permitted = (uint32_t)(c->permitted >> 32 * i);
        data[i].inheritable = (uint32_t)(c->inheritable >> 32 * i);
    }
    return syscall(SYS_capset, &head, data) ? errno : 0;
}

/* Ambient capabilities survive the execve of a program without file capabilities
 * (capabilities(7)). */
static int set_ambient(uint64_t ambient)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        return errno;
    for (unsigned cap = 0; cap < 64; cap++)
        if ((ambient >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
            return errno;
    return 0;
}

static int set_ids(const struct program_op *op)
{
    const gid_t *groups = (const void *)op->data;
    uid_t uid = op->a;
    gid_t gid = (gid_t)op->b;

    PROMISED(op->size >= sizeof(*op) + op->c * sizeof(uint32_t));
    if (setgroups((size_t)op->c, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        return errno;
    return 0;
}

static bool has_caps_before(const struct init *t)
{
    const struct program_op *op = (const void *)(t->program + 1);

    for (; op != t->op; op = (const void *)((const char *)op + op->size))
        if (op->code == P_CAPS)
            return true;
    return false;
}

/* Capabilities would be lost with uid 0 but for PR_SET_KEEPCAPS (capabilities(7)); they are set
 * afterwards, cut to what the keeper itself has. */
int do_user(struct init *t)
{
    struct program_caps c = t->caps;
    bool has_caps = has_caps_before(t);
    uint64_t permitted = 0;
    int sys;

    if (has_caps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        return errno;
    sys = set_ids(t->op);
    if (sys || !has_caps)
        return sys;
    sys = get_permitted(&permitted);
    if (sys)
        return sys;
    c.permitted &= permitted;
    c.effective &= c.permitted;
    c.inheritable &= c.permitted;
    c.ambient &= c.inheritable;
    sys = set_caps(&c);
    if (!sys)
        sys = set_ambient(c.ambient);
    if (!sys && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
        sys = errno;
    return sys;
}

int do_no_new_privs(struct init *t)
{
    (void)t;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? errno : 0;
}

/* The compiled filter, as the kernel wants it: at most BPF_MAXINSNS instructions (seccomp(2)). */
int filter_read(struct init *t, int fd)
{
    struct stat st;
    void *p;
    size_t size;

    if (fstat(fd, &st))
        return errno;
    size = (size_t)st.st_size;
    if (st.st_size <= 0 || size % sizeof(struct sock_filter) ||
        size / sizeof(struct sock_filter) > BPF_MAXINSNS)
        return EINVAL;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return errno;
    if (pread(fd, p, size, 0) != (ssize_t)size) {
        munmap(p, size);
        return EIO;
    }
    t->filter = (struct init_filter){p, (unsigned short)(size / sizeof(struct sock_filter))};
    return 0;
}

int do_seccomp(struct init *t)
{
    struct sock_fprog filter;
    int sys = t->filter.p ? 0 : filter_read(t, init_fd(t));

    if (!sys && exec_is_all_that_follows(t))
        sys = exec_prepare(t);
    if (sys)
        return sys;
    filter = (struct sock_fprog){.len = t->filter.n, .filter = t->filter.p};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, t->op->a, &filter) ? errno : 0;
}
