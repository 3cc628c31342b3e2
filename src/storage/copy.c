/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of docker cp. All are resolved by openat2(IN_ROOT) in the container's tree, once, and what
 * follows works with the descriptor. Workers.
 * Trap: the rules are of text, before anything is looked up: ".." goes up in the text (as in Go's
 * path.Clean), and a slash at the end is the wish to follow a link.
 */
#include "storage/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "base/text.h"
#include "storage/bounds.h"
#include "storage/copy_mark.h"
#include "tar/pack.h"
#include "tar/place.h"

#include "shift.h"

static const char what[] = "the archive";

static const char *last_part(struct arena *a, const char *clean, const char *path)
{
    size_t n = strlen(path);

    if (path_means_directory(path) && n && path[n - 1] == '.')
        return ".";
    return clean[1] ? arena_strdup(a, strrchr(clean, '/') + 1) : "/";
}

static struct err *refuse(int sys, const char *id, const char *path)
{
    switch (sys) {
    case ENOENT:
        return err_new(ERR_NOT_FOUND, "Could not find the file %s in container %s", path, id);
    case ENOTDIR:
        return err_new(ERR_INVALID, "%s: not a directory", path);
    case ELOOP:
        return err_new(ERR_INVALID, "%s: too many levels of symbolic links", path);
    case ENAMETOOLONG:
        return err_new(ERR_INVALID, "%.100s…: file name too long", path);
    default:
        return err_sysno(sys, "open %s", path);
    }
}

static struct err *kernels_err(const char *id, const char *path)
{
    return err_new(ERR_NOT_FOUND,
                   "Could not find the file %s in container %s: what the kernel shows there (proc, "
                   "sysfs, cgroups) is no file to be copied",
                   path, id);
}

static struct err *refuse_kernels(int fd, const char *id, const char *path)
{
    return tar_fs_is_kernels(fd) ? kernels_err(id, path) : NULL;
}

/* A link that is no path (/proc/1/root) is not followed, and the kernel says ELOOP, as of a circle.
 * The parts in front of it tell which it was. */
static bool goes_through_kernels(int tree, const char *clean)
{
    autofree char *path = mem_strdup(clean);

    for (char *slash = strrchr(path, '/'); slash && slash > path; slash = strrchr(path, '/')) {
        autoclose int fd = -1;

        *slash = '\0';
        fd = fd_open_in_root(tree, path, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0)
            return tar_fs_is_kernels(fd);
    }
    return false;
}

static struct err *refuse_open(int sys, int tree, const char *clean, const char *id,
                               const char *path)
{
    return sys == ELOOP && goes_through_kernels(tree, clean) ? kernels_err(id, path)
                                                             : refuse(sys, id, path);
}

/* The name of an inode in its detached tree is its path in the container. */
static const char *path_of(struct arena *a, int fd)
{
    char link[32], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    return n > 0 && path[0] == '/' ? arena_strndup(a, path, (size_t)n) : NULL;
}

/* Where a link leads to, also when there is nothing. */
static const char *follow(struct arena *a, int tree, const char *clean, int link)
{
    autoclose int fd = fd_open_in_root(tree, clean, O_PATH, 0);
    const char *found = fd < 0 ? NULL : path_of(a, fd);
    char target[PATH_MAX];
    ssize_t n;

    if (found)
        return found;
    n = readlinkat(link, "", target, sizeof(target) - 1);
    if (n < 0)
        return "";
    target[n] = '\0';
    if (target[0] == '/')
        return path_clean(a, target);
    return path_clean(a, arena_printf(a, "%s/../%s", clean, target));
}

struct err *copy_find(struct arena *a, int tree, const char *id, const char *path,
                      struct copy_source *out)
{
    const char *clean = path_clean(a, path);
    autoclose int fd = fd_open_in_root(
        tree, clean, O_PATH | (path_means_directory(path) ? O_DIRECTORY : O_NOFOLLOW), 0);
    struct copy_source s = {.fd = -1, .name = last_part(a, clean, path), .link_target = ""};

    if (fd < 0)
        return refuse_open(errno, tree, clean, id, path);
    if (fstat(fd, &s.st) < 0)
        return err_sys("stat %s", path);
    TRY(refuse_kernels(fd, id, path));
    if (S_ISLNK(s.st.st_mode))
        s.link_target = follow(a, tree, clean, fd);
    s.fd = steal_fd(&fd);
    *out = s;
    return NULL;
}

struct tar_pack *copy_pack(const struct copy_source *s, const struct id_map *ids)
{
    autofree char *dir = mem_printf("%s/", strcmp(s->name, "/") ? s->name : "");
    bool is_dir = S_ISDIR(s->st.st_mode);
    struct tar_pack_plan plan = {s->fd, is_dir ? dir : s->name, is_dir ? dir : "", ids, false};

    return tar_pack_create(&plan);
}

struct tar_pack *copy_pack_root(const struct copy_source *s, const struct id_map *ids)
{
    return tar_pack_create(&(struct tar_pack_plan){s->fd, "./", "", ids, false});
}

/* ---- the other way ---- */

static bool is_same_mount(int a, int b)
{
    struct statx x, y;

    return statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) == 0 &&
           statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) == 0 && x.stx_mnt_id == y.stx_mnt_id;
}

/* Of a container that does not run a tmpfs is shown read-only: what is copied there would be gone
 * at its start. */
static struct err *refuse_read_only(int tree, int dir)
{
    struct statfs fs;

    if (fstatfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        return err_new(ERR_FORBIDDEN, "mounted volume is marked read-only, or it is a tmpfs of a "
                                      "container that does not run: that begins empty");
    return err_new(ERR_FORBIDDEN, "%s",
                   is_same_mount(tree, dir) ? "container rootfs is marked read-only"
                                            : "mounted volume is marked read-only");
}

struct err *copy_find_target(struct arena *a, int tree, const char *id, const char *path,
                             struct copy_target *out)
{
    const char *clean = path_clean(a, path);
    autoclose int dir = fd_open_in_root(tree, clean, O_PATH | O_DIRECTORY, 0);
    struct statvfs fs;

    if (dir < 0 && errno == ENOTDIR)
        return err_new(ERR_INVALID, "extraction point is not a directory");
    if (dir < 0)
        return refuse_open(errno, tree, clean, id, path);
    TRY(refuse_kernels(dir, id, path));
    if (fstatvfs(dir, &fs) < 0)
        return err_sys("look at the file system of %s", path);
    if (fs.f_flag & ST_RDONLY)
        return refuse_read_only(tree, dir);
    out->dir = steal_fd(&dir);
    out->path = clean;
    return NULL;
}

struct copy_look {
    struct unpack_limits limits;
    const struct copy_options *options;
    const struct copy_input *from;
    struct copy_mark mark;
};

static struct err *look(void *ctx, int64_t packed, int64_t plain)
{
    const struct copy_look *l = ctx;

    if (l->options->is_cancelled(l->options->ctx))
        return err_new(ERR_CANCELLED, "the client is gone");
    return bounds_check(&l->limits, what, packed, plain);
}

static struct err *next_bytes(void *ctx, const void **p, size_t *n)
{
    const struct copy_input *from = ((struct copy_look *)ctx)->from;

    return from->more(from->ctx, p, n);
}

static struct err *will_name(void *ctx, const char *parent, const char *name)
{
    return copy_mark_set(&((struct copy_look *)ctx)->mark, parent, name);
}

/* In a tree whose owners are a user namespace's, who makes a file must be one of them. */
struct placing {
    const struct tar_place_plan *plan;
    struct err *err;
};

static void *place_as_root(void *arg)
{
    struct placing *p = arg;
    const struct id_shift s = {.map = p->plan->ids, .userns = -1};

    p->err = shift_thread(&s);
    if (!p->err)
        p->err = tar_place(-1, p->plan);
    return NULL;
}

static struct err *place(const struct tar_place_plan *plan)
{
    struct placing p = {.plan = plan};
    pthread_t thread;
    int sys;

    if (!plan->ids)
        return tar_place(-1, plan);
    sys = pthread_create(&thread, NULL, place_as_root, &p);
    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    return p.err;
}

struct err *copy_in(int tree, const struct copy_target *t, const struct copy_input *from,
                    const struct copy_options *o)
{
    struct copy_look l = {bounds_fill(NULL), o, from, {.fd = -1}};
    struct tar_place_plan plan = {
        .dir = t->dir,
        .root = tree,
        .dir_path = t->path,
        .ids = o->ids,
        .has_owner = o->has_owner,
        .uid = o->uid,
        .gid = o->gid,
        .keeps_kind = o->keeps_kind,
        .max_bytes = l.limits.max_bytes,
        .max_entries = l.limits.max_entries,
        .look = look,
        .more = next_bytes,
        .will_name = will_name,
        .ctx = &l,
    };
    struct err *e;

    TRY(copy_mark_begin(o->store, o->container_id, &l.mark));
    e = place(&plan);
    copy_mark_end(&l.mark);
    if (e && err_errno(e) == EROFS) { /* deeper than the target: a volume in it */
        err_drop(e);
        return err_new(ERR_FORBIDDEN, "mounted volume is marked read-only");
    }
    return e;
}
