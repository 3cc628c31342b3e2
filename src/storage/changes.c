/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container has changed: its upper folder is read, the layers below are only asked what was
 * at a name. Worker; a container may go on changing meanwhile.
 * Trap: an opaque folder hides what the image had, and a folder that was moved (redirect_dir)
 * brings another one's content along: there, and only there, lower folders are listed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/map.h"

#include "store.h"
#include "whiteout.h"

enum { FDS_MAX = 4096, CAPABILITY_MAX = 64 };

/* One folder as the layers below have it, the topmost first. */
struct lower_dir {
    int *fds;
    size_t n;
};

struct change_level {
    int upper;              /* -1: nothing there */
    struct lower_dir old;   /* what the image has at this path */
    struct lower_dir moved; /* what shows through although it was somewhere else */
    bool hides_old;         /* the image's content does not show through */
    struct map *names;      /* that are seen, or hidden one by one */
    struct strs list;
    struct arena *arena;
    size_t at, path_len;
    bool is_added, is_changed;
};

struct changes {
    struct change_level *levels;
    size_t n, room, n_fds;
    struct lower_dir root; /* of the image; the store's layers */
    struct buf path;
    rootfs_change_fn fn;
    void *ctx;
};

static const int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

/* ---- lower folders ---- */

static void lower_add(struct changes *c, struct lower_dir *d, int fd)
{
    d->fds = mem_resize(d->fds, d->n * sizeof(int), (d->n + 1) * sizeof(int));
    d->fds[d->n++] = fd;
    c->n_fds++;
}

static void lower_close(struct changes *c, struct lower_dir *d)
{
    for (size_t i = 0; i < d->n; i++)
        close(d->fds[i]);
    c->n_fds -= d->n;
    free(d->fds);
    *d = (struct lower_dir){0};
}

static bool has_mark(int fd, const char *name)
{
    char value[2];

    return fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* What is called `name` in there: false if nothing is. */
static bool lower_look(const struct lower_dir *d, const char *name, struct stat *st, int *layer)
{
    for (size_t i = 0; i < d->n; i++) {
        if (fstatat(d->fds[i], name, st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        *layer = d->fds[i];
        return !whiteout_is(st);
    }
    return false;
}

/* A folder in it, merged as overlay merges: down to a whiteout, a file, or an opaque one. */
static struct lower_dir lower_enter(struct changes *c, const struct lower_dir *d, const char *name)
{
    struct lower_dir out = {0};

    for (size_t i = 0; i < d->n && c->n_fds < FDS_MAX; i++) {
        int fd = openat(d->fds[i], name, dir_flags);

        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            break;
        lower_add(c, &out, fd);
        if (has_mark(fd, "trusted.overlay.opaque"))
            break;
    }
    return out;
}

static struct lower_dir lower_walk(struct changes *c, const struct lower_dir *from,
                                   const char *path)
{
    autoarena struct arena *a = arena_create();
    struct strs parts = text_split(a, path, '/');
    struct lower_dir at = {0};

    for (size_t i = 0, deep = 0; i < parts.n; i++) {
        struct lower_dir next;

        if (!*parts.v[i])
            continue;
        next = lower_enter(c, deep++ ? &at : from, parts.v[i]);
        lower_close(c, &at);
        at = next;
    }
    return at;
}

/* ---- names ---- */

static struct err *add_names(struct change_level *l, int dir, bool is_upper)
{
    int fd = openat(dir, ".", dir_flags);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? NULL : err_sys("read a directory of the container");
    }
    while ((e = readdir(d))) {
        struct stat st;

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || map_get(l->names, e->d_name))
            continue;
        map_put(l->names, e->d_name, l);
        if (!is_upper && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && whiteout_is(&st))
            continue;
        strs_add(l->arena, &l->list, e->d_name);
    }
    closedir(d);
    return NULL;
}

/* All that is there now, and what is no more although nothing says so one by one. */
static struct err *list_names(struct change_level *l)
{
    if (l->upper >= 0)
        TRY(add_names(l, l->upper, true));
    for (size_t i = 0; i < l->moved.n; i++)
        TRY(add_names(l, l->moved.fds[i], false));
    for (size_t i = 0; l->hides_old && i < l->old.n; i++)
        TRY(add_names(l, l->old.fds[i], false));
    return NULL;
}

/* ---- levels ---- */

static struct err *push(struct changes *c, struct change_level *l)
{
    if (c->n == c->room) {
        size_t room = c->room ? c->room * 2 : 16;

        c->levels = mem_resize(c->levels, c->room * sizeof(*l), room * sizeof(*l));
        c->room = room;
    }
    l->arena = arena_create();
    l->names = map_create();
    l->path_len = c->path.len;
    c->n_fds += l->upper >= 0;
    c->levels[c->n++] = *l;
    if (c->n_fds >= FDS_MAX)
        return err_new(ERR_INVALID, "directories are nested too deep at %.200s", c->path.data);
    return list_names(&c->levels[c->n - 1]);
}

static void pop(struct changes *c)
{
    struct change_level *l = &c->levels[--c->n];

    if (l->upper >= 0) {
        close(l->upper);
        c->n_fds--;
    }
    lower_close(c, &l->old);
    lower_close(c, &l->moved);
    map_destroy(l->names);
    arena_destroy(l->arena);
}

static void tell(struct changes *c, enum rootfs_change kind)
{
    c->fn(c->ctx, c->path.data, kind);
    c->levels[c->n - 1].is_changed = true;
}

/* A folder is changed by what is changed in it. */
static void leave(struct changes *c)
{
    struct change_level *l = &c->levels[c->n - 1];
    bool is_added = l->is_added, is_changed = l->is_changed;

    c->path.len = l->path_len;
    c->path.data[c->path.len] = '\0';
    pop(c);
    if (c->n && (is_added || is_changed))
        tell(c, is_added ? ROOTFS_ADDED : ROOTFS_CHANGED);
}

/* ---- what has changed ---- */

static bool has_same_capability(int a, int b, const char *name)
{
    char x[CAPABILITY_MAX], y[CAPABILITY_MAX];
    autoclose int fd_a = openat(a, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    autoclose int fd_b = openat(b, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fgetxattr(fd_a, "security.capability", x, sizeof(x));
    ssize_t m = fgetxattr(fd_b, "security.capability", y, sizeof(y));

    return (n < 0 && m < 0) || (n == m && !memcmp(x, y, (size_t)n));
}

/* A file that was only opened for writing was copied up, too. */
static bool is_same(const struct stat *now, const struct stat *old)
{
    if (now->st_mode != old->st_mode || now->st_uid != old->st_uid || now->st_gid != old->st_gid ||
        now->st_rdev != old->st_rdev)
        return false;
    return S_ISDIR(now->st_mode) ||
           (now->st_size == old->st_size && now->st_mtim.tv_sec == old->st_mtim.tv_sec &&
            now->st_mtim.tv_nsec == old->st_mtim.tv_nsec);
}

/* Where a folder that was moved has its content from (overlayfs.rst, "redirect_dir"). */
static struct lower_dir find_moved(struct changes *c, const struct change_level *parent, int fd)
{
    char from[PATH_MAX];
    ssize_t n = fgetxattr(fd, "trusted.overlay.redirect", from, sizeof(from) - 1);

    if (n <= 0)
        return (struct lower_dir){0};
    from[n] = '\0';
    return from[0] == '/' ? lower_walk(c, &c->root, from)
                          : lower_enter(c, parent->hides_old ? &parent->moved : &parent->old, from);
}

/* Takes fd, the upper folder; -1: it is all of lower ones. */
static struct err *enter(struct changes *c, const char *name, int fd, bool is_added,
                         bool is_changed)
{
    struct change_level *parent = &c->levels[c->n - 1];
    struct change_level l = {.upper = fd, .is_added = is_added, .is_changed = is_changed};
    bool is_opaque = fd >= 0 && has_mark(fd, "trusted.overlay.opaque");

    l.old = lower_enter(c, &parent->old, name);
    if (fd >= 0)
        l.moved = find_moved(c, parent, fd);
    l.hides_old = is_opaque || l.moved.n || parent->hides_old;
    if (!is_opaque && !l.moved.n && parent->moved.n)
        l.moved = lower_enter(c, &parent->moved, name);
    return push(c, &l);
}

static struct err *judge(struct changes *c, const char *name)
{
    struct change_level *l = &c->levels[c->n - 1];
    struct stat now, old;
    int layer = -1, where = l->upper;
    bool was = lower_look(&l->old, name, &old, &layer);
    bool is = l->upper >= 0 && fstatat(l->upper, name, &now, AT_SYMLINK_NOFOLLOW) == 0;
    bool is_upper = is, is_changed;
    int fd = -1;

    if (is && whiteout_is(&now))
        is = is_upper = false;
    else if (!is)
        is = lower_look(&l->moved, name, &now, &where);
    if (!is) {
        if (was)
            tell(c, ROOTFS_DELETED);
        return NULL;
    }
    is_changed = was && (!is_same(&now, &old) ||
                         (S_ISREG(now.st_mode) && !has_same_capability(where, layer, name)));
    if (!S_ISDIR(now.st_mode)) {
        if (!was || is_changed)
            tell(c, was ? ROOTFS_CHANGED : ROOTFS_ADDED);
        return NULL;
    }
    if (is_upper) {
        fd = openat(l->upper, name, dir_flags);
        if (fd < 0)
            return errno == ENOENT || errno == ENOTDIR ? NULL : err_sys("open %s", c->path.data);
    }
    return enter(c, name, fd, !was, is_changed);
}

static struct err *step(struct changes *c)
{
    struct change_level *l = &c->levels[c->n - 1];

    if (l->at == l->list.n) {
        leave(c);
        return NULL;
    }
    c->path.len = l->path_len;
    buf_printf(&c->path, "/%s", l->list.v[l->at++]);
    return judge(c, l->list.v[l->at - 1]);
}

static struct err *begin(struct changes *c, struct layer_store *s, const char *id,
                         const struct strs *chain)
{
    autofree char *upper = mem_printf("%s/upper", id);
    struct change_level top = {.upper = openat(s->containers, upper, dir_flags)};

    if (top.upper < 0)
        return err_sys("open the files of container %.12s", id);
    for (size_t i = chain->n + 1; i-- > 0;) {
        autofree char *path =
            i ? mem_printf("%s/diff", digest_hex(chain->v[i - 1])) : mem_strdup(INIT_LAYER);
        int fd = openat(s->layers, path, dir_flags),
            other = fd < 0 ? -1 : openat(fd, ".", dir_flags);

        if (fd >= 0)
            lower_add(c, &c->root, fd);
        if (other >= 0)
            lower_add(c, &top.old, other);
    }
    buf_puts(&c->path, "");
    return push(c, &top);
}

struct err *rootfs_changes(struct layer_store *s, const char *id, const struct strs *chain,
                           rootfs_change_fn fn, void *ctx)
{
    struct changes c = {.fn = fn, .ctx = ctx};
    struct err *e;

    ASSERT(s->magic == STORE_MAGIC && id_is_valid(id));
    e = begin(&c, s, id, chain);
    while (!e && c.n)
        e = step(&c);
    while (c.n)
        pop(&c);
    lower_close(&c, &c.root);
    free(c.levels);
    buf_finish(&c.path);
    return e;
}
