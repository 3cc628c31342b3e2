/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archive entries → files below one directory. One worker; nobody else can reach the directory.
 * Every system call names one part below a directory fd. The parent is resolved by openat2
 * BENEATH without links; where the archive itself has made a link of a parent ("bin" →
 * "usr/bin", then "bin/sh"), as the container would see it (IN_ROOT). The last part is never
 * followed: a later entry replaces an earlier one, links included.
 * Trap: the fd of the last parent is cached; whoever removes a directory or a link makes the cache
 * forget its path.
 */
#include "extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"
#include "storage/space.h"
#include "tar/decoder.h"
#include "tar/meta.h"
#include "tar/tar_name.h"

#include "tar_split.h"
#include "whiteout.h"

enum {
    DIRS_BYTES_MAX = 128 << 20, /* memory for the times of directories */
    FLUSH_MIN = 1 << 20,        /* larger files go to the disk while the next are unpacked */
};

static const char what_needs[] = "the layer needs at least";

struct dir_time {
    struct dir_time *next;
    struct timespec times[2];
    char path[];
};

struct extract {
    int root;
    int parent; /* cached; -1: none */
    char parent_path[TAR_NAME_MAX + 1];
    bool parent_has_links; /* on the way to it */
    int64_t file_bytes, max_bytes;
    struct space_meter space;
    struct arena *dirs_arena;
    struct dir_time *dirs, **dirs_end;
    struct tar_name name, link; /* of the current entry */
    struct tar_split *split;
    char real_path[TAR_NAME_MAX + 1]; /* of the current entry, without links */
};

struct extract *extract_create(int root, int64_t max_bytes, struct tar_split *split)
{
    struct extract *x = mem_new(struct extract);

    ASSERT(root >= 0 && max_bytes > 0);
    x->root = root;
    x->parent = -1;
    x->max_bytes = max_bytes;
    x->split = split;
    x->dirs_arena = arena_create();
    x->dirs_end = &x->dirs;
    return x;
}

static void drop_parent(struct extract *x)
{
    if (x->parent >= 0)
        close(x->parent);
    x->parent = -1;
}

void extract_destroy(struct extract *x)
{
    if (!x)
        return;
    drop_parent(x);
    arena_destroy(x->dirs_arena);
    free(x);
}

int64_t extract_file_bytes(const struct extract *x)
{
    return x->file_bytes;
}

/* ---- the record ---- */

/* The path of a directory, as the kernel knows it. */
static bool path_of(int fd, char out[PATH_MAX])
{
    char link[32];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, out, PATH_MAX - 1);
    if (n < 0)
        return false;
    out[n] = '\0';
    return true;
}

/* Where the current entry really is, though its name may lead through links. NULL: its path is too
 * long, and there will be no record. */
static const char *find_real_path(struct extract *x)
{
    unwritten char root[PATH_MAX], parent[PATH_MAX];
    size_t len, n;

    if (!x->parent_has_links || x->parent < 0 || !x->name.parent_len)
        return x->name.path;
    if (!path_of(x->root, root) || !path_of(x->parent, parent))
        return NULL;
    len = strlen(root);
    if (!text_starts(parent, root) || (parent[len] && parent[len] != '/'))
        return NULL;
    n = (size_t)snprintf(x->real_path, sizeof(x->real_path), "%s%s%s",
                         parent[len] ? parent + len + 1 : "", parent[len] ? "/" : "", x->name.base);
    return n < sizeof(x->real_path) ? x->real_path : NULL;
}

static const char *real_path(struct extract *x)
{
    const char *path = find_real_path(x);

    if (!path)
        tar_split_refuse(x->split, "a path of its archive leads through links and is too long");
    return path;
}

/* A file that a later entry replaces has bytes of the tar: they must not be lost. */
static struct err *unlink_file(struct extract *x, int dir, const char *name, const struct stat *st)
{
    const char *path = real_path(x);
    bool is_moved = false;

    if (path && S_ISREG(st->st_mode) && st->st_size)
        TRY(tar_split_keep(x->split, dir, name, path, &is_moved));
    if (!is_moved && unlinkat(dir, name, 0) < 0)
        return err_sys("replace %s", name);
    return NULL;
}

/* ---- names that are taken ---- */

/* Removes what has the name. A directory stays when `for_dir`; *was_hidden: it was a whiteout. */
static struct err *clear_name(struct extract *x, int dir, const char *name, bool for_dir,
                              bool *was_hidden)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys("stat %s", name);
    *was_hidden = whiteout_is(&st);
    if (!S_ISREG(st.st_mode))
        x->parent_path[0] = '\0'; /* it may lead through what goes now */
    if (!S_ISDIR(st.st_mode))
        return unlink_file(x, dir, name, &st);
    if (for_dir)
        return NULL;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return NULL;
    tar_split_refuse(x->split, "an entry of its archive takes the place of a whole directory");
    return dir_remove_tree(dir, name);
}

/* A directory with this name, new or old; open for reading. Mode and owner are the caller's. */
static struct err *make_dir(struct extract *x, int dir, const char *name, int *out)
{
    autoclose int fd = -1;
    bool was_hidden = false;

    if (mkdirat(dir, name, 0755) < 0) {
        if (errno != EEXIST)
            return err_sys("make directory %s", name);
        TRY(clear_name(x, dir, name, true, &was_hidden));
        if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
            return err_sys("make directory %s", name);
    }
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys("open directory %s", name);
    /* hidden first, then made anew: what lower layers have there stays hidden */
    if (was_hidden)
        TRY(whiteout_set_opaque(fd));
    *out = steal_fd(&fd);
    return NULL;
}

/* ---- parents ---- */

/* ELOOP: a part of the path is a link, which RESOLVE_NO_SYMLINKS refuses. It is one that the
 * archive has made, so it is followed as the container would: never out of the root. */
static int open_dir_in(struct extract *x, const char *path)
{
    int fd = fd_open_beneath(x->root, path, O_PATH | O_DIRECTORY, 0);

    if (fd < 0 && errno == ELOOP) {
        fd = fd_open_in_root(x->root, path, O_PATH | O_DIRECTORY, 0);
        x->parent_has_links = true;
    }
    return fd;
}

/* Nothing, or one of our whiteouts, whose place a parent directory may take. */
static bool is_free_at(int dir, const char *name)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return whiteout_is(&st);
    return errno == ENOENT;
}

/* Opens parent `path` part by part and makes what is missing, 0755 and root's. */
static struct err *make_parents(struct extract *x, const char *path, int *out)
{
    autofree char *prefix = mem_strdup(path);
    autoclose int dir = fcntl(x->root, F_DUPFD_CLOEXEC, 0);
    char *part = prefix;
    int sys = errno;

    while (dir >= 0 && part) {
        char *slash = strchr(part, '/');
        autoclose int above = dir;
        autoclose int made = -1;

        if (slash)
            *slash = '\0';
        dir = open_dir_in(x, prefix);
        sys = errno;
        if (dir < 0 && is_free_at(above, part)) {
            TRY(make_dir(x, above, part, &made));
            if (fchmod(made, 0755) < 0)
                return err_sys("set the mode of %s", prefix);
            dir = open_dir_in(x, prefix);
            sys = errno;
        }
        if (slash)
            *slash = '/';
        part = slash ? slash + 1 : NULL;
    }
    if (dir < 0)
        return err_new(ERR_INVALID,
                       "archive entry \"%.200s\" has a parent that is no directory: %s",
                       x->name.path, strerror(sys));
    *out = steal_fd(&dir);
    return NULL;
}

/* The directory of a name; *out is borrowed. */
static struct err *open_parent(struct extract *x, const struct tar_name *n, bool may_make, int *out)
{
    char path[TAR_NAME_MAX + 1];
    int fd;

    ASSERT(n->parent_len <= TAR_NAME_MAX);
    *out = x->root;
    if (!n->parent_len)
        return NULL;
    memcpy(path, n->path, n->parent_len);
    path[n->parent_len] = '\0';
    *out = x->parent;
    if (x->parent >= 0 && !strcmp(path, x->parent_path))
        return NULL;
    x->parent_has_links = false;
    fd = open_dir_in(x, path);
    if (fd < 0 && may_make)
        TRY(make_parents(x, path, &fd));
    if (fd < 0)
        return err_new(ERR_INVALID, "archive entry \"%.200s\" refers to \"%.200s\": %s",
                       x->name.path, n->path, strerror(errno));
    drop_parent(x);
    *out = x->parent = fd;
    memcpy(x->parent_path, path, n->parent_len + 1);
    return NULL;
}

/* ---- kinds of entries ---- */

/* Every file that is made in a directory moves its time, so directories get theirs when all is
 * unpacked. */
static struct err *remember_times(struct extract *x, const struct meta *m)
{
    size_t len = strlen(x->name.path);
    struct dir_time *d;

    if (arena_size(x->dirs_arena) > DIRS_BYTES_MAX)
        return err_new(ERR_INVALID, "the archive has too many directories");
    d = arena_alloc(x->dirs_arena, sizeof(*d) + len + 1);
    memcpy(d->times, m->times, sizeof(d->times));
    memcpy(d->path, x->name.path, len);
    *x->dirs_end = d;
    x->dirs_end = &d->next;
    return NULL;
}

static struct err *put_dir(struct extract *x, int dir, struct archive_entry *e,
                           const struct meta *m)
{
    autoclose int fd = -1;

    if (*x->name.path)
        TRY(make_dir(x, dir, x->name.base, &fd));
    else
        fd = fcntl(x->root, F_DUPFD_CLOEXEC, 0);
    TRY(meta_apply_fd(fd, m, e));
    return remember_times(x, m);
}

/* Blocks come with their place, since sparse files have holes. sync_file_range(2) only begins the
 * writing of a large file: the syncfs at the end has less to wait for. */
static struct err *write_content(struct extract *x, int fd, struct archive *ar, int64_t size,
                                 bool is_recorded)
{
    struct content_part part;
    int64_t end = 0;

    ASSERT(fd >= 0 && size >= 0);
    for (;;) {
        TRY(decoder_next_part(ar, size, end, &part));
        if (part.is_end)
            break;
        TRY(space_take(&x->space, fd, (int64_t)part.n, 0, what_needs));
        TRY(fd_write_all_at(fd, part.p, part.n, part.at));
        if (is_recorded)
            TRY(tar_split_data(x->split, ar, part.p, part.n, part.at));
        end = part.at + (int64_t)part.n;
    }
    if (end < size && ftruncate(fd, size) < 0)
        return err_sys("extend to %lld bytes", (long long)size);
    if (size >= FLUSH_MIN)
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return NULL;
}

static struct err *put_file(struct extract *x, int dir, struct archive *ar, struct archive_entry *e,
                            const struct meta *m)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int64_t size = archive_entry_size(e);
    autoclose int fd = -1;
    const char *path;
    bool was_hidden;

    if (size < 0 || size > x->max_bytes - x->file_bytes)
        return err_new(ERR_INVALID, "the archive's files have more than %lld bytes",
                       (long long)x->max_bytes);
    x->file_bytes += size;
    ASSERT(x->file_bytes >= 0 && x->file_bytes <= x->max_bytes);
    fd = openat(dir, x->name.base, flags, 0600);
    if (fd < 0 && errno == EEXIST) {
        TRY(clear_name(x, dir, x->name.base, false, &was_hidden));
        fd = openat(dir, x->name.base, flags, 0600);
    }
    if (fd < 0)
        return err_sys("make file %s", x->name.path);
    path = size ? real_path(x) : NULL;
    tar_split_begin_file(x->split, path);
    TRY(write_content(x, fd, ar, size, path != NULL));
    TRY(tar_split_end_file(x->split));
    return meta_apply_fd(fd, m, e);
}

static struct err *put_node(struct extract *x, int dir, struct archive_entry *e,
                            const struct meta *m, mode_t type)
{
    const char *target = archive_entry_symlink(e);
    bool was_hidden;
    int r;

    if (S_ISLNK(type) && (!target || !*target || strlen(target) >= PATH_MAX))
        return err_new(ERR_INVALID, "archive entry \"%.200s\" is a link without a usable target",
                       x->name.path);
    r = meta_make_node(dir, x->name.base, e, type);
    if (r < 0 && errno == EEXIST) {
        TRY(clear_name(x, dir, x->name.base, false, &was_hidden));
        r = meta_make_node(dir, x->name.base, e, type);
    }
    if (r < 0)
        return err_sys("make %s", x->name.path);
    return meta_apply_at(dir, x->name.base, m, type);
}

/* Hard links name files of this archive only, so the target is looked up as a parent is. */
static struct err *put_hard_link(struct extract *x, const char *raw)
{
    autoclose int from = -1;
    bool was_hidden;
    int dir, r;

    TRY(tar_name_clean(raw, &x->link));
    if (!*x->link.path)
        return err_new(ERR_INVALID, "archive entry \"%.200s\" links to nothing", x->name.path);
    if (!strcmp(x->link.path, x->name.path))
        return NULL;
    TRY(open_parent(x, &x->link, false, &dir));
    from = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    TRY(open_parent(x, &x->name, true, &dir));
    r = linkat(from, x->link.base, dir, x->name.base, 0);
    if (r < 0 && errno == EEXIST) {
        TRY(clear_name(x, dir, x->name.base, false, &was_hidden));
        r = linkat(from, x->link.base, dir, x->name.base, 0);
    }
    if (r < 0 && (errno == ENOENT || errno == EPERM))
        return err_new(ERR_INVALID,
                       "archive entry \"%.200s\" links to \"%.200s\", which is no file of it",
                       x->name.path, x->link.path);
    return r < 0 ? err_sys("link %s", x->name.path) : NULL;
}

/* Whiteouts are about lower layers: what this very archive has put there stays. */
static struct err *put_whiteout(struct extract *x, int dir)
{
    const char *name = tar_name_hidden(&x->name);
    autoclose int fd = -1;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? whiteout_make(dir, name) : err_sys("stat %s", name);
    if (!S_ISDIR(st.st_mode))
        return NULL;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys("open %s", name) : whiteout_set_opaque(fd);
}

/* "Whatever lower layers have in this directory is gone" (OCI image specification, "Opaque
 * Whiteout"). */
static struct err *put_opaque(int dir)
{
    autoclose int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? err_sys("open directory") : whiteout_set_opaque(fd);
}

static struct err *put_plain(struct extract *x, struct archive *ar, struct archive_entry *e)
{
    const char *hard_link = archive_entry_hardlink(e);
    mode_t type = archive_entry_filetype(e);
    struct meta m;
    int dir;

    if (!*x->name.path && (!S_ISDIR(type) || hard_link))
        return err_new(ERR_INVALID, "the archive's root is not a directory");
    if (hard_link)
        return put_hard_link(x, hard_link);
    TRY(meta_read(e, &m));
    TRY(open_parent(x, &x->name, true, &dir));
    switch (type) {
    case S_IFDIR:
        return put_dir(x, dir, e, &m);
    case S_IFREG:
        return put_file(x, dir, ar, e, &m);
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
        return put_node(x, dir, e, &m, type);
    default: /* sockets have no tar form; unknown kinds are left out as Docker does */
        return NULL;
    }
}

struct err *extract_entry(struct extract *x, struct archive *ar, struct archive_entry *e)
{
    const char *raw = archive_entry_pathname(e);
    enum tar_name_kind kind;
    int dir;

    if (!raw)
        return err_new(ERR_INVALID, "an archive entry has no usable name");
    TRY(space_take(&x->space, x->root, 0, 1, what_needs));
    TRY(tar_name_clean(raw, &x->name));
    TRY(tar_name_classify(&x->name, &kind));
    if (kind == TAR_NAME_IGNORED)
        return NULL;
    if (kind == TAR_NAME_PLAIN)
        return put_plain(x, ar, e);
    TRY(open_parent(x, &x->name, true, &dir));
    return kind == TAR_NAME_OPAQUE ? put_opaque(dir) : put_whiteout(x, dir);
}

struct err *extract_finish(struct extract *x)
{
    for (struct dir_time *d = x->dirs; d; d = d->next) {
        autoclose int fd = *d->path ? fd_open_beneath(x->root, d->path, O_RDONLY | O_DIRECTORY, 0)
                                    : fcntl(x->root, F_DUPFD_CLOEXEC, 0);

        /* a later entry may have put something else there */
        if (fd >= 0 && futimens(fd, d->times) < 0)
            return err_sys("set times of %s", d->path);
    }
    return NULL;
}
