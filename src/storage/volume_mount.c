/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume as a detached mount: its directory, the directory that its options name, or the file
 * system of its own that volume_use.c has mounted at its directory. Workers.
 * Trap: a subpath is text from the user inside data from a container; it is resolved by
 * openat2(BENEATH) once and the fd is cloned, never the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"

#include "fsctx.h"
#include "volume_place.h"
#include "volume_table.h"

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

static bool is_bind(const struct pairs *options)
{
    const char *type = pairs_get(options, "type");

    return !text_is_empty(pairs_get(options, "device")) &&
           (text_is_empty(type) || !strcmp(type, "none") || !strcmp(type, "bind"));
}

bool volume_has_file_system(const struct pairs *options)
{
    return !text_is_empty(pairs_get(options, "type")) && !is_bind(options);
}

/* O_PATH: nothing is opened in the sense of the file, so a fifo or device in the volume does no
 * harm. */
static struct err *open_subpath(int base, const char *subpath, int *out)
{
    int fd = fd_open_below(base, subpath, O_PATH);

    ASSERT(base >= 0);
    if (fd < 0)
        return err_new(ERR_INVALID, "cannot access path %s of the volume: %s", subpath,
                       errno == EXDEV ? "it leads out of the volume" : strerror(errno));
    *out = fd;
    return NULL;
}

struct err *volume_open_place(const char *path, const struct pairs *options, const char *subpath,
                              struct bind_options_plan *plan, int *out)
{
    const char *o = pairs_get(options, "o");
    autoclose int base = -1;

    if (is_bind(options)) {
        TRY(read_bind_options(o ? o : "", plan));
        path = pairs_get(options, "device");
    }
    base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base < 0)
        return err_sys("open volume directory %s", path);
    TRY(bind_check_place(base, path, is_bind(options) ? plan->must_be : NULL));
    if (!text_is_empty(subpath))
        return open_subpath(base, subpath, out);
    *out = steal_fd(&base);
    return NULL;
}

struct err *volume_open_mount(const char *path, const struct pairs *options, bool ro,
                              const char *subpath, const char *must_be, const struct mount_as *as,
                              int *out, bool *is_file)
{
    struct bind_options_plan plan = {.read_only = ro, .must_be = must_be};
    autoclose int place = -1;
    struct stat st;

    if (as)
        plan.as = *as;
    TRY(volume_open_place(path, options, subpath, &plan, &place));
    if (fstat(place, &st) < 0)
        return err_sys("stat volume directory %s", path);
    TRY(bind_open_at(place, "", &plan, out));
    *is_file = !S_ISDIR(st.st_mode);
    return NULL;
}

/* ---- a file system of its own ---- */

static bool is_mounted(const char *path)
{
    struct statx st;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* The kernel judges type, device and options; its words reach the client (fsctx.c). */
struct err *volume_attach(const char *path, const struct pairs *options)
{
    autoclose int fs = -1, mount = -1;
    uint64_t attr = 0;

    if (is_mounted(path)) /* an engine before this one was not asked to take it away */
        return NULL;
    TRY(fsctx_open(pairs_get(options, "type"), &fs));
    TRY(fsctx_set_text(fs, "source", pairs_get(options, "device")));
    TRY(fsctx_set_options(fs, pairs_get(options, "o"), NULL, &attr));
    TRY(fsctx_mount(fs, attr, &mount));
    if (move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys("mount the file system of a volume at %s", path);
    return NULL;
}

/* Containers that still have it keep their clones. */
void volume_detach(const char *path)
{
    if (is_mounted(path))
        (void)!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}
