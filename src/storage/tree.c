/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and copies of trees. Workers.
 * Trap: other containers may rename things in a tree while we walk it. Every step names one
 * part below a directory fd, never follows a link and checks what it has opened; the depth is
 * bounded, since each level holds descriptors.
 */
#include "storage/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "tar/meta.h"

enum { LEVELS_MAX = 256, NAMES_BYTES_MAX = 64 << 10, VALUE_BYTES_MAX = 64 << 10 };

struct tree_level {
    DIR *from;
    int to; /* -1 when only reading */
    struct stat st;
};

struct tree_walk {
    struct tree_level levels[LEVELS_MAX];
    size_t n;
};

static const int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

static bool is_dot(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Takes both fds. */
static struct err *push(struct tree_walk *w, int from, int to)
{
    autoclose int from_fd = from, to_fd = to;
    struct tree_level *level = &w->levels[w->n];

    ASSERT(w->n <= LEVELS_MAX);
    if (w->n == LEVELS_MAX)
        return err_new(ERR_INVALID, "directories are nested more than %d deep", LEVELS_MAX);
    if (fstat(from_fd, &level->st) < 0)
        return err_sys("stat a directory");
    level->from = fdopendir(from_fd);
    if (!level->from)
        return err_sys("read a directory");
    steal_fd(&from_fd);
    level->to = steal_fd(&to_fd);
    w->n++;
    return NULL;
}

static void pop(struct tree_walk *w)
{
    struct tree_level *level = &w->levels[--w->n];

    ASSERT(w->n < LEVELS_MAX);
    closedir(level->from);
    if (level->to >= 0)
        close(level->to);
}

static void finish(struct tree_walk *w)
{
    while (w->n)
        pop(w);
    free(w);
}

/* ---- size ---- */

/* What vanishes meanwhile counts nothing; what is too deep is left out. */
static void add_size(struct tree_walk *w, const char *name, struct tree_total *total)
{
    int dir = dirfd(w->levels[w->n - 1].from), fd;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    total->entries++;
    total->allocated += (int64_t)st.st_blocks * 512;
    if (S_ISREG(st.st_mode))
        total->size += st.st_size / (st.st_nlink > 1 ? (int64_t)st.st_nlink : 1);
    if (!S_ISDIR(st.st_mode))
        return;
    fd = openat(dir, name, dir_flags);
    if (fd >= 0)
        err_drop(push(w, fd, -1));
}

struct err *tree_measure(int dir, const char *name, struct tree_total *out)
{
    struct tree_walk *w = mem_new(struct tree_walk);
    struct tree_total total = {0};
    int fd = openat(dir, name, dir_flags);
    struct err *e = fd < 0 ? err_sys("open %s", name) : push(w, fd, -1);

    while (!e && w->n) {
        struct dirent *entry = readdir(w->levels[w->n - 1].from);

        if (!entry)
            pop(w);
        else if (!is_dot(entry->d_name))
            add_size(w, entry->d_name, &total);
    }
    finish(w);
    if (!e)
        *out = total;
    return e;
}

struct err *tree_size(int dir, const char *name, int64_t *out)
{
    struct tree_total total;

    TRY(tree_measure(dir, name, &total));
    *out = total.size;
    return NULL;
}

/* An open of its own, since the position of a directory is shared by duplicates. */
bool tree_is_empty(int dir)
{
    int fd = openat(dir, ".", dir_flags);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool is_empty = stream != NULL;

    if (!stream && fd >= 0)
        close(fd);
    while (is_empty && (entry = readdir(stream)))
        is_empty = is_dot(entry->d_name);
    if (stream)
        closedir(stream);
    return is_empty;
}

/* ---- copy ---- */

static struct err *copy_xattrs(int from, int to)
{
    autofree char *names = mem_alloc(NAMES_BYTES_MAX), *value = mem_alloc(VALUE_BYTES_MAX);
    ssize_t len = flistxattr(from, names, NAMES_BYTES_MAX);

    for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
        ssize_t n;

        if (!meta_xattr_is_kept(name))
            continue;
        n = fgetxattr(from, name, value, VALUE_BYTES_MAX);
        if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != EOPNOTSUPP)
            return err_sys("copy attribute %s", name);
    }
    return NULL;
}

/* Owner first: chown(2) clears set-id bits and capabilities. */
static struct err *copy_meta(int from, int to, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
        return err_sys("copy owner and mode");
    TRY(copy_xattrs(from, to));
    return futimens(to, times) < 0 ? err_sys("copy times") : NULL;
}

/* From where `from` stands to where `to` does. sendfile(2) copies in the kernel, 2 GiB at most a
 * call. */
static ssize_t copy_range(int from, int to, int64_t left)
{
    while (left > 0) {
        ssize_t n = sendfile(to, from, NULL, (size_t)(left < 1 << 30 ? left : 1 << 30));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n;
        left -= n;
    }
    return 1;
}

/* Holes stay holes: a file of an image may be larger than the disk. */
static struct err *copy_content(int from, int to, int64_t size)
{
    int64_t at = 0, end;

    while (at < size) {
        at = lseek(from, at, SEEK_DATA);
        if (at < 0 && errno == ENXIO)
            break;
        end = at < 0 ? -1 : lseek(from, at, SEEK_HOLE);
        if (end < 0 || lseek(from, at, SEEK_SET) < 0 || lseek(to, at, SEEK_SET) < 0)
            return err_sys("look for data");
        if (copy_range(from, to, (end < size ? end : size) - at) < 0)
            return err_sys("copy");
        at = end;
    }
    return ftruncate(to, size) < 0 ? err_sys("extend to %lld bytes", (long long)size) : NULL;
}

/* If a device or a fifo took the name meanwhile, it is not opened. */
static struct err *copy_file(int from_dir, int to_dir, const char *name)
{
    autoclose int seen = openat(from_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    autoclose int from = seen < 0 ? -1 : fd_reopen(seen, S_IFREG, O_RDONLY | O_NONBLOCK), to = -1;
    struct stat st;
    struct err *e;

    if (seen >= 0 && from < 0 && errno == EINVAL)
        return err_new(ERR_CONFLICT, "%s was replaced while it was copied", name);
    if (from < 0 || fstat(from, &st) < 0)
        return err_sys("open %s", name);
    to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys("make %s", name);
    e = copy_content(from, to, st.st_size);
    return e ? err_wrap(e, "copy %s", name) : copy_meta(from, to, &st);
}

static struct err *copy_node(int from, int to, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    char target[PATH_MAX];
    ssize_t n;

    if (S_ISLNK(st->st_mode)) {
        n = readlinkat(from, name, target, sizeof(target) - 1);
        if (n < 0)
            return err_sys("read link %s", name);
        target[n] = '\0';
        if (symlinkat(target, to, name) < 0)
            return err_sys("make link %s", name);
    } else if (mknodat(to, name, st->st_mode, st->st_rdev) < 0) {
        return err_sys("make %s", name);
    }
    /* no chmod by name: a container that shares the volume could have put a link there */
    if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys("copy owner of %s", name);
    return NULL;
}

static struct err *copy_dir(struct tree_walk *w, int from_dir, int to_dir, const char *name)
{
    autoclose int from = openat(from_dir, name, dir_flags), to = -1;

    if (from < 0)
        return err_sys("open %s", name);
    if (mkdirat(to_dir, name, 0700) < 0)
        return err_sys("make directory %s", name);
    to = openat(to_dir, name, dir_flags);
    if (to < 0)
        return err_sys("open %s", name);
    return push(w, steal_fd(&from), steal_fd(&to));
}

/* Sockets are not copied: without the process that listens they are nothing. */
static struct err *copy_entry(struct tree_walk *w, const char *name)
{
    const struct tree_level *level = &w->levels[w->n - 1];
    int from = dirfd(level->from);
    struct stat st;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys("stat %s", name);
    if (S_ISDIR(st.st_mode))
        return copy_dir(w, from, level->to, name);
    if (S_ISREG(st.st_mode))
        return copy_file(from, level->to, name);
    return S_ISSOCK(st.st_mode) ? NULL : copy_node(from, level->to, name, &st);
}

static struct err *copy_step(struct tree_walk *w)
{
    struct tree_level *level = &w->levels[w->n - 1];
    struct dirent *entry;
    struct err *e;

    errno = 0;
    entry = readdir(level->from);
    if (!entry && errno)
        return err_sys("read a directory");
    if (entry)
        return is_dot(entry->d_name) ? NULL : copy_entry(w, entry->d_name);
    e = copy_meta(dirfd(level->from), level->to, &level->st);
    pop(w);
    return e;
}

struct err *tree_copy(int from, int to)
{
    struct tree_walk *w = mem_new(struct tree_walk);
    int from_fd = openat(from, ".", dir_flags), to_fd = openat(to, ".", dir_flags);
    struct err *e = from_fd < 0 || to_fd < 0 ? err_sys("open a directory") : NULL;

    if (!e)
        e = push(w, from_fd, to_fd);
    while (!e && w->n)
        e = copy_step(w);
    finish(w);
    return e;
}
