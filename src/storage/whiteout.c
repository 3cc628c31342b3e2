/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlay whiteouts. Workers.
 * Trap: making the 0:0 device needs no privilege since Linux 5.8, the trusted.* attribute of an
 * opaque directory needs CAP_SYS_ADMIN.
 */
#include "whiteout.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

bool whiteout_is(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

struct err *whiteout_make(int dir, const char *name)
{
    ASSERT(dir >= 0);
    if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0)
        return err_sys("make a whiteout of %s", name);
    return NULL;
}

struct err *whiteout_set_opaque(int fd)
{
    ASSERT(fd >= 0);
    if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
        return err_sys("make a directory opaque");
    return NULL;
}
