/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes into /proc through a procfs mount of the child's own that is attached nowhere, so no
 * mount, symlink or race in a container can redirect them (CVE-2019-16884, CVE-2025-52881).
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A procfs that is mounted nowhere: fsmount(2) without move_mount. It shows the pid namespace of
 * the caller, so "self" is this child. */
static int open_procfs(struct init *t)
{
    int fs, sys;

    if (t->procfs >= 0)
        return 0;
    fs = fsopen("proc", FSOPEN_CLOEXEC);
    if (fs < 0)
        return errno;
    if (!fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        t->procfs =
            fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys = errno;
    close(fs);
    return t->procfs < 0 ? sys : 0;
}

int procfs_open_own(struct init *t, const char *path)
{
    int sys = open_procfs(t);

    if (sys) {
        errno = sys;
        return -1;
    }
    return openat(t->procfs, path, O_RDONLY | O_CLOEXEC);
}

int procfs_write(struct init *t, const char *path, const char *text)
{
    struct open_how how = {
        .flags = O_WRONLY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    int fd, sys = open_procfs(t);

    if (sys)
        return sys;
    fd = (int)syscall(SYS_openat2, t->procfs, path, &how, sizeof(how));
    if (fd < 0)
        return errno;
    if (write(fd, text, strlen(text)) < 0)
        sys = errno;
    close(fd);
    return sys;
}
