/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idmapped mounts: what lies on the disk with the owners 0, 1, … is theirs inside the user
 * namespace, and nothing on the disk is changed. Workers.
 * Trap: the kernel says EINVAL for a file system that cannot be mapped, and for nothing else that
 * we do wrong here.
 */
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/text.h"

#define MOUNTINFO_MAX (16u << 20)

/* The name of a file system by its device, out of the mounts that the engine sees; "" when it is in
 * none of them. "36 35 98:0 /root /place options - type source options" (proc(5)) */
static const char *type_of(struct arena *a, int mount)
{
    struct stat st;
    struct strs lines;
    char *text = NULL;
    size_t len;
    struct err *e = file_read(a, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len);

    err_drop(e);
    if (!text || fstat(mount, &st) < 0)
        return "";
    lines = text_split(a, text, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        char *device = arena_printf(a, " %u:%u ", major(st.st_dev), minor(st.st_dev));
        const char *at = strstr(lines.v[i], device), *type = strstr(lines.v[i], " - ");

        if (at && type && at < type)
            return arena_strndup(a, type + 3, strcspn(type + 3, " "));
    }
    return "";
}

static struct err *explain(int sys, int mount, const char *what)
{
    autoarena struct arena *a = arena_create();
    const char *type = type_of(a, mount);

    if (sys == EPERM)
        return err_new(ERR_INVALID,
                       "%s cannot be given the owners of a user namespace: it is an idmapped mount "
                       "already, or a file system of another user namespace",
                       what);
    if (sys != EINVAL)
        return err_sysno(sys, "give %s the owners of a user namespace", what);
    return err_new(ERR_INVALID,
                   "%s cannot be given the owners of a user namespace: %s%s%s has no idmapped "
                   "mounts in this kernel; use --userns host, or another file system",
                   what, *type ? "its file system, " : "its file system or one below it", type,
                   *type ? ", or one mounted below it" : "");
}

struct err *shift_mount(int mount, bool is_recursive, const struct id_shift *s, const char *what)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)s->userns};
    unsigned flags = AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0);

    ASSERT(mount >= 0 && s->userns >= 0);
    if (mount_setattr(mount, "", flags, &attr, sizeof(attr)) < 0)
        return explain(errno, mount, what);
    return NULL;
}

struct err *shift_clone(int dir, const char *name, const struct id_shift *s, const char *what,
                        int *out)
{
    autoclose int mount =
        open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

    if (mount < 0)
        return err_sys("open %s%s", what, err_no_room());
    TRY(shift_mount(mount, false, s, what));
    *out = steal_fd(&mount);
    return NULL;
}

/* The system calls: glibc's functions for ids would change every thread. A change of the fsuid from
 * 0 takes the capabilities about files out of the effective set (capabilities(7)). */
struct err *shift_thread(const struct id_shift *s)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    syscall(SYS_setfsgid, id_map_gid(s->map, 0));
    syscall(SYS_setfsuid, id_map_uid(s->map, 0));
    if (syscall(SYS_capget, &head, data) < 0)
        return err_sys("read capabilities");
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        data[i].effective = data[i].permitted;
    return syscall(SYS_capset, &head, data) < 0 ? err_sys("keep capabilities") : NULL;
}
