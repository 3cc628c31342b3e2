/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relabel: :z and :Z of binds, and volumes. Workers.
 * Trap: the tree may be another container's, who renames in it while we walk. Every step names one
 * part below a directory's descriptor and follows no link; the depth is bounded, since each level
 * holds a descriptor. What vanishes meanwhile needs no label.
 */
#include "relabel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/text.h"
#include "storage/rootfs.h"
#include "tar/pack.h"

#define NAME "security.selinux"

enum { LEVELS_MAX = 256, CONTEXT_ROOM = 4096 };

struct relabel {
    DIR *levels[LEVELS_MAX];
    size_t n;
    const char *context, *what;
    dev_t dev; /* of its root */
};

/* Docker's list. Whoever gives these to containers takes them from the host. */
static const char *const kept[] = {
    "/",     "/bin", "/boot",  "/dev",   "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow",
    "/home", "/lib", "/lib64", "/media", "/opt", "/proc",       "/root",    "/run",
    "/sbin", "/srv", "/sys",   "/tmp",   "/usr", "/var",        "/var/lib", "/var/log",
};

/* By the inode, so that no other name of it will do. */
struct err *relabel_check(int place, const char *what)
{
    struct stat st, other;

    if (fstat(place, &st) < 0)
        return err_sys("stat %s", what);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (stat(kept[i], &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
            return err_new(ERR_INVALID, "SELinux relabeling of %s is not allowed", what);
    return NULL;
}

static struct err *push(struct relabel *r, int fd)
{
    DIR *dir;

    if (r->n == LEVELS_MAX) {
        close(fd);
        return err_new(ERR_INVALID, "relabel %s: directories are nested more than %d deep", r->what,
                       LEVELS_MAX);
    }
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_sys("relabel %s: read a directory", r->what);
    }
    r->levels[r->n++] = dir;
    return NULL;
}

/* A file system without labels has nothing to change, and what is mounted read-only below the
 * source was not meant; the source itself was. */
static bool is_tolerable(const struct relabel *r, const struct stat *st)
{
    if (errno == ENOENT || errno == EOPNOTSUPP)
        return true;
    return st->st_dev != r->dev && (errno == EROFS || errno == EPERM || errno == EACCES);
}

/* The kernel gives the end of the text with it. */
static bool is_context(const char *value, ssize_t n, const char *context)
{
    size_t size = strlen(context);

    return (n == (ssize_t)size || n == (ssize_t)size + 1) && memcmp(value, context, size) == 0;
}

/* By its name below /proc/self/fd/N, a directory that is held: the last step is not followed. */
static struct err *set_label(const struct relabel *r, int dir, const char *name,
                             const struct stat *st)
{
    char path[64 + NAME_MAX], old[CONTEXT_ROOM];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
    if (is_context(old, lgetxattr(path, NAME, old, sizeof(old)), r->context))
        return NULL; /* it keeps its times */
    if (lsetxattr(path, NAME, r->context, strlen(r->context) + 1, 0) == 0 || is_tolerable(r, st))
        return NULL;
    return err_sys("give %s in %s the SELinux label %s", name, r->what, r->context);
}

static struct err *visit(struct relabel *r, int dir, const char *name)
{
    struct stat st;
    int fd;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return NULL;
    TRY(set_label(r, dir, name, &st));
    if (!S_ISDIR(st.st_mode))
        return NULL;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (st.st_dev != r->dev && tar_fs_is_kernels(fd)) {
        close(fd);
        return NULL;
    }
    return push(r, fd);
}

static struct err *walk(struct relabel *r)
{
    while (r->n) {
        DIR *dir = r->levels[r->n - 1];
        struct dirent *entry = readdir(dir);

        if (!entry) {
            closedir(dir);
            r->n--;
        } else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            TRY(visit(r, dirfd(dir), entry->d_name));
        }
    }
    return NULL;
}

/* By the link of its own descriptor, which leads to itself. */
static struct err *relabel_file(const struct relabel *r, int file)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (setxattr(path, NAME, r->context, strlen(r->context) + 1, 0) == 0 || errno == EOPNOTSUPP)
        return NULL;
    return err_sys("give %s the SELinux label %s", r->what, r->context);
}

struct err *relabel_one(int dir, const char *context, const char *what)
{
    const struct relabel r = {.context = context, .what = what};

    return relabel_file(&r, dir);
}

bool relabel_is_done(int dir, const char *context)
{
    char old[CONTEXT_ROOM];
    ssize_t n = fgetxattr(dir, NAME, old, sizeof(old));

    return is_context(old, n, context);
}

/* The root last: one that has the label was walked to the end. */
static struct err *relabel_dir(struct relabel *r, int dir)
{
    autoclose int root = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    struct err *e;

    if (root < 0) {
        close(dir);
        return err_sys("relabel %s", r->what);
    }
    e = push(r, dir);
    if (!e)
        e = walk(r);
    while (r->n)
        closedir(r->levels[--r->n]);
    return e ? e : relabel_file(r, root);
}

struct err *relabel_tree(int mount, const char *context, const char *what)
{
    struct relabel *r;
    struct stat st;
    struct err *e;
    int dir;

    TRY(relabel_check(mount, what));
    if (fstat(mount, &st) < 0)
        return err_sys("stat %s", what);
    r = mem_new(struct relabel);
    r->context = context;
    r->what = what;
    r->dev = st.st_dev;
    dir = S_ISDIR(st.st_mode) ? openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (S_ISDIR(st.st_mode) && dir < 0)
        e = err_sys("relabel %s", what);
    else
        e = dir < 0 ? relabel_file(r, mount) : relabel_dir(r, dir);
    free(r);
    return e;
}
