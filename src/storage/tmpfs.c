/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs_open: a detached tmpfs with Docker's option string and safe defaults. Workers. */
#include <sys/mount.h>

#include "fsctx.h"
#include "store.h"

static const char *const tmpfs_keys[] = {
    "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge", NULL,
};

struct err *tmpfs_open(const char *options, int *out)
{
    uint64_t attr = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    autoclose int fs = -1;

    TRY(fsctx_open("tmpfs", &fs));
    TRY(fsctx_set_text(fs, "source", "tmpfs"));
    TRY(fsctx_set_options(fs, options, tmpfs_keys, &attr));
    return fsctx_mount(fs, attr, out);
}
