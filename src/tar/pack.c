/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree → tar, while its container may do with it what it likes. Each step names one part below a
 * directory's descriptor, follows no link, and looks (O_PATH) before it opens: to open a device is
 * to use it. Memory is bounded: the names of the directories on the way, and the names of files
 * that have more than one.
 * Trap: the size in a header is a promise. A file that grows is cut there, one that shrinks is
 * filled with zeros and remembered (tar_pack_torn).
 */
#include "tar/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/map.h"
#include "tar/meta.h"
#include "tar/owner_ids.h"
#include "tar/tar_name.h"

#include "tar/header.h"

enum {
    OPEN_LEVELS = 32,            /* directories that stay open: the depth is a container's choice */
    PIECE_BYTES = 256 << 10,     /* of a file, in one read */
    EXTENTS_MAX = 20000,         /* the map stays below the 1 MiB that Go reads */
    NAMES_BYTES_MAX = 256 << 20, /* of the directories on the way */
    LINKS_BYTES_MAX = 64 << 20,  /* past that a file with several names comes several times */
    XATTRS_MAX = 64,
    XATTR_NAMES_MAX = 64 << 10,
    XATTR_NAMES_USUAL = 256,
};

struct level {
    int fd;              /* -1: closed, found again by ".." */
    bool has_no_devices; /* nothing in it can be opened as one, or its owner may do that */
    struct arena *names_arena;
    struct strs names; /* sorted */
    size_t at;
    size_t path_len; /* of the directory's path, with its slash */
    dev_t dev;
    ino_t ino;
};

struct open_file {
    int fd;
    struct tar_extent *extents; /* one, if it has no holes */
    size_t n_extents, extent;   /* which is being read */
    int64_t done;               /* of it */
    int64_t data_bytes;
};

struct tar_pack {
    int source;
    bool has_ids, is_layer, is_for_digest, is_own, is_begun, is_ended;
    struct id_map ids;
    enum tar_pack_choice (*choose)(void *ctx, const char *name, bool is_dir);
    void *ctx;
    bool omits_entry; /* of the directory at hand */
    int opened;       /* the file at hand, when it was not only looked at; else -1 */
    struct buf path;  /* of the current entry */
    struct buf root_name;
    struct level *levels;
    size_t n, room;
    size_t names_bytes;
    struct open_file file; /* fd -1: none */
    struct map *links;     /* "device:inode" → its first name */
    struct arena *links_arena;
    struct tar_xattr xattrs[XATTRS_MAX];
    struct buf values, xattr_names;
    struct buf torn;
};

bool tar_fs_is_kernels(int fd)
{
    static const unsigned long types[] = {
        PROC_SUPER_MAGIC,
        SYSFS_MAGIC,
        CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC,
        DEVPTS_SUPER_MAGIC,
        DEBUGFS_MAGIC,
        TRACEFS_MAGIC,
        SECURITYFS_MAGIC,
        SELINUX_MAGIC,
        SMACK_MAGIC,
        PSTOREFS_MAGIC,
        EFIVARFS_MAGIC,
        BPF_FS_MAGIC,
        BINFMTFS_MAGIC,
        NSFS_MAGIC,
        0x19800202 /* mqueue */,
        0x65735543 /* fusectl */,
        0x62656570 /* configfs */,
        0x67596969 /* rpc_pipefs */,
        0x6e667364 /* nfsd */,
        RDTGROUP_SUPER_MAGIC,
    };
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((unsigned long)fs.f_type == types[i])
            return true;
    return false;
}

struct tar_pack *tar_pack_create(const struct tar_pack_plan *plan)
{
    struct tar_pack *p = mem_new(struct tar_pack);

    p->source = plan->source;
    p->has_ids = plan->ids != NULL;
    if (plan->ids)
        p->ids = *plan->ids;
    p->is_layer = plan->is_layer;
    p->is_for_digest = plan->is_for_digest;
    p->is_own = plan->is_own;
    p->choose = plan->choose;
    p->ctx = plan->ctx;
    p->file.fd = p->opened = -1;
    buf_puts(&p->root_name, plan->root_name);
    buf_puts(&p->path, plan->prefix);
    p->links = map_create();
    p->links_arena = arena_create();
    return p;
}

static void pop(struct tar_pack *p)
{
    struct level *l = &p->levels[--p->n];

    p->names_bytes -= arena_size(l->names_arena);
    arena_destroy(l->names_arena);
    if (l->fd >= 0)
        close(l->fd);
}

static void close_file(struct tar_pack *p)
{
    if (p->file.fd >= 0)
        close(p->file.fd);
    free(p->file.extents);
    p->file = (struct open_file){.fd = -1};
}

void tar_pack_destroy(struct tar_pack *p)
{
    if (!p)
        return;
    while (p->n)
        pop(p);
    free(p->levels);
    close_file(p);
    map_destroy(p->links);
    arena_destroy(p->links_arena);
    buf_finish(&p->path);
    buf_finish(&p->root_name);
    buf_finish(&p->values);
    buf_finish(&p->xattr_names);
    buf_finish(&p->torn);
    free(p);
}

const char *tar_pack_torn(const struct tar_pack *p)
{
    return p->torn.data;
}

/* ---- directories ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In front of a name stands whether it was a file when the directory was read. */
static void add_name(struct level *l, const struct dirent *entry)
{
    char text[sizeof(entry->d_name) + 1];

    snprintf(text, sizeof(text), "%c%s", entry->d_type == DT_REG ? 'f' : '-', entry->d_name);
    strs_add(l->names_arena, &l->names, text);
    l->names.v[l->names.n - 1]++;
}

static bool was_file(const char *name)
{
    return name[-1] == 'f';
}

/* All names at once: what comes and goes meanwhile moves no position, and the same tree gives the
 * same archive. */
static struct err *read_names(struct tar_pack *p, struct level *l)
{
    int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct err *e = NULL;

    if (!dir) {
        e = err_sys("read directory %s", p->path.data);
        if (fd >= 0)
            close(fd);
        return e;
    }
    while (errno = 0, !e && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        add_name(l, entry);
        if (p->names_bytes + arena_size(l->names_arena) > NAMES_BYTES_MAX)
            e = err_new(ERR_TOO_LARGE, "directory %s has too many files", p->path.data);
    }
    if (!e && errno)
        e = err_sys("read directory %s", p->path.data);
    closedir(dir);
    if (!e && l->names.n)
        qsort(l->names.v, l->names.n, sizeof(char *), by_name);
    return e;
}

static bool has_no_devices(int fd)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NODEV);
}

/* Takes fd. p->path is the directory's, with its slash. */
static struct err *push(struct tar_pack *p, int fd, const struct stat *st)
{
    struct level *l;

    if (p->n == p->room) {
        size_t room = p->room ? p->room * 2 : 16;

        p->levels = mem_resize(p->levels, p->room * sizeof(*l), room * sizeof(*l));
        p->room = room;
    }
    if (p->n >= OPEN_LEVELS) {
        close(p->levels[p->n - 1].fd);
        p->levels[p->n - 1].fd = -1;
    }
    l = &p->levels[p->n++];
    *l = (struct level){.fd = fd,
                        .has_no_devices = p->is_own || has_no_devices(fd),
                        .names_arena = arena_create(),
                        .path_len = p->path.len,
                        .dev = st->st_dev,
                        .ino = st->st_ino};
    TRY(read_names(p, l));
    p->names_bytes += arena_size(l->names_arena);
    return NULL;
}

/* ".." of the child is the parent only as long as nobody has moved the child. */
static struct err *leave(struct tar_pack *p)
{
    struct level *l = &p->levels[p->n - 1], *parent = p->n > 1 ? l - 1 : NULL;
    struct stat st;

    if (parent && parent->fd < 0) {
        parent->fd = openat(l->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (parent->fd < 0 || fstat(parent->fd, &st) < 0)
            return err_sys("return to the directory above %.200s", p->path.data);
        if (st.st_dev != parent->dev || st.st_ino != parent->ino)
            return err_new(ERR_CONFLICT, "a directory above %.200s was moved while it was copied",
                           p->path.data);
    }
    pop(p);
    return NULL;
}

/* ---- attributes ---- */

/* The kernel allocates as much as it may write, so what most files have comes first. */
static size_t list_xattrs(struct tar_pack *p, int fd)
{
    ssize_t n;

    buf_reserve(&p->xattr_names, XATTR_NAMES_MAX);
    n = flistxattr(fd, p->xattr_names.data, XATTR_NAMES_USUAL);
    if (n < 0 && errno == ERANGE)
        n = flistxattr(fd, p->xattr_names.data, XATTR_NAMES_MAX);
    return n > 0 ? (size_t)n : 0;
}

/* Values lie one behind the other; the buffer may move, so their places are set at the end. */
static struct err *read_xattrs(struct tar_pack *p, int fd, struct tar_file *f)
{
    size_t len = list_xattrs(p, fd), ends[XATTRS_MAX], n = 0;
    const char *names = p->xattr_names.data;

    p->values.len = 0;
    for (const char *name = names; name < names + len; name += strlen(name) + 1) {
        ssize_t size;

        if (!meta_xattr_is_kept(name))
            continue;
        if (n == XATTRS_MAX)
            return err_new(ERR_INVALID, "%s has more than %d attributes", p->path.data, XATTRS_MAX);
        buf_reserve(&p->values, XATTR_SIZE_MAX + OWNER_IDS_ROOM);
        size = fgetxattr(fd, name, p->values.data + p->values.len, XATTR_SIZE_MAX);
        if (size < 0)
            continue; /* it went meanwhile */
        if (p->has_ids && size)
            size = (ssize_t)owner_ids_inside(&p->ids, name, p->values.data + p->values.len,
                                             (size_t)size);
        if (p->has_ids && !size && !text_starts(name, "user."))
            continue; /* of somebody whom the container does not know: it does not count there */
        p->values.len += (size_t)size;
        p->xattrs[n].name = name;
        p->xattrs[n].size = (size_t)size;
        ends[n++] = p->values.len;
    }
    for (size_t i = 0; i < n; i++)
        p->xattrs[i].value = p->values.data + ends[i] - p->xattrs[i].size;
    f->xattrs = p->xattrs;
    f->n_xattrs = n;
    return NULL;
}

/* ---- files ---- */

/* False: it has no holes, or too many to be told. */
static bool find_extents(int fd, int64_t size, struct open_file *o)
{
    size_t room = 0;
    int64_t at = 0;

    while (at < size) {
        int64_t from = lseek(fd, at, SEEK_DATA), to;

        if (from < 0 && errno != ENXIO)
            return false;
        if (from < 0 || from >= size)
            break;
        to = lseek(fd, from, SEEK_HOLE);
        if (to < 0 || o->n_extents + 1 >= EXTENTS_MAX)
            return false;
        if (o->n_extents + 1 >= room) {
            size_t more = room ? room * 2 : 8;

            o->extents =
                mem_resize(o->extents, room * sizeof(*o->extents), more * sizeof(*o->extents));
            room = more;
        }
        at = to < size ? to : size;
        o->extents[o->n_extents++] = (struct tar_extent){from, at - from};
    }
    if (o->n_extents == 1 && o->extents[0].at == 0 && o->extents[0].size == size)
        return false;
    if (!room)
        o->extents = mem_new(struct tar_extent);
    if (!o->n_extents || at < size ||
        o->extents[o->n_extents - 1].at + o->extents[o->n_extents - 1].size < size)
        o->extents[o->n_extents++] = (struct tar_extent){size, 0}; /* it ends with a hole */
    return true;
}

static void plan_content(struct tar_pack *p, const struct stat *st, struct tar_file *f)
{
    struct open_file *o = &p->file;

    f->is_sparse =
        (int64_t)st->st_blocks * 512 < st->st_size && find_extents(o->fd, st->st_size, o);
    if (!f->is_sparse) {
        free(o->extents);
        o->extents = mem_new(struct tar_extent);
        o->extents[0] = (struct tar_extent){0, st->st_size};
        o->n_extents = 1;
    }
    f->extents = o->extents;
    f->n_extents = o->n_extents;
    o->data_bytes = tar_file_data_bytes(f);
}

/* Behind its end the file has become shorter: zeros, as tar(1) does. */
static void fill_with_zeros(struct tar_pack *p, char *to, size_t n)
{
    memset(to, 0, n);
    p->torn.len = 0;
    buf_puts(&p->torn, p->path.data);
}

static struct err *copy_piece(struct tar_pack *p, struct buf *out)
{
    struct open_file *o = &p->file;
    const struct tar_extent *x = &o->extents[o->extent];
    int64_t left = o->extent < o->n_extents ? x->size - o->done : 0;
    size_t want = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    ssize_t n;

    if (o->extent == o->n_extents) {
        tar_header_pad(out, o->data_bytes);
        close_file(p);
        return NULL;
    }
    if (!left) {
        o->extent++;
        o->done = 0;
        return NULL;
    }
    buf_reserve(out, want);
    do
        n = pread(o->fd, out->data + out->len, want, x->at + o->done);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys("read %s", p->path.data);
    if (n == 0) {
        fill_with_zeros(p, out->data + out->len, want);
        n = (ssize_t)want;
    }
    out->len += (size_t)n;
    out->data[out->len] = '\0';
    o->done += n;
    return NULL;
}

/* ---- the upper folder of an overlay ---- */

/* overlayfs.rst: a deletion is a device of this number, a folder that hides all below has a mark.
 */
static bool is_deletion(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static void put_whiteout(const char *name, const struct timespec *mtime, struct buf *out)
{
    tar_header_add(out, &(struct tar_file){.name = name, .mode = S_IFREG, .mtime = *mtime});
}

static void put_deletion(struct tar_pack *p, size_t dir_len, const struct stat *st, struct buf *out)
{
    autofree char *name =
        mem_printf("%.*s.wh.%s", (int)dir_len, p->path.data, p->path.data + dir_len);

    put_whiteout(name, &st->st_mtim, out);
}

static void put_opaque(struct tar_pack *p, int fd, const struct tar_file *f, struct buf *out)
{
    autofree char *name = mem_printf("%s.wh..wh..opq", f->name);
    char value[2];

    if (p->is_layer && fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
        value[0] == 'y')
        put_whiteout(name, &f->mtime, out);
}

/* Only a part of it lies here: the rest is below, at a place that the attribute names. */
static struct err *refuse_part(struct tar_pack *p, int fd, const char *attribute,
                               const char *option)
{
    if (p->is_layer && fgetxattr(fd, attribute, NULL, 0) >= 0)
        return err_new(ERR_CONFLICT,
                       "%s is not whole in the container's own files: the kernel's overlay has its "
                       "option %s on; turn it off, or use export and import",
                       p->path.data, option);
    return NULL;
}

/* ---- entries ---- */

/* True: it was there before under the name in f->link. */
static bool find_link(struct tar_pack *p, const struct stat *st, struct tar_file *f)
{
    char key[48], *name;

    if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
        return false;
    snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev,
             (unsigned long long)st->st_ino);
    f->link = map_get(p->links, key);
    f->is_hard_link = f->link != NULL;
    if (!f->link && arena_size(p->links_arena) < LINKS_BYTES_MAX) {
        name = arena_strdup(p->links_arena, f->name);
        map_put(p->links, key, name);
    }
    return f->is_hard_link;
}

static void fill(const struct tar_pack *p, struct tar_file *f, const char *name,
                 const struct stat *st)
{
    *f = (struct tar_file){
        .name = name,
        .mode = st->st_mode,
        .uid = id_map_inside(p->has_ids ? &p->ids.uids : NULL, st->st_uid),
        .gid = id_map_inside(p->has_ids ? &p->ids.gids : NULL, st->st_gid),
        .size = S_ISREG(st->st_mode) ? st->st_size : 0,
        .mtime = st->st_mtim,
    };
    if (p->is_for_digest) {
        f->uid = f->gid = 0;
        f->mtime = (struct timespec){0};
    }
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        f->major = major(st->st_rdev);
        f->minor = minor(st->st_rdev);
    }
}

static struct err *put_link(struct tar_pack *p, int seen, struct tar_file *f, struct buf *out)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(seen, "", target, sizeof(target) - 1);

    if (n < 0)
        return err_sys("read link %s", p->path.data);
    target[n] = '\0';
    f->link = target;
    tar_header_add(out, f);
    return NULL;
}

/* The size is that of the open file: it may be another than when it was only looked at. */
static struct err *put_file(struct tar_pack *p, int seen, struct tar_file *f,
                            const struct stat *looked, struct buf *out)
{
    bool is_open = p->opened >= 0;
    struct stat st = *looked;

    p->file.fd = is_open ? steal_fd(&p->opened) : fd_reopen(seen, S_IFREG, O_RDONLY | O_NONBLOCK);
    if (p->file.fd < 0 || (!is_open && fstat(p->file.fd, &st) < 0))
        return err_sys("open %s", f->name);
    f->size = st.st_size;
    TRY(refuse_part(p, p->file.fd, "trusted.overlay.metacopy", "metacopy"));
    TRY(read_xattrs(p, p->file.fd, f));
    plan_content(p, &st, f);
    tar_header_add(out, f);
    return NULL;
}

/* A directory of another file system that is the kernel's own is there, and empty. */
static struct err *put_dir(struct tar_pack *p, int seen, struct tar_file *f, const struct stat *st,
                           struct buf *out)
{
    autoclose int fd = openat(seen, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_other = p->n == 0 || p->levels[p->n - 1].dev != st->st_dev;

    if (fd < 0)
        return err_sys("open directory %s", f->name);
    TRY(refuse_part(p, fd, "trusted.overlay.redirect", "redirect_dir"));
    TRY(read_xattrs(p, fd, f));
    if (!p->omits_entry)
        tar_header_add(out, f);
    put_opaque(p, fd, f, out);
    return is_other && tar_fs_is_kernels(fd) ? NULL : push(p, steal_fd(&fd), st);
}

/* `f->name` is in p->path or p->root_name. Sockets have no tar form. */
static struct err *put(struct tar_pack *p, int seen, struct tar_file *f, const struct stat *st,
                       struct buf *out)
{
    if (find_link(p, st, f)) {
        tar_header_add(out, f);
        return NULL;
    }
    switch (st->st_mode & S_IFMT) {
    case S_IFDIR:
        return put_dir(p, seen, f, st, out);
    case S_IFREG:
        return put_file(p, seen, f, st, out);
    case S_IFLNK:
        return put_link(p, seen, f, out);
    case S_IFSOCK:
        return NULL;
    default:
        tar_header_add(out, f);
        return NULL;
    }
}

static struct err *put_root(struct tar_pack *p, struct buf *out)
{
    struct tar_file f;
    struct stat st;

    if (fstat(p->source, &st) < 0)
        return err_sys("stat %s", p->root_name.data);
    fill(p, &f, p->root_name.data, &st);
    return put(p, p->source, &f, &st, out);
}

/* What was a file is opened at once where a device that took its place could not be: four calls
 * less for each. */
static int look_at(struct tar_pack *p, const struct level *l, const char *name, struct stat *st)
{
    int fd = -1;

    if (l->has_no_devices && was_file(name))
        fd = openat(l->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
        p->opened = fd;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return openat(l->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static struct err *put_seen(struct tar_pack *p, const char *name, int seen, const struct stat *st,
                            struct buf *out)
{
    const struct level *l = &p->levels[p->n - 1];
    enum tar_pack_choice choice;
    struct tar_file f;

    if (p->is_layer && text_starts(name, ".wh."))
        return err_new(ERR_INVALID,
                       "%s cannot be in a layer: there its name means that another file is deleted",
                       p->path.data);
    if (p->is_layer && is_deletion(st)) {
        put_deletion(p, l->path_len, st, out);
        return NULL;
    }
    choice = p->choose ? p->choose(p->ctx, p->path.data, S_ISDIR(st->st_mode)) : TAR_PACK_TAKES;
    if (choice == TAR_PACK_SKIPS || (choice == TAR_PACK_OMITS && !S_ISDIR(st->st_mode)))
        return NULL;
    if (S_ISDIR(st->st_mode))
        buf_putc(&p->path, '/');
    if (p->path.len > TAR_NAME_MAX)
        return err_new(ERR_INVALID, "the path %.100s… is longer than %d bytes", p->path.data,
                       TAR_NAME_MAX);
    fill(p, &f, p->path.data, st);
    p->omits_entry = choice == TAR_PACK_OMITS;
    return put(p, seen, &f, st, out);
}

/* What is gone by now never was. */
static struct err *put_next(struct tar_pack *p, struct buf *out)
{
    struct level *l = &p->levels[p->n - 1];
    const char *name = l->names.v[l->at++];
    struct err *e;
    struct stat st;
    int seen;

    p->path.len = l->path_len;
    buf_puts(&p->path, name);
    seen = look_at(p, l, name, &st);
    if (seen < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", p->path.data);
    if (p->opened < 0 && fstat(seen, &st) < 0)
        e = err_sys("open %s", p->path.data);
    else
        e = put_seen(p, name, seen, &st, out);
    if (p->file.fd != seen) /* else it is being read */
        close(seen);
    p->opened = -1;
    return e;
}

static struct err *step(struct tar_pack *p, struct buf *out)
{
    struct level *l = p->n ? &p->levels[p->n - 1] : NULL;

    if (p->file.fd >= 0)
        return copy_piece(p, out);
    if (!p->is_begun) {
        p->is_begun = true;
        return put_root(p, out);
    }
    if (l)
        return l->at < l->names.n ? put_next(p, out) : leave(p);
    tar_header_end(out);
    p->is_ended = true;
    return NULL;
}

struct err *tar_pack_more(struct tar_pack *p, size_t room, struct buf *out, bool *is_end)
{
    buf_reserve(out, room + PIECE_BYTES); /* once: it is taken again and again */
    while (out->len < room && !p->is_ended)
        TRY(step(p, out));
    *is_end = p->is_ended;
    return NULL;
}
