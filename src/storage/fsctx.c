/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new mount API with readable errors. Workers.
 * Trap: fsconfig says only EINVAL; why is in the context's log, one message a read. A string
 * value may not be longer than 255 bytes, hence directories go in as fds where possible.
 */
#include "fsctx.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/text.h"

/* errno and the kernel's words: reads of the context give one message each, as "e overlay: No
 * changes allowed…", with a letter for its kind in front. */
static struct err *explain(int fs, const char *what, const char *key)
{
    int sys = errno;
    char log[256];
    ssize_t n = read(fs, log, sizeof(log) - 1);

    if (n <= 0)
        return err_sysno(sys, "%s %s", what, key);
    log[n] = '\0';
    return err_sysno(sys, "%s %s (%s)", what, key,
                     text_trim(n > 2 && log[1] == ' ' ? log + 2 : log));
}

struct err *fsctx_open(const char *type, int *out)
{
    int fs = fsopen(type, FSOPEN_CLOEXEC);

    if (fs < 0 && errno == ENODEV)
        return err_new(ERR_INVALID, "this kernel has no file system \"%s\"", type);
    if (fs < 0)
        return err_sys("open file system %s", type);
    *out = fs;
    return NULL;
}

struct err *fsctx_set_text(int fs, const char *key, const char *value)
{
    ASSERT(fs >= 0);
    if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
        return explain(fs, "set mount option", key);
    return NULL;
}

struct err *fsctx_set_flag(int fs, const char *key)
{
    ASSERT(fs >= 0);
    if (fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0)
        return explain(fs, "set mount option", key);
    return NULL;
}

struct err *fsctx_set_dir(int fs, const char *key, int dir)
{
    ASSERT(fs >= 0 && dir >= 0);
    if (fsconfig(fs, FSCONFIG_SET_FD, key, NULL, dir) < 0)
        return explain(fs, "set mount option", key);
    return NULL;
}

struct err *fsctx_mount(int fs, uint64_t attr, int *out)
{
    int mount;

    ASSERT(fs >= 0);
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return explain(fs, "create", "file system");
    mount = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attr);
    if (mount < 0)
        return explain(fs, "mount", "file system");
    *out = mount;
    return NULL;
}

/* ---- option strings ---- */

struct mount_flag {
    const char *name;
    uint64_t set, clear;
};

static const struct mount_flag mount_flags[] = {
    {"defaults", 0, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"relatime", 0, MOUNT_ATTR__ATIME},
    {"norelatime", 0, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"private", 0, 0}, /* what a detached mount is anyway */
    {"rprivate", 0, 0},
};

/* Names about the mount, which are no options of any file system: mount(8), "FILESYSTEM-INDEPENDENT
 * MOUNT OPTIONS". */
static const struct mount_flag *find_flag(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(mount_flags); i++)
        if (!strcmp(mount_flags[i].name, name))
            return &mount_flags[i];
    return NULL;
}

static bool is_allowed(const char *key, const char *const *keys)
{
    if (!keys)
        return true;
    for (; *keys; keys++)
        if (!strcmp(*keys, key))
            return true;
    return false;
}

/* Cuts the value off; NULL: there is none. */
static struct err *cut_option(char *option, const char *const *keys, char **out_value)
{
    char *value = strchr(option, '=');

    if (value)
        *value++ = '\0';
    if (!is_allowed(option, keys))
        return err_new(ERR_INVALID, "invalid mount option \"%s\"", option);
    *out_value = value;
    return NULL;
}

/* The kernel judges values; what it refuses is the user's mistake. */
static struct err *set_option(int fs, char *option, const char *const *keys)
{
    struct err *e;
    char *value;

    TRY(cut_option(option, keys, &value));
    e = value ? fsctx_set_text(fs, option, value) : fsctx_set_flag(fs, option);
    return e ? err_as(e, ERR_INVALID) : NULL;
}

struct err *fsctx_set_options(int fs, const char *options, const char *const *keys, uint64_t *attr)
{
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, options ? options : "", ',');

    for (size_t i = 0; i < list.n; i++) {
        const struct mount_flag *flag = find_flag(list.v[i]);

        if (flag)
            *attr = (*attr & ~flag->clear) | flag->set;
        else if (*list.v[i])
            TRY(set_option(fs, list.v[i], keys));
    }
    return NULL;
}

struct err *fsctx_check_options(const char *options, const char *const *keys)
{
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, options, ',');
    char *ignored;

    for (size_t i = 0; i < list.n; i++)
        if (*list.v[i] && !find_flag(list.v[i]))
            TRY(cut_option(list.v[i], keys, &ignored));
    return NULL;
}
