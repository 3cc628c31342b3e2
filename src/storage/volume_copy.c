/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_copy_up: a new container fills a volume that is empty with what its image has at that
 * place; with a subpath, the folder in the volume that it names. Worker.
 * A file beside _data, ".copying", says which place a copy is about to fill. It is gone when the
 * copy is complete; a later one that finds it removes what is left of a copy that was cut off. A
 * lock on the volume's directory lets one of several containers copy while the others wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"

#include "storage/space.h"
#include "storage/tree.h"
#include "storage/volume.h"
#include "trash.h"
#include "volume_place.h"

static const char mark_copying[] = ".copying"; /* holds the subpath */

/* What a copy that was cut off has left: it goes before the copy begins anew. */
static struct err *remove_content(int data)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    TRY(dir_names(a, data, &names));
    for (size_t i = 0; i < names.n; i++)
        TRY(dir_remove_tree(data, names.v[i]));
    return NULL;
}

/* flock(2) belongs to the open description, so it ends with this worker's descriptor, also when the
 * engine dies. */
static struct err *lock_volume(const char *path, int *out)
{
    autofree char *top = mem_printf("%s/..", path);
    autoclose int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return err_sys("open %s", top);
    do {
        r = flock(fd, LOCK_EX);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_sys("lock %s", top);
    *out = steal_fd(&fd);
    return NULL;
}

static struct err *check_space(int data, int from)
{
    struct tree_total total;

    TRY(tree_measure(from, ".", &total));
    return space_check(data, total.allocated, total.entries, "that needs");
}

/* A copy that was cut off leaves the place as it was: empty, for whoever is next. */
static struct err *recover(int top, const char *path, const struct pairs *options)
{
    autoarena struct arena *a = arena_create();
    struct bind_options_plan plan = {0};
    autoclose int place = -1, data = -1;
    char *subpath;
    size_t len;

    if (faccessat(top, mark_copying, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return NULL;
    TRY(file_read(a, top, mark_copying, PATH_MAX, &subpath, &len));
    TRY(volume_open_place(path, options, subpath, &plan, &place));
    data = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0)
        return err_sys("open %s", path);
    TRY(remove_content(data));
    return unlinkat(top, mark_copying, 0) < 0 ? err_sys("unmark the volume") : NULL;
}

static struct err *copy(int top, int data, int from, const char *subpath)
{
    ASSERT(top >= 0 && data >= 0 && from >= 0);
    TRY(file_write_atomic(top, mark_copying, subpath, strlen(subpath), 0600, false));
    TRY(check_space(data, from));
    TRY(tree_copy(from, data));
    return unlinkat(top, mark_copying, 0) < 0 ? err_sys("unmark the volume") : NULL;
}

/* By a link of the image's: all of it would be copied, and mounted on itself. */
static struct err *check_not_root(int root, int from, const char *target)
{
    struct stat top, st;

    if (fstat(root, &top) < 0 || fstat(from, &st) < 0)
        return err_sys("stat %s of the image", target);
    if (st.st_dev == top.st_dev && st.st_ino == top.st_ino)
        return err_new(ERR_INVALID,
                       "invalid volume: %s leads to the root of the container in this image",
                       target);
    return NULL;
}

/* The place as a directory that can be filled; -1: it is none, it has something or is read-only. */
static struct err *open_empty(const char *path, const struct pairs *options, const char *subpath,
                              int *out)
{
    struct bind_options_plan plan = {0};
    autoclose int place = -1, data = -1;
    struct statvfs fs;

    *out = -1;
    TRY(volume_open_place(path, options, subpath, &plan, &place));
    data = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0)
        return errno == ENOTDIR ? NULL : err_sys("open %s", path);
    if (fstatvfs(data, &fs) < 0)
        return err_sys("stat %s", path);
    if (!plan.read_only && !(fs.f_flag & ST_RDONLY) && tree_is_empty(data))
        *out = steal_fd(&data);
    return NULL;
}

struct err *volume_copy_up(const char *path, const struct pairs *options, const char *subpath,
                           int root, const char *target)
{
    autoclose int from = fd_open_in_root(root, target, O_RDONLY | O_DIRECTORY, 0);
    autoclose int top = -1, data = -1;
    struct err *e;

    if (from < 0) /* the image has nothing there, or no directory */
        return errno == ENOENT || errno == ENOTDIR ? NULL : err_sys("open %s of the image", target);
    TRY(check_not_root(root, from, target));
    TRY(lock_volume(path, &top));
    TRY(recover(top, path, options));
    TRY(open_empty(path, options, subpath, &data));
    if (data < 0)
        return NULL;
    e = copy(top, data, from, subpath ? subpath : "");
    if (e)
        err_drop(recover(top, path, options)); /* the mark stays, if it fails: a later copy does */
    return e ? err_wrap(e, "copy %s of the image into the volume", target) : NULL;
}
