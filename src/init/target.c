/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of a container become fds here and nowhere else: openat2 inside the root, missing
 * directories made one component at a time below an fd that is already held. Trap: an image
 * may make /dev, /proc or /sys a symlink; those three are never followed (CVE-2026-41579).
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 40, AGAIN_MAX = 64 };

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve};
    int fd = -1;

    /* A rename elsewhere on the system can make ".." ambiguous: EAGAIN, try again. */
    for (int i = 0; i < AGAIN_MAX && fd < 0; i++) {
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    return fd;
}

static int open_in_root(int root, const char *path)
{
    return open_how(root, path, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int open_child(int dir, const char *name, uint64_t flags)
{
    return open_how(dir, name, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* O_PATH of the root; -1 and errno. */
static int target_root(struct init *t)
{
    if (t->root < 0)
        t->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return t->root;
}

static const char *skip_slashes(const char *p)
{
    while (*p == '/' || (*p == '.' && (p[1] == '/' || !p[1])))
        p++;
    return p;
}

/* What is behind the first component, if that is `name`. */
static const char *after_first(const char *path, const char *name)
{
    size_t n = strlen(name);

    path = skip_slashes(path);
    if (strncmp(path, name, n) || (path[n] && path[n] != '/'))
        return NULL;
    return skip_slashes(path + n);
}

bool target_is(const char *path, const char *name)
{
    const char *rest = after_first(path, name);

    return rest && !*rest;
}

bool target_is_below(const char *path, const char *name)
{
    const char *rest = after_first(path, name);

    return rest && *rest;
}

bool target_is_safe_text(const char *path)
{
    if (*path != '/' || strlen(path) >= PATH_MAX)
        return false;
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if (at[-1] == '/' && (!at[2] || at[2] == '/'))
            return false;
    return true;
}

struct target_walk {
    int root;
    enum target_make make;
    const struct target_owner *owner;
    char path[PATH_MAX];
};

/* Made and then opened beneath: if something else has the name by now, the open finds out. */
static int make_dir(const struct target_walk *w, int dir, const char *name, int *out)
{
    int fd;

    if (mkdirat(dir, name, 0755) && errno != EEXIST)
        return errno;
    fd = open_child(dir, name, O_DIRECTORY);
    if (fd < 0)
        return errno;
    if (w->owner && fchownat(fd, "", w->owner->uid, w->owner->gid, AT_EMPTY_PATH)) {
        int sys = errno;

        close(fd);
        return sys;
    }
    *out = fd;
    return 0;
}

/* An empty file to mount on. */
static int make_file(int dir, const char *name, int *out)
{
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return errno;
    fd = open_child(dir, name, 0);
    if (fd < 0)
        return errno;
    *out = fd;
    return 0;
}

/* Cuts the component at `at` off as a string of its own; returns the start of the next. */
static char *cut_component(char *at)
{
    char *end = at + strcspn(at, "/");

    if (!*end)
        return end;
    *end++ = 0;
    while (*end == '/')
        end++;
    return end;
}

/* Makes what is missing: `rest` relative to dir (kept open by the caller). */
static int make_rest(const struct target_walk *w, int dir, char *rest, int *out)
{
    int at = dir, sys = 0;

    while (*rest && !sys) {
        char *next = cut_component(rest);
        int fd = -1;

        if (!strcmp(rest, ".."))
            sys = ENOENT;
        else if (!strcmp(rest, ".")) {
            rest = next;
            continue;
        } else if (!*next && w->make == MAKE_FILE)
            sys = make_file(at, rest, &fd);
        else
            sys = make_dir(w, at, rest, &fd);
        if (at != dir)
            close(at);
        at = fd;
        rest = next;
    }
    if (!sys)
        *out = at;
    return sys;
}

/* w->path = before + link + rest, where an absolute link forgets `before`. */
static int splice_link(struct target_walk *w, size_t before, const char *link, const char *rest)
{
    char joined[PATH_MAX];
    size_t n_link = strlen(link), n_rest = strlen(rest), at = 0;

    if (link[0] == '/')
        before = 0;
    if (before + n_link + n_rest + 3 > sizeof(joined))
        return ENAMETOOLONG;
    memcpy(joined, w->path, before);
    at = before;
    joined[at++] = '/';
    memcpy(joined + at, link, n_link);
    at += n_link;
    joined[at++] = '/';
    memcpy(joined + at, rest, n_rest + 1);
    memcpy(w->path, joined, at + n_rest + 1);
    return 0;
}

enum { WALK_AGAIN = -1 };

/* One pass: the deepest existing directory, then what is missing below it. WALK_AGAIN when
 * a dangling symlink was put in place of its component. */
static int walk_once(struct target_walk *w, int *out)
{
    int dir = fcntl(w->root, F_DUPFD_CLOEXEC, 0);
    char *at = w->path + strspn(w->path, "/");
    int sys = dir < 0 ? errno : 0;

    while (!sys && *at) {
        size_t n = strcspn(at, "/");
        char *end = at + n, saved = *end;
        char link[PATH_MAX];
        ssize_t n_link;
        int fd;

        *end = 0;
        fd = open_in_root(w->root, w->path);
        if (fd >= 0) {
            *end = saved;
            close(dir);
            dir = fd;
            at = end + strspn(end, "/");
            continue;
        }
        sys = errno;
        if (sys != ENOENT)
            break;
        n_link = readlinkat(dir, at, link, sizeof(link) - 1);
        *end = saved;
        if (n_link < 0) {
            int made = -1;

            sys = make_rest(w, dir, at, &made);
            if (!sys)
                *out = made;
            if (made != dir)
                close(dir);
            return sys;
        }
        link[n_link] = 0;
        sys = splice_link(w, (size_t)(at - w->path), link, end + strspn(end, "/"));
        close(dir);
        return sys ? sys : WALK_AGAIN;
    }
    if (!sys)
        *out = dir;
    else if (dir >= 0)
        close(dir);
    return sys;
}

static int make_target(struct init *t, const char *path, enum target_make make,
                       const struct target_owner *owner, int *out)
{
    struct target_walk w = {.root = t->root, .make = make, .owner = owner};

    PROMISED(strlen(path) < sizeof(w.path));
    memcpy(w.path, path, strlen(path) + 1); /* program_check bounded it */
    for (int i = 0; i < LINKS_MAX; i++) {
        int sys = walk_once(&w, out);

        if (sys != WALK_AGAIN)
            return sys;
    }
    return ELOOP;
}

static bool is_system_directory(const char *path)
{
    return target_is(path, "dev") || target_is(path, "proc") || target_is(path, "sys");
}

/* /dev, /proc, /sys: never through a symlink, wherever it leads. */
static int open_system_directory(struct init *t, const char *path, enum target_make make, int *out)
{
    const char *name = skip_slashes(path);
    char buf[8] = "";
    int fd;

    PROMISED(strcspn(name, "/") < sizeof(buf));
    memcpy(buf, name, strcspn(name, "/"));
    if (make == MAKE_DIR && mkdirat(t->root, buf, 0755) && errno != EEXIST)
        return errno;
    fd = open_child(t->root, buf, O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) {
        int sys = errno == ELOOP ? ENOTDIR : errno;

        init_blame2(t, path, "is not a directory in the image");
        return sys;
    }
    *out = fd;
    return 0;
}

/* A mount of a directory goes on a directory, one of a file on a file (mount(2), ENOTDIR). */
static int check_type(int fd, enum target_make make)
{
    struct stat st;

    if (make == MAKE_NOTHING)
        return 0;
    if (fstat(fd, &st))
        return errno;
    if (make == MAKE_DIR && !S_ISDIR(st.st_mode))
        return ENOTDIR;
    if (make == MAKE_FILE && S_ISDIR(st.st_mode))
        return EISDIR;
    return 0;
}

int target_open(struct init *t, const char *path, enum target_make make,
                const struct target_owner *owner, int *out)
{
    int fd, sys;

    init_blame(t, path);
    if (target_root(t) < 0)
        return errno;
    if (is_system_directory(path))
        return open_system_directory(t, path, make, out);
    fd = open_in_root(t->root, path);
    if (fd < 0) {
        if (errno != ENOENT || make == MAKE_NOTHING)
            return errno;
        sys = make_target(t, path, make, owner, &fd);
        if (sys)
            return sys;
    }
    sys = check_type(fd, make);
    if (sys) {
        close(fd);
        return sys;
    }
    *out = fd;
    return 0;
}
