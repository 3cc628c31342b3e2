/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume as a detached mount: its directory, the directory that its options name, or a file
 * system of its own. Workers.
 * Trap: a subpath is text from the user inside data from a container; it is resolved by
 * openat2(IN_ROOT) once and the fd is cloned, never the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/fd.h"

#include "bind.h"
#include "fsctx.h"
#include "storage/volume.h"

/* "bind,ro" of a local volume with type=none. */
static struct err *read_bind_options(const char *text, struct bind_options_plan *plan)
{
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, text, ',');
    bool is_bind = false;

    for (size_t i = 0; i < list.n; i++) {
        const char *option = list.v[i];

        if (!strcmp(option, "bind") || !strcmp(option, "rbind"))
            is_bind = true;
        else if (!strcmp(option, "ro"))
            plan->read_only = true;
        else if (strcmp(option, "rw") && strcmp(option, "defaults") && *option)
            return err_new(ERR_INVALID, "invalid option \"%s\" for a volume with a bind", option);
    }
    return is_bind ? NULL : err_new(ERR_INVALID, "a volume with type=none needs o=bind");
}

/* O_PATH: nothing is opened in the sense of the file, so a fifo or device in the volume does no
 * harm. */
static struct err *open_subpath(int base, const char *subpath, int *out)
{
    int fd = fd_open_in_root(base, text_is_empty(subpath) ? "." : subpath, O_PATH, 0);

    ASSERT(base >= 0);
    if (fd < 0)
        return err_new(ERR_INVALID, "cannot access path %s of the volume: %s", subpath,
                       strerror(errno));
    *out = fd;
    return NULL;
}

static struct err *open_directory(const char *path, const struct bind_options_plan *plan,
                                  const char *subpath, int *out)
{
    autoclose int base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), place = -1;

    if (base < 0)
        return err_sys("open volume directory %s", path);
    TRY(bind_check_place(base, path, plan->must_be));
    TRY(open_subpath(base, subpath, &place));
    return bind_open_at(place, "", plan, out);
}

/* The kernel judges type, device and options; its words reach the client (fsctx.c). */
static struct err *open_file_system(const struct pairs *options, bool ro, int *out)
{
    uint64_t attr = 0;
    autoclose int fs = -1;

    TRY(fsctx_open(pairs_get(options, "type"), &fs));
    TRY(fsctx_set_text(fs, "source", pairs_get(options, "device")));
    TRY(fsctx_set_options(fs, pairs_get(options, "o"), NULL, &attr));
    return fsctx_mount(fs, attr | (ro ? MOUNT_ATTR_RDONLY : 0), out);
}

struct err *volume_open_mount(const char *path, const struct pairs *options, bool ro,
                              const char *subpath, const char *must_be, int *out)
{
    struct bind_options_plan plan = {.read_only = ro, .must_be = must_be};
    const char *type = pairs_get(options, "type"), *o = pairs_get(options, "o");
    autoclose int mount = -1, place = -1;

    if (text_is_empty(type) && text_is_empty(pairs_get(options, "device")))
        return open_directory(path, &plan, subpath, out);
    if (text_is_empty(type) || !strcmp(type, "none") || !strcmp(type, "bind")) {
        TRY(read_bind_options(o ? o : "", &plan));
        return open_directory(pairs_get(options, "device"), &plan, subpath, out);
    }
    TRY(open_file_system(options, ro, &mount));
    if (!text_is_empty(subpath)) {
        /* The mount is nobody else's; kernels before 6.15 cannot clone a folder of it. */
        TRY(open_subpath(mount, subpath, &place));
        return bind_open_at(place, "", &plan, out);
    }
    *out = steal_fd(&mount);
    return NULL;
}
