/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount records. A mount is always made detached and moved from fd to fd; no path is
 * resolved twice. Trap: a target that lands in the container's procfs is refused unless it is
 * one of a few files, or a volume could stand in for /proc/self/attr (CVE-2019-19921).
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef PIDFD_GET_PID_NAMESPACE
#define PIDFD_GET_PID_NAMESPACE _IO(0xFF, 5) /* include/uapi/linux/pidfd.h */
#endif
enum { PROCFS_ROOT_INO = 1 }; /* enum proc_cn of the kernel: PROC_ROOT_INO */

static enum target_make make_of(const struct program_op *op)
{
    if (op->flags & PF_MAKE_DIR)
        return MAKE_DIR;
    return op->flags & PF_MAKE_FILE ? MAKE_FILE : MAKE_NOTHING;
}

/* By descriptors on both sides: no path is looked at again, so nothing can be exchanged in between
 * (move_mount(2)). */
static int move_to(int mount, int target)
{
    if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
        return errno;
    return 0;
}

static uint32_t magic_of(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) ? 0 : (uint32_t)fs.f_type;
}

/* Files in /proc that lxcfs and the like stand in for; nothing else may be covered. */
static bool is_replaceable_proc_file(const char *path)
{
    static const char *const names[] = {
        "proc/cpuinfo",
        "proc/diskstats",
        "proc/meminfo",
        "proc/stat",
        "proc/swaps",
        "proc/uptime",
        "proc/loadavg",
        "proc/slabinfo",
        "proc/net/dev",
        "proc/sys/kernel/ns_last_pid",
        "proc/sys/crypto/fips_enabled",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (target_is(path, names[i]))
            return true;
    return false;
}

/* CVE-2019-19921: a volume that lands in /proc could stand in for /proc/self/attr, and the labels
 * of the process would be written into it. */
static int check_cover(struct init *t, const char *path, int target, int mount)
{
    if (magic_of(target) != PROC_SUPER_MAGIC || is_replaceable_proc_file(path))
        return 0;
    if (target_is(path, "proc") && magic_of(mount) == PROC_SUPER_MAGIC)
        return 0;
    init_blame2(t, path, "is inside /proc");
    return EPERM;
}

/* By a link of the image's, or in a volume that is mounted already. What is mounted on the root
 * lies under it for the first process, and is the root for all that enter later. */
static int check_not_root(struct init *t, const char *path, int target)
{
    struct stat root, st;

    if (fstat(t->root, &root) || fstat(target, &st))
        return errno;
    if (st.st_dev != root.st_dev || st.st_ino != root.st_ino)
        return 0;
    init_blame2(t, path, "leads to the root of the container");
    return EPERM;
}

/* The owner first, since that takes set-id bits away (chown(2)). */
static int take_from_target(struct init *t, int mount, int target)
{
    struct stat st;
    int dir, sys = 0;

    if (fstat(target, &st))
        return errno;
    if (!S_ISDIR(st.st_mode))
        return 0; /* it cannot be attached either, which says so */
    dir = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return errno;
    if (((t->op->flags & PF_TAKE_OWNER) && fchown(dir, st.st_uid, st.st_gid)) ||
        ((t->op->flags & PF_TAKE_MODE) && fchmod(dir, st.st_mode & 07777)))
        sys = errno;
    close(dir);
    return sys;
}

/* A folder that is there is taken as it is, one that is made for the mount has nothing to tell. */
static int open_to_cover(struct init *t, int mount, const char *path, int *out)
{
    int sys = ENOENT;

    if (t->op->code == P_ATTACH && (t->op->flags & (PF_TAKE_MODE | PF_TAKE_OWNER))) {
        sys = target_open(t, path, MAKE_NOTHING, NULL, out);
        if (!sys && (sys = take_from_target(t, mount, *out)))
            close(*out);
    }
    return sys == ENOENT ? target_open(t, path, make_of(t->op), NULL, out) : sys;
}

static int set_attributes(int mount, uint32_t attributes)
{
    struct mount_attr attr = {.attr_set = attributes};

    if (attributes && mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
        return errno;
    return 0;
}

static int attach(struct init *t, int mount, const char *path)
{
    int target = -1, sys = open_to_cover(t, mount, path, &target);

    if (sys)
        return sys;
    sys = check_not_root(t, path, target);
    if (!sys)
        sys = check_cover(t, path, target, mount);
    if (!sys && t->op->code == P_ATTACH)
        sys = set_attributes(mount, t->op->a);
    if (!sys)
        sys = move_to(mount, target);
    close(target);
    return sys;
}

int do_root(struct init *t)
{
    struct mount_attr private = {.propagation = MS_PRIVATE};
    int place = open("/root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), sys;

    if (place < 0)
        return errno;
    /* What the engine cloned from a shared mount must not tell the host about our mounts. */
    if (mount_setattr(init_fd(t), "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof(private)))
        sys = errno;
    else
        sys = move_to(init_fd(t), place);
    close(place);
    if (sys)
        return sys;
    t->root = init_fd(t);
    t->has_root = true;
    return 0;
}

int do_attach(struct init *t)
{
    return attach(t, init_fd(t), t->op->data);
}

/* The kernel's own words on what it did not like, when it has any. */
static void blame_context(struct init *t, int fs, const char *target)
{
    char text[160];
    ssize_t n = read(fs, text, sizeof(text) - 1);

    init_blame(t, target);
    if (n <= 2)
        return;
    text[n] = 0;
    init_blame2(t, target, text + 2); /* "e reason" */
}

static const char *context_of_root(const char *option)
{
    static const char name[] = "rootcontext=";

    return strncmp(option, name, sizeof(name) - 1) ? NULL : option + sizeof(name) - 1;
}

/* Options of the plan, in the order in which they were given; "source" is what mountinfo shows. */
static int configure(int fs, const char *type, const char *options)
{
    /* Shown in mountinfo; a file system that knows no source does not mind. */
    fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0);
    for (const char *at = options; *at; at = op_next(at)) {
        char key[64];
        size_t n = strcspn(at, "=");
        int failed;

        if (context_of_root(at))
            continue;
        if (n >= sizeof(key))
            return EINVAL;
        memcpy(key, at, n);
        key[n] = 0;
        failed = at[n] ? fsconfig(fs, FSCONFIG_SET_STRING, key, at + n + 1, 0)
                       : fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
        if (failed)
            return errno;
    }
    return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? errno : 0;
}

/* After the fact: a file system that its namespace has had from the beginning (mqueue) takes no
 * option of that name any more. One without labels has none. */
static int label_root(int mount, const char *options)
{
    for (const char *at = options; *at; at = op_next(at)) {
        const char *context = context_of_root(at);
        int fd, sys;

        if (!context)
            continue;
        fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return errno;
        sys = fsetxattr(fd, "security.selinux", context, strlen(context) + 1, 0) ? errno : 0;
        close(fd);
        return sys == EOPNOTSUPP ? 0 : sys;
    }
    return 0;
}

static int make_mount(struct init *t, const char *type, const char *target, int *out)
{
    int fs = fsopen(type, FSOPEN_CLOEXEC), sys;

    if (fs < 0)
        return errno;
    sys = configure(fs, type, op_next(target));
    if (!sys) {
        *out = fsmount(fs, FSMOUNT_CLOEXEC, t->op->a);
        sys = *out < 0 ? errno : label_root(*out, op_next(target));
    }
    if (sys)
        blame_context(t, fs, target);
    close(fs);
    return sys;
}

/* ---- /proc of a pid namespace that only our child will be in ---- */

/* Linux >= 6.17 makes a procfs for a namespace that one is not in. */
static int make_procfs_of(int donor, unsigned attributes)
{
    int space = ioctl(donor, PIDFD_GET_PID_NAMESPACE, 0), mount = -1;
    int fs = space < 0 ? -1 : fsopen("proc", FSOPEN_CLOEXEC);

    if (fs >= 0 && !fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, space) &&
        !configure(fs, "proc", ""))
        mount = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
    if (fs >= 0)
        close(fs);
    if (space >= 0)
        close(space);
    return mount;
}

/* What another container has is cloned where it is: a mount can be cloned in its own mount
 * namespace only. We are in there for this one call, and nobody in there can see us: our pid is not
 * of that namespace. What is found was put there by a container, so the caller looks at it. */
static int clone_mount_of(struct init *t, int donor, const char *path, int *out)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int home = procfs_open_own(t, "self/ns/mnt"), tree = -1, place, sys;

    if (home < 0)
        return errno;
    sys = setns(donor, CLONE_NEWNS) ? errno : 0;
    if (!sys) {
        place = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        tree = place < 0
                   ? -1
                   : open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        sys = tree < 0 ? errno : 0;
        if (place >= 0)
            close(place);
    }
    if (setns(home, CLONE_NEWNS)) {
        sys = sys ? sys : errno;
        if (tree >= 0)
            close(tree);
    }
    close(home);
    *out = tree;
    return sys;
}

static bool is_safe_clone(struct init *t, int tree, uint32_t magic, ino_t root_ino)
{
    struct mount_attr safe = {.attr_set = t->op->a, .propagation = MS_PRIVATE};
    struct stat st;

    return magic_of(tree) == magic && !fstat(tree, &st) && (!root_ino || st.st_ino == root_ino) &&
           S_ISDIR(st.st_mode) && !mount_setattr(tree, "", AT_EMPTY_PATH, &safe, sizeof(safe));
}

/* Before Linux 6.17. */
static int clone_procfs_of(struct init *t, int donor, int *out)
{
    int sys = clone_mount_of(t, donor, "/proc", out);

    if (!sys && !is_safe_clone(t, *out, PROC_SUPER_MAGIC, PROCFS_ROOT_INO)) {
        close(*out);
        sys = EPERM;
    }
    if (sys)
        init_blame(t, "/proc: the container whose pid namespace is joined has no procfs to share");
    return sys;
}

/* /dev/shm of the container whose ipc namespace is joined: any folder of a tmpfs will do, since
 * nothing but what that container can write anyway is in there. */
static int clone_tmpfs_of(struct init *t, int donor, const char *path, int *out)
{
    int sys = clone_mount_of(t, donor, path, out);

    if (!sys && !is_safe_clone(t, *out, TMPFS_MAGIC, 0)) {
        close(*out);
        sys = EPERM;
    }
    if (sys)
        init_blame2(t, path, "the container whose ipc namespace is joined has none to share");
    return sys;
}

int do_mount(struct init *t)
{
    const char *type = t->op->data, *target = op_next(type);
    int mount = -1, sys = 0;

    init_blame2(t, target, type);
    if (t->op->fd < 0)
        sys = make_mount(t, type, target, &mount);
    else if (!strcmp(type, "tmpfs"))
        sys = clone_tmpfs_of(t, init_fd(t), target, &mount);
    else if ((mount = make_procfs_of(init_fd(t), t->op->a)) < 0)
        sys = clone_procfs_of(t, init_fd(t), &mount);
    if (sys)
        return sys;
    sys = attach(t, mount, target);
    close(mount);
    return sys;
}

/* What is masked below /proc and /sys must be the kernel's, not something put in its place. */
static int check_kernel_target(struct init *t, const char *path, int target)
{
    uint32_t magic = magic_of(target);
    bool is_right = true;

    if (target_is_below(path, "proc"))
        is_right = magic == PROC_SUPER_MAGIC;
    else if (target_is_below(path, "sys"))
        is_right = magic == SYSFS_MAGIC || magic == CGROUP_SUPER_MAGIC ||
                   magic == CGROUP2_SUPER_MAGIC || magic == TMPFS_MAGIC;
    if (is_right)
        return 0;
    init_blame2(t, path, "is not the kernel's");
    return EPERM;
}

/* 0 with *out -1: absent, nothing to do. */
static int open_kernel_target(struct init *t, int *out)
{
    int fd, sys = target_open(t, t->op->data, MAKE_NOTHING, NULL, &fd);

    *out = -1;
    if (sys == ENOENT || sys == ENOTDIR)
        return 0;
    if (sys)
        return sys;
    sys = check_kernel_target(t, t->op->data, fd);
    if (sys)
        close(fd);
    else
        *out = fd;
    return sys;
}

static int clone_mount(int fd, unsigned flags)
{
    return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

/* Kernels before 6.15 clone only mounts that hang in the caller's namespace, so there the
 * empty directory is first attached to the keeper's private root, which P_PIVOT drops. */
static int clone_empty_directory(struct init *t, int *out)
{
    int place, sys;

    *out = clone_mount(init_fd(t), 0);
    if (*out >= 0)
        return 0;
    if (errno != EINVAL || t->has_mask_home || t->is_pivoted)
        return errno;
    place = open("/empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0)
        return errno;
    sys = move_to(init_fd(t), place);
    close(place);
    if (sys)
        return sys;
    t->has_mask_home = true;
    *out = clone_mount(init_fd(t), 0);
    return *out < 0 ? errno : 0;
}

/* A masked file is covered by the container's own null device. It is checked to be one:
 * CVE-2025-31133 was a link in its place. */
static int clone_null(struct init *t, int *out)
{
    struct stat st;
    int fd;

    PROMISED(t->op->b < t->in->n_fds);
    fd = t->in->fds[t->op->b];
    if (fstat(fd, &st))
        return errno;
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
        init_blame(t, "the null device is not one");
        return EPERM;
    }
    *out = clone_mount(fd, 0);
    return *out < 0 ? errno : 0;
}

int do_mask(struct init *t)
{
    struct stat st;
    int target, cover = -1, sys = open_kernel_target(t, &target);

    if (sys || target < 0)
        return sys;
    if (fstat(target, &st))
        sys = errno;
    else
        sys = S_ISDIR(st.st_mode) ? clone_empty_directory(t, &cover) : clone_null(t, &cover);
    if (!sys) {
        sys = move_to(cover, target);
        close(cover);
    }
    close(target);
    return sys;
}

/* A bind of the path on itself, which can then be read-only alone: mount_setattr(2) works on
 * mounts, not on directories. */
int do_readonly(struct init *t)
{
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    int target, copy, sys = open_kernel_target(t, &target);

    if (sys || target < 0)
        return sys;
    copy = clone_mount(target, AT_RECURSIVE);
    if (copy < 0)
        sys = errno;
    else if (mount_setattr(copy, "", AT_EMPTY_PATH | AT_RECURSIVE, &readonly, sizeof(readonly)))
        sys = errno;
    else
        sys = move_to(copy, target);
    if (copy >= 0)
        close(copy);
    close(target);
    return sys;
}

/* pivot_root(".", "."), then the old root, which lies under the new one, is detached
 * (pivot_root(2), NOTES). */
int do_pivot(struct init *t)
{
    PROMISED(t->has_root && t->root >= 0);
    if (fchdir(t->root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
        chdir("/"))
        return errno;
    t->is_pivoted = true;
    return 0;
}

int do_root_readonly(struct init *t)
{
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};

    PROMISED(t->is_pivoted);
    if (mount_setattr(t->root, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)))
        return errno;
    return 0;
}

int do_symlink(struct init *t)
{
    const char *text = t->op->data, *path = op_next(text), *name = strrchr(path, '/');
    char parent[4096];
    int dir, sys = 0;

    PROMISED(name && (size_t)(name - path) < sizeof(parent)); /* absolute, below PATH_MAX */
    if (!name[1])
        return EINVAL;
    memcpy(parent, path, (size_t)(name - path));
    parent[name - path] = 0;
    sys = target_open(t, *parent ? parent : "/", MAKE_DIR, NULL, &dir);
    if (sys)
        return sys;
    init_blame(t, path);
    if (symlinkat(text, dir, name + 1) && errno != EEXIST)
        sys = errno;
    close(dir);
    return sys;
}
