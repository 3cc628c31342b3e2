/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's share of the disk: a project quota (ext4, xfs) on the two folders that overlayfs
 * writes, so that the container sees "no space left" or "quota exceeded" and the host does not.
 * Workers.
 *
 * A project is a number that inodes inherit from their folder; the limit is of the number. Nobody
 * gives numbers out, so one is taken that has neither files nor limits: begun at the container's
 * random id, past what an administrator would have written into /etc/projid.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#include "store.h"

#define PROJECT_FIRST (1u << 20)
#define PROJECTS_TRIED 64
#define QUOTA_BLOCK 1024 /* QIF_DQBLKSIZE: what limits count in (quotactl(2)) */

/* quotactl_fd(2), Linux 5.14: by any file on the file system instead of its block device, which has
 * no node where the data root itself is in a container. */
static long quota_call(int fd, int command, uint32_t project, void *data)
{
    return syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, data);
}

static struct err *not_supported(const char *why)
{
    return err_new(ERR_INVALID,
                   "--storage-opt size cannot be honoured: %s; it needs a data root on xfs mounted "
                   "with pquota, or on ext4 with the features quota and project mounted with "
                   "prjquota, and Linux 5.14",
                   why);
}

static struct err *check_supported(int dir)
{
    struct fs_quota_stat state = {.qs_version = FS_QSTAT_VERSION};
    struct fsxattr attributes;

    if (ioctl(dir, FS_IOC_FSGETXATTR, &attributes) < 0)
        return not_supported("its file system has no projects");
    if (quota_call(dir, Q_XGETQSTAT, 0, &state) < 0)
        return not_supported(errno == ENOSYS ? "the kernel has no quotactl_fd"
                                             : "its file system has no quotas");
    if (!(state.qs_flags & FS_QUOTA_PDQ_ENFD))
        return not_supported("project quotas are not enforced there");
    return NULL;
}

static struct err *find_project(int dir, const char *id, uint32_t *out)
{
    char hex[8] = {0};
    uint32_t project;

    for (int i = 0; i < 7; i++)
        hex[i] = id[i];
    project = PROJECT_FIRST + (uint32_t)strtoul(hex, NULL, 16);
    for (int i = 0; i < PROJECTS_TRIED; i++, project++) {
        struct if_dqblk q = {0};

        if (quota_call(dir, Q_GETQUOTA, project, &q) < 0) {
            if (errno != ENOENT) /* xfs: nobody has used it */
                return err_sys("read project quota %u", project);
        } else if (q.dqb_curinodes || q.dqb_bhardlimit || q.dqb_bsoftlimit) {
            continue;
        }
        *out = project;
        return NULL;
    }
    return err_new(ERR_INTERNAL, "no project number is free for a quota");
}

/* 0: no limit. */
static struct err *set_limit(int dir, uint32_t project, int64_t bytes)
{
    uint64_t blocks = ((uint64_t)bytes + QUOTA_BLOCK - 1) / QUOTA_BLOCK;
    struct if_dqblk q = {.dqb_valid = QIF_BLIMITS, .dqb_bhardlimit = blocks};

    return quota_call(dir, Q_SETQUOTA, project, &q) < 0
               ? err_sys("set the limit of project quota %u", project)
               : NULL;
}

static struct err *join_project(int dir, const char *name, uint32_t project)
{
    autoclose int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct fsxattr attributes;

    if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
        return err_sys("read the project of %s/", name);
    attributes.fsx_projid = project;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    return ioctl(fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? err_sys("set the project of %s/", name)
                                                         : NULL;
}

static struct err *open_container(struct layer_store *s, const char *id, int *out)
{
    int dir = openat(s->containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return err_sys("open the directory of container %.12s", id);
    *out = dir;
    return NULL;
}

struct err *rootfs_limit(struct layer_store *s, const char *id, int64_t bytes)
{
    autoclose int dir = -1;
    uint32_t project;

    TRY(open_container(s, id, &dir));
    TRY(check_supported(dir));
    TRY(find_project(dir, id, &project));
    TRY(set_limit(dir, project, bytes));
    TRY(join_project(dir, "upper", project));
    return join_project(dir, "work", project);
}

void rootfs_unlimit(struct layer_store *s, const char *id)
{
    autoclose int dir = -1, upper = -1;
    struct fsxattr attributes;
    struct err *e = open_container(s, id, &dir);

    if (e) { /* the files went in an earlier attempt */
        err_drop(e);
        return;
    }
    upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (upper >= 0 && ioctl(upper, FS_IOC_FSGETXATTR, &attributes) == 0 &&
        attributes.fsx_projid >= PROJECT_FIRST)
        err_drop(set_limit(dir, attributes.fsx_projid, 0));
}
