/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's own mount namespace: one tiny read-only tmpfs and nothing else, so that a
 * child's copy of it costs nothing and shows nothing of the host. Runs once at start. Trap:
 * whatever is opened or bound before burrow_enter_namespace pins mounts of the host.
 */
#include "keeper.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The reason goes to stderr, which is still the engine's. */
static bool complain(const char *what)
{
    log_error("keeper cannot make its mount namespace", KV("what", what),
              KV("error", strerror(errno)));
    return false;
}

/* The clone of every container copies its parent's mount namespace: with the host's hundreds of
 * mounts that would cost a millisecond each time, and hold them. */
bool burrow_enter_namespace(const char *exec_root)
{
    if (unshare(CLONE_NEWNS))
        return complain("unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return complain("make mounts private");
    return chdir(exec_root) ? complain(exec_root) : true;
}

static int make_mount(const char *type, const char *const options[][2], unsigned attributes)
{
    int fs = fsopen(type, FSOPEN_CLOEXEC), mount = -1, sys;
    bool is_good = fs >= 0;

    for (; is_good && (*options)[0]; options++)
        is_good = !fsconfig(fs, FSCONFIG_SET_STRING, (*options)[0], (*options)[1], 0);
    if (is_good && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        mount = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
    sys = errno;
    if (fs >= 0)
        close(fs);
    errno = sys;
    return mount;
}

/* /root and /empty are where children attach theirs; /null is stdin for who has none. */
static int make_root(void)
{
    static const char *const options[][2] = {
        {"source", "berth-keeper"}, {"size", "64k"}, {"nr_inodes", "16"}, {"mode", "0755"}, {0}};
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    int root = make_mount("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

    if (root < 0)
        return -1;
    if (mkdirat(root, "root", 0755) || mkdirat(root, "empty", 0755) ||
        (mknodat(root, "null", S_IFCHR | 0666, makedev(1, 3)) && errno != EPERM) ||
        mount_setattr(root, "", AT_EMPTY_PATH, &readonly, sizeof(readonly))) {
        close(root);
        return -1;
    }
    return root;
}

/* pivot_root(".", "."): the old root lies under the new one and is detached there (pivot_root(2),
 * NOTES). */
static bool move_into(int root)
{
    if (move_mount(root, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH))
        return complain("attach the tiny root");
    if (fchdir(root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
        return complain("pivot into the tiny root");
    return true;
}

bool burrow_dig(struct keeper *k, int *out_null)
{
    static const char *const only_pids[][2] = {{"subset", "pid"}, {0}};
    int host_null = open("/dev/null", O_RDWR | O_CLOEXEC), root = make_root();
    bool is_in;

    if (root < 0)
        return complain("make the tiny root");
    is_in = move_into(root);
    close(root);
    if (!is_in)
        return false;
    k->procfs = fd_raise(
        make_mount("proc", only_pids, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    if (k->procfs < 0)
        return complain("mount a procfs");
    /* Our own device cannot be changed through a container's stdin: its mount is read-only. */
    *out_null = open("/null", O_RDWR | O_CLOEXEC);
    if (*out_null < 0)
        *out_null = fcntl(host_null, F_DUPFD_CLOEXEC, 0);
    if (host_null >= 0)
        close(host_null);
    return *out_null < 0 ? complain("open a null device") : true;
}
