/* SPDX-License-Identifier: Apache-2.0 */
/* links: tar base */
/*
 * Any bytes as the tar of docker cp, into a folder of a small root with links in it. Nothing may
 * appear beside that root, and an entry that is refused leaves nothing half-made in it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "tar/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/fuzz-place-XXXXXX"; /* in memory: it is not the disk that is tested */
static int top = -1;

static void remove_dir(void)
{
    err_drop(dir_remove_tree(AT_FDCWD, dir));
}

/* Of those that begin so. */
static int count_names(int at, const char *path, const char *prefix)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    DIR *d = fdopendir(fd);
    struct dirent *e;

    ASSERT(d);
    while ((e = readdir(d)))
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
             !strncmp(e->d_name, prefix, strlen(prefix));
    closedir(d);
    return n;
}

static void make_root(void)
{
    ASSERT(mkdirat(top, "root", 0700) == 0 && mkdirat(top, "root/in", 0700) == 0);
    ASSERT(mkdirat(top, "root/in/a", 0700) == 0);
    ASSERT(symlinkat("/../../beside", top, "root/in/l") == 0);
    ASSERT(symlinkat("../..", top, "root/in/up") == 0);
}

static struct err *put(int in, bool follows)
{
    autoclose int root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int to = openat(top, "root/in", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct tar_place_plan plan = {
        .dir = to,
        .root = follows ? root : -1,
        .dir_path = "/in",
        .max_bytes = 1 << 24,
        .max_entries = 1000,
        .leaves_owner = !follows,
        .keeps_kind = true,
    };

    ASSERT(lseek(in, 0, SEEK_SET) == 0);
    return tar_place(in, &plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoclose int in = memfd_create("fuzz", MFD_CLOEXEC);

    if (top < 0) {
        ASSERT(mkdtemp(dir));
        atexit(remove_dir);
        top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT(top >= 0 && mkdirat(top, "beside", 0700) == 0);
    }
    ASSERT(write(in, data, size) == (ssize_t)size);
    for (int follows = 0; follows < 2; follows++) {
        struct err *e;

        make_root();
        e = put(in, follows);
        ASSERT(count_names(top, ".", "") == 2 && count_names(top, "beside", "") == 0);
        if (!follows)
            ASSERT(count_names(top, "root", "") == 1);
        ASSERT(count_names(top, "root/in", ".berth-cp-") == 0);
        err_drop(e);
        err_drop(dir_remove_tree(top, "root"));
    }
    return 0;
}
