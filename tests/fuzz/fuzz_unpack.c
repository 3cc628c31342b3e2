/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/*
 * Any bytes as a layer and as a document archive: whatever comes, nothing may appear outside the
 * draft, nothing may stay when the draft is gone, and a layer that was taken can be given back.
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
#include "storage/layer.h"
#include "storage/layer_tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] =
    "/dev/shm/fuzz-unpack-XXXXXX"; /* in memory: it is not the disk that is tested */
static struct layer_store *store;

static void remove_dir(void)
{
    layer_store_close(store);
    err_drop(dir_remove_tree(AT_FDCWD, dir));
}

static void open_store(void)
{
    char root[sizeof(dir) + 8];

    ASSERT(mkdtemp(dir));
    atexit(remove_dir);
    snprintf(root, sizeof(root), "%s/root", dir);
    ASSERT(!layer_store_open(root, &store));
}

static int count_names(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    ASSERT(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* ".." as a whole component: "a../b" is a name like others. */
static bool leads_up(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
            return true;
    return false;
}

static struct err *read_some(void *ctx, struct member *m)
{
    char text[512];

    (void)ctx;
    ASSERT(!leads_up(m->path) && m->path[0] != '/');
    m->read(m, text, sizeof(text));
    return NULL;
}

/* Whatever was taken is the same tar again, or its record says why not. */
static void give_back(struct layer_draft *draft, const struct unpack_result *r)
{
    struct layer_tar *t;
    struct err *e = layer_commit(draft, NULL, r->diff_id, r);
    char some[4096];
    size_t n = 1;

    ASSERT(!e);
    e = layer_tar_open(store, r->diff_id, &t);
    ASSERT(!e || strstr(err_text(e), "there is no record of its archive, since"));
    while (!e && n)
        ASSERT(!layer_tar_read(t, some, sizeof(some), &n));
    if (!e)
        layer_tar_close(t);
    err_drop(e);
    ASSERT(!layer_remove(store, r->diff_id));
}

/* Only what belongs there is in the store, and nothing is beside it. */
static void check_traces(void)
{
    char path[sizeof(dir) + 32];

    ASSERT(count_names(dir) == 1);
    snprintf(path, sizeof(path), "%s/root", dir);
    ASSERT(count_names(path) == 4); /* layers, containers, trash, copies */
    snprintf(path, sizeof(path), "%s/root/layers/tmp", dir);
    ASSERT(count_names(path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct unpack_limits limits = {.max_bytes = 1 << 20, .max_entries = 500};
    autoclose int fd = memfd_create("input", MFD_CLOEXEC);
    struct unpack_result result;
    int64_t packed;
    struct layer_draft *draft = NULL;

    if (!store)
        open_store();
    ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    err_drop(layer_unpack(store, fd, &limits, NULL, NULL, &result, &draft));
    if (draft && size % 2)
        give_back(draft, &result);
    else
        layer_abort(draft);
    ASSERT(lseek(fd, 0, SEEK_SET) == 0);
    err_drop(archive_each(fd, read_some, NULL, &packed));
    check_traces();
    return 0;
}
