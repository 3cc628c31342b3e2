/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records about who and where the process is: cgroups, namespaces, names, limits, terminal,
 * standard descriptors, working directory. Each function is one system call or two.
 */
#include "init.h"

#include "base/own_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* "0" is the writer itself (cgroups(7)): no pid of another namespace has to be known. */
int do_cgroup(struct init *t)
{
    return write(init_fd(t), "0", 1) == 1 ? 0 : errno;
}

/* Who enters a user namespace has every capability in it, but is still nobody of it (setns(2)):
 * what it made would have no owner there. */
static int become_root(void)
{
    if (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0))
        return errno;
    return 0;
}

/* After a mount namespace was entered "/" is another directory. */
int do_setns(struct init *t)
{
    int sys;

    if (setns(init_fd(t), (int)t->op->a))
        return errno;
    if (t->op->a & CLONE_NEWUSER) {
        sys = become_root();
        if (sys)
            return sys;
    }
    if (!t->has_root && t->root >= 0) { /* it was of the namespace we have left */
        close(t->root);
        t->root = -1;
    }
    return 0;
}

int do_unshare(struct init *t)
{
    return unshare((int)t->op->a) ? errno : 0;
}

int do_hostname(struct init *t)
{
    init_blame(t, t->op->data);
    return sethostname(t->op->data, strlen(t->op->data)) ? errno : 0;
}

int do_domainname(struct init *t)
{
    init_blame(t, t->op->data);
    return setdomainname(t->op->data, strlen(t->op->data)) ? errno : 0;
}

int do_sysctl(struct init *t)
{
    const char *name = t->op->data;
    char path[300] = "sys/";

    init_blame(t, name);
    if (strlen(name) + 5 > sizeof(path))
        return ENAMETOOLONG;
    memcpy(path + 4, name, strlen(name) + 1);
    return procfs_write(t, path, op_next(name));
}

/* time_namespaces(7): unshare(2) is for children, and the offsets can be written until somebody is
 * in there. */
int do_timens(struct init *t)
{
    int fd, sys;

    if (unshare(CLONE_NEWTIME))
        return errno;
    sys = procfs_write(t, "self/timens_offsets", t->op->data);
    if (sys)
        return sys;
    fd = procfs_open_own(t, "self/ns/time_for_children");
    if (fd < 0)
        return errno;
    sys = setns(fd, CLONE_NEWTIME) ? errno : 0;
    close(fd);
    return sys;
}

int do_rlimit(struct init *t)
{
    struct rlimit limit = {.rlim_cur = t->op->b, .rlim_max = t->op->c}, now;

    if (t->op->flags & PF_RAISE) {
        if (prlimit(0, (int)t->op->a, NULL, &now))
            return errno;
        if (now.rlim_max >= limit.rlim_max)
            return 0;
        limit.rlim_cur = now.rlim_cur;
    }
    return prlimit(0, (int)t->op->a, &limit, NULL) ? errno : 0;
}

int do_oom_score(struct init *t)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", (int32_t)t->op->a);
    init_blame(t, text);
    return procfs_write(t, "self/oom_score_adj", text);
}

int do_umask(struct init *t)
{
    umask((mode_t)t->op->a & 0777);
    return 0;
}

int do_setsid(struct init *t)
{
    (void)t;
    return setsid() < 0 ? errno : 0;
}

int do_ctty(struct init *t)
{
    int terminal = t->path ? 0 : init_fd(t); /* prepared for execve: only its duplicates are left */

    return ioctl(terminal, TIOCSCTTY, 0) ? errno : 0;
}

/* dup3 of a number onto itself is EINVAL (dup(2)); then only close-on-exec has to go. */
int do_dup(struct init *t)
{
    int to = (int)t->op->a;

    PROMISED(to >= 0 && to <= 2);
    if (init_fd(t) == to)
        return fcntl(to, F_SETFD, 0) ? errno : 0;
    return dup3(init_fd(t), to, 0) < 0 ? errno : 0;
}

/* getcwd(2) begins with "(unreachable)" when the directory is outside of the root: CVE-2024-21626
 * got to the host by such a working directory. */
int do_cwd(struct init *t)
{
    struct target_owner owner = {.uid = (uint32_t)t->op->b, .gid = (uint32_t)t->op->c};
    enum target_make make = t->op->flags & PF_MAKE_DIR ? MAKE_DIR : MAKE_NOTHING;
    char cwd[4096 + 16];
    int dir, sys = target_open(t, t->op->data, make, &owner, &dir);

    if (sys)
        return sys;
    if (fchdir(dir))
        sys = errno;
    close(dir);
    if (sys)
        return sys;
    /* The raw call: glibc would search a path of its own for an unreachable directory. */
    if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
        return errno;
    if (cwd[0] != '/') {
        init_blame2(t, t->op->data, "is outside the container");
        return EPERM;
    }
    return 0;
}

static bool join_new_keyring(void)
{
    return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0;
}

int do_keyring(struct init *t)
{
    (void)t;
    if (!join_new_keyring() && errno == EDQUOT) { /* containers have used up what root may have */
        uid_t was = own_user_begin();

        join_new_keyring();
        own_user_end(was);
    }
    return 0; /* seccomp may refuse it: then the session has no keyring of its own */
}
