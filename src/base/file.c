/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: bounded reads, atomic writes, one-write puts. Blocking: workers and start-up.
 * Trap: the size that fstat reports is only a hint (0 for /proc and cgroup files), so reads
 * go on until end of file or the bound.
 */
#include "base/fd.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { READ_FIRST = 4096 };

static size_t size_hint(int fd, size_t max)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return READ_FIRST;
    return (uint64_t)st.st_size < max ? (size_t)st.st_size : max;
}

/* Reads one byte more than max to tell "full" from "too large". */
static struct err *read_bounded(int fd, size_t max, struct buf *b)
{
    size_t want = size_hint(fd, max) + 1;

    for (;;) {
        ssize_t n;

        buf_reserve(b, want);
        n = read(fd, b->data + b->len, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys("read");
        b->len += (size_t)n;
        b->data[b->len] = '\0';
        if (b->len > max)
            return err_new(ERR_TOO_LARGE, "file is larger than %zu bytes", max);
        if (!n)
            return NULL;
        want = b->len < READ_FIRST ? READ_FIRST : b->len;
        if (want > max - b->len + 1)
            want = max - b->len + 1;
    }
}

struct err *file_read_fd(struct arena *a, int fd, size_t max, char **out, size_t *out_len)
{
    autobuf struct buf b = {0};

    ASSERT(max < SIZE_MAX / 4);
    TRY(read_bounded(fd, max, &b));
    *out = arena_alloc(a, b.len + 1);
    memcpy(*out, b.data, b.len);
    if (out_len)
        *out_len = b.len;
    return NULL;
}

struct err *file_read(struct arena *a, int dirfd, const char *path, size_t max, char **out,
                      size_t *out_len)
{
    autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct err *e;

    if (fd < 0) {
        e = err_sys("open %s", path);
        return err_errno(e) == ENOENT || err_errno(e) == ENOTDIR ? err_as(e, ERR_NOT_FOUND) : e;
    }
    e = file_read_fd(a, fd, max, out, out_len);
    return e ? err_wrap(e, "%s", path) : NULL;
}

/* The directory that holds `name`. The temporary file must be beside it: a rename does not cross
 * file systems. */
static int open_parent(int dirfd, const char *name)
{
    const char *slash = strrchr(name, '/');
    autofree char *parent = NULL;

    if (!slash)
        return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    parent = slash == name ? mem_strdup("/") : mem_printf("%.*s", (int)(slash - name), name);
    return openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct err *fill_file(int fd, const void *p, size_t n, unsigned mode, bool is_durable)
{
    TRY(fd_write_all(fd, p, n));
    if (fchmod(fd, mode) < 0)
        return err_sys("chmod");
    if (is_durable && fsync(fd) < 0)
        return err_sys("fsync");
    return NULL;
}

static struct err *replace_file(int dir, const char *base, const char *tmp, const void *p, size_t n,
                                unsigned mode, bool is_durable)
{
    autoclose int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct err *e;

    if (fd < 0)
        return err_sys("create %s", tmp);
    e = fill_file(fd, p, n, mode, is_durable);
    if (!e && renameat(dir, tmp, dir, base) < 0)
        e = err_sys("rename %s", tmp);
    if (e)
        unlinkat(dir, tmp, 0);
    return e;
}

/* rename(2) is atomic: a reader, and an engine after a crash, finds the old file or the new one,
 * whole. With is_durable also after a power cut: file, then name, then the directory. */
struct err *file_write_atomic(int dirfd, const char *name, const void *p, size_t n, unsigned mode,
                              bool is_durable)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    autoclose int dir = open_parent(dirfd, name);
    autofree char *tmp = NULL;
    unsigned long long salt;
    struct err *e;

    if (dir < 0)
        return err_sys("open the directory of %s", name);
    if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
        return err_sys("getrandom");
    tmp = mem_printf(".%.200s.%016llx", base, salt);
    e = replace_file(dir, base, tmp, p, n, mode, is_durable);
    if (!e && is_durable && fsync(dir) < 0)
        e = err_sys("fsync of the directory");
    return e ? err_wrap(e, "write %s", name) : NULL;
}

/* One write: the files of cgroupfs and procfs take a value whole or not at all (cgroups(7)), a
 * second write would be another value. */
struct err *file_put(int dirfd, const char *name, const char *text)
{
    autoclose int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    size_t n = strlen(text);
    ssize_t written;

    ASSERT(name && text);
    if (fd < 0) {
        struct err *e = err_sys("open %s", name);

        return err_errno(e) == ENOENT || err_errno(e) == ENOTDIR ? err_as(e, ERR_NOT_FOUND) : e;
    }
    do {
        written = write(fd, text, n);
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        return err_sys("write \"%s\" to %s", text, name);
    if ((size_t)written != n)
        return err_new(ERR_INTERNAL, "write \"%s\" to %s: short write", text, name);
    return NULL;
}
