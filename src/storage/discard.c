/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that can be written to, and is not: what is written goes to another one. Workers. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/loop.h"
#include "storage/rootfs.h"

#include "fsctx.h"
#include "overlay.h"

/* The root of an overlay is shown as its upper folder is. */
static struct err *make_upper(int dir, const struct stat *like)
{
    if ((mkdirat(dir, "upper", 0700) < 0 && errno != EEXIST) ||
        (mkdirat(dir, "work", 0700) < 0 && errno != EEXIST))
        return err_sys("make a folder for what is written");
    if (fchownat(dir, "upper", like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(dir, "upper", like->st_mode & 07777, 0) < 0)
        return err_sys("set the owner of what is written");
    return NULL;
}

static struct err *mount_over(int lower, int dir, const struct mount_as *as, int *out)
{
    autoclose int upper = openat(dir, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int work = openat(dir, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int fs = -1;

    if (upper < 0 || work < 0)
        return err_sys("open a folder for what is written");
    TRY(fsctx_open("overlay", &fs));
    TRY(fsctx_set_text(fs, "source", "overlay"));
    TRY(fsctx_set_dir(fs, "lowerdir+", lower));
    TRY(fsctx_set_dir(fs, "upperdir", upper));
    TRY(fsctx_set_dir(fs, "workdir", work));
    if (as->context)
        TRY(fsctx_set_text(fs, "context", as->context));
    return fsctx_mount(fs, 0, out);
}

struct err *discard_open(int lower, const char *path, const struct mount_as *as, int *out)
{
    autoclose int dir = -1;
    struct stat st;

    ASSERT_WORKER();
    if (fstat(lower, &st) < 0)
        return err_sys("stat what is mounted");
    if (!S_ISDIR(st.st_mode))
        return err_new(ERR_INVALID, "a file cannot be mounted so that what is written is dropped: "
                                    "mount its folder, or read-only");
    if (as->shift || overlay_way_of_kernel() != OVERLAY_BY_DETACHED)
        return err_new(ERR_INVALID,
                       "a mount that drops what is written needs Linux 6.15 or later, and no user "
                       "namespace: mount it read-only");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_sys("make %s", path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open %s", path);
    TRY(make_upper(dir, &st));
    return mount_over(lower, dir, as, out);
}
