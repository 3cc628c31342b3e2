/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_replace: a file mount of a running container is exchanged for another, in that container's
 * mount namespace. A namespace is entered by a whole thread, so a throw-away one does it. Worker.
 * Trap: all that is in there belongs to the container. The target is opened once, in its root; it
 * must be the root of the mount that we made, known by its inode; what is unmounted is named by
 * that descriptor, never by a path.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "storage/rootfs.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200 /* Linux 6.5 */
#endif

struct replacing {
    int pidfd, mount;
    const char *target;
    dev_t dev;
    ino_t ino;
    struct err *err;
};

enum place { PLACE_OLD, PLACE_NEW, PLACE_OTHER };

/* Done by an earlier try already: nothing is to be done. */
static enum place look_at(const struct replacing *r, int target)
{
    struct statx st;
    struct stat new;

    if (statx(target, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0 || fstat(r->mount, &new) < 0)
        return PLACE_OTHER;
    if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return PLACE_OTHER;
    if (st.stx_ino == new.st_ino && makedev(st.stx_dev_major, st.stx_dev_minor) == new.st_dev)
        return PLACE_NEW;
    return st.stx_ino == r->ino && makedev(st.stx_dev_major, st.stx_dev_minor) == r->dev
               ? PLACE_OLD
               : PLACE_OTHER;
}

/* Beneath, and then the old one away: at no moment does the container see anything else. Kernels
 * and mounts that do not allow it get the new one on top. */
static struct err *exchange(const struct replacing *r, int fds, int target)
{
    const unsigned by_fd = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    char name[16];

    snprintf(name, sizeof(name), "%d", target);
    if (move_mount(r->mount, "", target, "", by_fd | MOVE_MOUNT_BENEATH) == 0) {
        if (fchdir(fds) == 0 && umount2(name, MNT_DETACH) == 0)
            return NULL;
        return err_sys("take the old file away from %s", r->target);
    }
    if (move_mount(r->mount, "", target, "", by_fd) < 0)
        return err_sys("mount the new file at %s", r->target);
    return NULL;
}

static struct err *replace(const struct replacing *r)
{
    autoclose int fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int root = -1, target = -1;

    if (fds < 0)
        return err_sys("open /proc/self/fd");
    if (unshare(CLONE_FS) < 0)
        return err_sys("make a root directory of one's own");
    if (setns(r->pidfd, CLONE_NEWNS) < 0)
        return err_sys("enter the mount namespace of the container");
    root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys("open the root of the container");
    target = fd_open_in_root(root, r->target, O_PATH, 0);
    if (target < 0)
        return err_sys("open %s in the container", r->target);
    switch (look_at(r, target)) {
    case PLACE_NEW:
        return NULL;
    case PLACE_OLD:
        return exchange(r, fds, target);
    default:
        return err_new(ERR_CONFLICT, "the container has something else at %s", r->target);
    }
}

static void *run(void *arg)
{
    struct replacing *r = arg;

    r->err = replace(r);
    return NULL;
}

struct err *bind_replace(int pidfd, int mount, const char *target, dev_t dev, ino_t ino)
{
    struct replacing r = {.pidfd = pidfd, .mount = mount, .target = target, .dev = dev, .ino = ino};
    pthread_t thread;
    int sys = pthread_create(&thread, NULL, run, &r);

    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    return r.err;
}
