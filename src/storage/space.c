/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from an image never takes the last of a disk: a part stays free for what runs, for
 * logs and for the engine's own state.
 * Trap: some file systems (btrfs) make inodes as they go, and say that they have none.
 */
#include "storage/space.h"

#include <sys/statvfs.h>

#include "base/text.h"

#define KEPT_BYTES ((uint64_t)64 << 20)
#define KEPT_INODES ((uint64_t)1000)
#define KEPT_PART 20 /* of a small disk: one part in so many */

/* Between two looks. */
#define STEP_BYTES ((int64_t)4 << 20)
#define STEP_INODES 64

static int64_t left(uint64_t free, uint64_t all, uint64_t kept)
{
    uint64_t part = all / KEPT_PART < kept ? all / KEPT_PART : kept;

    return free > part ? (int64_t)(free - part) : 0;
}

struct err *space_check(int fd, int64_t bytes, int64_t inodes, const char *what)
{
    int64_t free_bytes, free_inodes;
    struct statvfs v;

    if (fstatvfs(fd, &v) < 0)
        return err_sys("look at the file system");
    free_bytes = left(v.f_bavail * v.f_frsize, v.f_blocks * v.f_frsize, KEPT_BYTES);
    free_inodes = left(v.f_favail, v.f_files, KEPT_INODES);
    if (bytes > free_bytes)
        return err_new(ERR_INTERNAL,
                       "%s %lld bytes on the disk, and %lld are free: free some space", what,
                       (long long)bytes, (long long)free_bytes);
    if (v.f_files && inodes > free_inodes)
        return err_new(ERR_INTERNAL,
                       "%s %lld inodes on the disk, and %lld are free: free some space", what,
                       (long long)inodes, (long long)free_inodes);
    return NULL;
}

struct err *space_take(struct space_meter *m, int fd, int64_t bytes, int64_t inodes,
                       const char *what)
{
    if (bytes > m->bytes || inodes > m->inodes) {
        int64_t more_bytes = bytes > STEP_BYTES ? bytes : STEP_BYTES;

        TRY(space_check(fd, more_bytes, inodes + STEP_INODES, what));
        *m = (struct space_meter){more_bytes, inodes + STEP_INODES};
    }
    m->bytes -= bytes;
    m->inodes -= inodes;
    return NULL;
}
