/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlays by fsopen: layers as fds (Linux ≥ 6.13) or as paths (≥ 6.7, "lowerdir+"); older
 * kernels: overlay_mount.c. Workers.
 * Trap: a volatile overlay leaves work/work/incompat/volatile behind and refuses (EINVAL) to be
 * mounted again until that is gone. We remove it: what a kernel crash may have torn is lost for
 * a volatile container by definition, and a crash of the engine tears nothing.
 */
#include "overlay.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fd.h"

#include "fsctx.h"

enum { FSCONFIG_TEXT_MAX = 255 };

/* By the release and not by trying: a wrong try would leave its error in the log of a context that
 * is still needed. */
enum overlay_way overlay_way_of_kernel(void)
{
    struct utsname u;
    int major = 0, minor = 0, version;

    if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
        return OVERLAY_BY_MOUNT;
    version = major * 1000 + minor;
    if (version >= 6013)
        return OVERLAY_BY_FD;
    return version >= 6007 ? OVERLAY_BY_STRING : OVERLAY_BY_MOUNT;
}

/* `shown`: the path that /proc/mounts would show, where it fits. */
static struct err *set_dir(const struct overlay *o, int fs, const char *key, int dir,
                           const char *shown)
{
    char link[32];

    ASSERT(dir >= 0);
    if (o->store->overlay_way == OVERLAY_BY_FD)
        return fsctx_set_dir(fs, key, dir);
    if (strlen(shown) <= FSCONFIG_TEXT_MAX)
        return fsctx_set_text(fs, key, shown);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    return fsctx_set_text(fs, key, link);
}

static struct err *add_dir(const struct overlay *o, int fs, const char *key, int base,
                           const char *base_path, const char *name)
{
    autofree char *shown = mem_printf("%s/%s", base_path, name);
    autoclose int dir = openat(base, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return err_sys("open %s", shown);
    return set_dir(o, fs, key, dir, shown);
}

/* The mark of a volatile mount is removed before the next one (overlayfs.rst, "Volatile mount"). */
static struct err *add_upper(const struct overlay *o, int fs)
{
    autofree char *path = mem_printf("%s/containers/%s", o->store->data_root, o->id);
    autoclose int dir = openat(o->store->containers, o->id, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return err_sys("open %s", path);
    TRY(dir_remove_tree(dir, "work/work/incompat"));
    TRY(add_dir(o, fs, "upperdir", dir, path, "upper"));
    TRY(add_dir(o, fs, "workdir", dir, path, "work"));
    return NULL;
}

static struct err *open_by_fsopen(const struct overlay *o, int *out)
{
    autofree char *layers = mem_printf("%s/layers", o->store->data_root);
    autoclose int fs = -1;

    TRY(fsctx_open("overlay", &fs));
    TRY(fsctx_set_text(fs, "source", "overlay"));
    for (size_t i = 0; i < o->lower.n; i++)
        TRY(add_dir(o, fs, "lowerdir+", o->store->layers, layers, o->lower.v[i]));
    if (o->id)
        TRY(add_upper(o, fs));
    if (o->is_volatile)
        TRY(fsctx_set_flag(fs, "volatile"));
    return fsctx_mount(fs, 0, out);
}

struct err *overlay_open(const struct overlay *o, int *out)
{
    ASSERT(o->lower.n > 0);
    if (o->store->overlay_way == OVERLAY_BY_MOUNT)
        return overlay_open_by_mount(o, out);
    return open_by_fsopen(o, out);
}
