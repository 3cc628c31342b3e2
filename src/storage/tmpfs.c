/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs_open: a detached tmpfs with Docker's option string and safe defaults. Workers. */
#include <sys/mount.h>

#include "fsctx.h"
#include "store.h"

static const char *const tmpfs_keys[] = {
    "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge", NULL,
};

static bool has_key(const struct strs *options, const char *prefix)
{
    for (size_t i = 0; i < options->n; i++)
        if (text_starts(options->v[i], prefix))
            return true;
    return false;
}

struct err *tmpfs_check(const char *options)
{
    return fsctx_check_options(options, tmpfs_keys);
}

struct err *tmpfs_open(const char *options, struct tmpfs_mount *out)
{
    uint64_t attr = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, options, ',');
    autoclose int fs = -1;
    int fd;

    TRY(fsctx_open("tmpfs", &fs));
    TRY(fsctx_set_text(fs, "source", "tmpfs"));
    TRY(fsctx_set_options(fs, options, tmpfs_keys, &attr));
    TRY(fsctx_mount(fs, attr & ~(uint64_t)MOUNT_ATTR_RDONLY, &fd));
    *out = (struct tmpfs_mount){
        .fd = fd,
        .has_mode = has_key(&list, "mode="),
        .has_owner = has_key(&list, "uid=") || has_key(&list, "gid="),
        .is_readonly = attr & MOUNT_ATTR_RDONLY,
    };
    return NULL;
}
