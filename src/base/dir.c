/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths, mkdir -p, rm -r. Blocking: workers and start-up only.
 * Trap: a container may have made its tree thousands of levels deep and may still race with
 * us, so removal keeps a heap stack, a bounded number of open directories, never follows a
 * link and checks by device and inode that ".." is where it came from.
 */
#include "base/fd.h"

#include "open.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

enum { OPEN_LEVELS = 32, REFILL_TRIES = 16 };

/* ---- names ---- */

struct err *dir_names(struct arena *a, int dir, struct strs *out)
{
    ASSERT(dir >= 0);
    /* an open of its own: readdir moves the position that all duplicates share */
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct strs names = {0};
    struct dirent *entry;
    DIR *stream;

    if (fd < 0)
        return err_sys("open a directory");
    stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return err_sys("read a directory");
    }
    while ((entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            strs_add(a, &names, entry->d_name);
    closedir(stream);
    *out = names;
    return NULL;
}

/* ---- paths ---- */

char *path_join(struct arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir);

    while (n && dir[n - 1] == '/')
        n--;
    while (*name == '/')
        name++;
    return arena_printf(a, "%.*s/%s", (int)n, dir, name);
}

bool path_means_directory(const char *path)
{
    size_t n = strlen(path);

    if (n && path[n - 1] == '.')
        n--;
    else if (n && path[n - 1] != '/')
        return false;
    return n == 0 || path[n - 1] == '/';
}

char *path_clean(struct arena *a, const char *path)
{
    char *clean = arena_alloc(a, strlen(path) + 2), *end = clean;

    while (*path) {
        const char *part = path + strspn(path, "/");
        size_t n = strcspn(part, "/");

        path = part + n;
        if (!n || (n == 1 && part[0] == '.'))
            continue;
        if (n == 2 && part[0] == '.' && part[1] == '.') {
            while (end > clean && *--end != '/')
                ;
            continue;
        }
        *end++ = '/';
        memcpy(end, part, n);
        end += n;
    }
    if (end == clean)
        *end++ = '/';
    *end = '\0';
    return clean;
}

struct err *path_absolute(struct arena *a, const char *path, char **out)
{
    autofree char *cwd = NULL;

    if (!*path)
        return err_new(ERR_INVALID, "the path is empty");
    if (*path == '/') {
        *out = path_clean(a, path);
        return NULL;
    }
    cwd = getcwd(NULL, 0);
    if (!cwd)
        return err_sys("find the working directory");
    *out = path_clean(a, path_join(a, cwd, path));
    return NULL;
}

static struct err *make_dir(const char *path, unsigned mode)
{
    struct stat st;
    int sys;

    if (mkdir(path, mode) == 0)
        return NULL;
    sys = errno;
    if (stat(path, &st) < 0)
        return err_sysno(sys, "mkdir %s", path);
    return S_ISDIR(st.st_mode) ? NULL : err_sysno(ENOTDIR, "mkdir %s", path);
}

struct err *dir_make_all(const char *path, unsigned mode)
{
    autofree char *copy = mem_strdup(path);

    for (char *p = copy + strspn(copy, "/"); *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        TRY(make_dir(copy, mode));
        *p = '/';
    }
    return make_dir(copy, mode);
}

/* ---- removal ---- */

struct dir_level {
    DIR *stream; /* NULL: closed to save descriptors, found again by ".." */
    char *name;  /* in its parent */
    dev_t dev;
    ino_t ino;
    int refills;
};

struct dir_walk {
    int top; /* the directory that holds the tree's root; the caller's */
    struct dir_level *levels;
    size_t n, room;
};

enum found { FOUND_DIR, FOUND_GONE, FOUND_OTHER };

/* RESOLVE_NO_XDEV: a mount below the tree is not ours to empty (EXDEV ends the removal). */
static int open_child(int dir, const char *name)
{
    return open_resolving(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0,
                          RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV |
                              RESOLVE_BENEATH);
}

/* Takes fd. Only the uppermost OPEN_LEVELS keep their stream open: the depth is the container's
 * choice, and so many descriptors are not. */
static struct err *push_level(struct dir_walk *w, int fd, const char *name)
{
    autoclose int owned = fd;
    struct dir_level *level;
    struct stat st;
    char *copy;
    DIR *stream;

    if (fstat(fd, &st) < 0)
        return err_sys("stat %s", name);
    stream = fdopendir(fd);
    if (!stream)
        return err_sys("read directory %s", name);
    steal_fd(&owned);
    copy = mem_strdup(name); /* before its stream, where it lives, is closed below */
    if (w->n == w->room) {
        size_t room = w->room ? w->room * 2 : 16;

        w->levels = mem_resize(w->levels, w->room * sizeof(*level), room * sizeof(*level));
        w->room = room;
    }
    if (w->n >= OPEN_LEVELS && w->levels[w->n - 1].stream) {
        closedir(w->levels[w->n - 1].stream);
        w->levels[w->n - 1].stream = NULL;
    }
    ASSERT(w->n < w->room);
    level = &w->levels[w->n++];
    *level = (struct dir_level){stream, copy, st.st_dev, st.st_ino, 0};
    return NULL;
}

/* ".." of the child is the parent only as long as nobody has moved the child: device and inode must
 * be those of before, or the removal would go on in a strange directory. */
static struct err *reopen_parent(struct dir_level *parent, int child)
{
    autoclose int fd = openat(child, "..", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    ASSERT(!parent->stream && child >= 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys("reopen %s", parent->name);
    if (st.st_dev != parent->dev || st.st_ino != parent->ino)
        return err_new(ERR_CONFLICT, "directory %s was moved during its removal", parent->name);
    parent->stream = fdopendir(fd);
    if (!parent->stream)
        return err_sys("read directory %s", parent->name);
    steal_fd(&fd);
    return NULL;
}

/* unlinkat(2) of a directory says EISDIR on Linux: so nothing needs to be looked at first, and
 * nothing can be exchanged in between. */
static struct err *remove_entry(int dir, const char *name, unsigned char type, enum found *out)
{
    *out = FOUND_DIR;
    if (type == DT_DIR)
        return NULL;
    *out = FOUND_GONE;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return NULL;
    if (errno != EISDIR)
        return err_sys("remove %s", name);
    *out = FOUND_DIR;
    return NULL;
}

/* Descends into `name` of the level on top, or removes it when it is no directory any more. */
static struct err *enter_entry(struct dir_walk *w, int dir, const char *name)
{
    int fd = open_child(dir, name);

    if (fd >= 0)
        return push_level(w, fd, name);
    if (errno == ENOENT)
        return NULL;
    if (errno != ENOTDIR && errno != ELOOP)
        return err_sys("remove directory %s", name);
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return NULL;
    return err_sys("remove %s", name);
}

/* The level on top is empty: removes it from its parent, or reads it again when it was refilled. */
static struct err *pop_level(struct dir_walk *w)
{
    struct dir_level *level = &w->levels[w->n - 1], *parent = w->n > 1 ? level - 1 : NULL;
    int dir = w->top;

    ASSERT(w->n && level->stream);
    if (parent && !parent->stream)
        TRY(reopen_parent(parent, dirfd(level->stream)));
    if (parent)
        dir = dirfd(parent->stream);
    if (unlinkat(dir, level->name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
        if ((errno != ENOTEMPTY && errno != EEXIST) || level->refills++ >= REFILL_TRIES)
            return err_sys("remove directory %s", level->name);
        rewinddir(level->stream);
        return NULL;
    }
    closedir(level->stream);
    free(level->name);
    w->n--;
    return NULL;
}

static struct err *step(struct dir_walk *w)
{
    struct dir_level *level = &w->levels[w->n - 1];
    struct dirent *entry;
    enum found found;

    ASSERT(w->n && level->stream);
    errno = 0;
    entry = readdir(level->stream);
    if (!entry && errno)
        return err_sys("read directory %s", level->name);
    if (!entry)
        return pop_level(w);
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
        return NULL;
    TRY(remove_entry(dirfd(level->stream), entry->d_name, entry->d_type, &found));
    return found == FOUND_DIR ? enter_entry(w, dirfd(level->stream), entry->d_name) : NULL;
}

static void finish_walk(struct dir_walk *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->levels[i].stream)
            closedir(w->levels[i].stream);
        free(w->levels[i].name);
    }
    free(w->levels);
}

static struct err *remove_child(int dir, const char *name)
{
    struct dir_walk w = {.top = dir};
    enum found found;
    struct err *e;

    TRY(remove_entry(dir, name, DT_UNKNOWN, &found));
    if (found == FOUND_GONE)
        return NULL;
    e = enter_entry(&w, dir, name);
    while (!e && w.n)
        e = step(&w);
    finish_walk(&w);
    return e;
}

struct err *dir_remove_tree(int dirfd, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    autoclose int dir = -1;
    autofree char *parent = NULL;
    struct err *e;

    if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
        return err_new(ERR_INVALID, "cannot remove \"%s\"", name);
    if (slash)
        parent = mem_printf("%.*s", (int)(slash - name) + 1, name);
    dir = openat(dirfd, parent ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return errno == ENOENT ? NULL : err_sys("open the directory of %s", name);
    e = remove_child(dir, base);
    return e ? err_wrap(e, "remove tree %s", name) : NULL;
}
