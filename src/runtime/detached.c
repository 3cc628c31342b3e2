/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detached mounts (fsopen, open_tree): nothing of a container ever enters the host's
 * mount table. Workers.
 *
 * Before kernel 6.15 a detached mount cannot be cloned again; only the fds of mounts
 * that are attached in the caller's own namespace can.
 */
#include "detached.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef MS_PRIVATE
#define MS_PRIVATE (1 << 18)
#endif

/* glibc's <sys/mount.h> cannot stand beside <linux/mount.h>; these are its calls. */
static int set_option(int fs, const char *option)
{
    char key[64];
    size_t n = strcspn(option, "=");

    ASSERT(fs >= 0);
    ASSERT(n < sizeof(key));
    if (option[n] == '\0')
        return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0);
    memcpy(key, option, n);
    key[n] = '\0';
    return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, option + n + 1, 0);
}

struct err *detached_new(const char *type, const char *const *options, unsigned attrs, int *out)
{
    autoclose int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    int fd;

    if (fs < 0)
        return err_sys("open a new %s", type);
    if (!options || !*options || strncmp(*options, "source=", 7) != 0)
        (void)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", type, 0); /* for the eye */
    for (; options && *options; options++)
        if (set_option(fs, *options) < 0)
            return err_sys("set option %s of a new %s", *options, type);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys("create a new %s", type);
    fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
    if (fd < 0)
        return err_sys("mount a new %s%s", type, err_no_room());
    *out = fd;
    return NULL;
}

static struct err *set_attrs(int fd, uint64_t attrs, uint64_t propagation)
{
    struct mount_attr attr = {.attr_set = attrs, .propagation = propagation};

    ASSERT(fd >= 0);
    if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return err_sys("set the attributes of a mount");
    return NULL;
}

struct err *detached_clone(int dirfd, const char *path, uint64_t attrs, int *out)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH);
    autoclose int fd = (int)syscall(SYS_open_tree, dirfd, path, flags);

    if (fd < 0)
        return err_sys("clone the mount of %s%s", *path ? path : "an open file", err_no_room());
    /* A clone is a peer of a shared original: what is mounted on it would appear on the host. */
    TRY(set_attrs(fd, attrs, MS_PRIVATE));
    *out = steal_fd(&fd);
    return NULL;
}

struct err *detached_make_readonly(int fd)
{
    return set_attrs(fd, MOUNT_ATTR_RDONLY, 0);
}
