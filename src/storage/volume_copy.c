/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_copy_up: the first container that uses an empty volume fills it with what its image
 * has at that place. Worker.
 * Two files beside _data say how far that is: ".copying" while it runs (found by a later run, the
 * copy was cut off: what it left is removed and copied again), ".copied" for ever after. A lock
 * on the volume's directory lets one of several containers copy while the others wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"

#include "storage/space.h"
#include "storage/volume.h"
#include "trash.h"
#include "tree.h"

static const char mark_copying[] = ".copying";
static const char mark_copied[] = ".copied";

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

/* A rename makes one mark the other: at no moment are both there, or none. */
static struct err *copy(int top, int data, int from)
{
    autoclose int mark =
        openat(top, mark_copying, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    ASSERT(top >= 0 && data >= 0 && from >= 0);
    if (mark < 0)
        return err_sys("mark the volume");
    TRY(remove_content(data));
    TRY(check_space(data, from));
    TRY(tree_copy(from, data));
    if (renameat(top, mark_copying, top, mark_copied) < 0)
        return err_sys("mark the volume");
    return NULL;
}

/* A copy that failed leaves the volume as it was: empty, for whoever is next. */
static void take_back(int top, int data)
{
    struct err *e = remove_content(data);

    if (!e)
        (void)!unlinkat(top, mark_copying, 0);
    err_drop(e); /* the mark stays: a later copy removes what is left */
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

struct err *volume_copy_up(const char *path, int root, const char *target)
{
    autoclose int from = fd_open_in_root(root, target, O_RDONLY | O_DIRECTORY, 0);
    autoclose int top = -1, data = -1;
    struct err *e;

    if (from < 0) /* the image has nothing there, or no directory */
        return errno == ENOENT || errno == ENOTDIR ? NULL : err_sys("open %s of the image", target);
    TRY(check_not_root(root, from, target));
    TRY(lock_volume(path, &top));
    if (faccessat(top, mark_copied, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return NULL;
    data = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (data < 0)
        return err_sys("open %s", path);
    if (!tree_is_empty(data) && faccessat(top, mark_copying, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return NULL;
    e = copy(top, data, from);
    if (e)
        take_back(top, data);
    return e ? err_wrap(e, "copy %s of the image into the volume", target) : NULL;
}
