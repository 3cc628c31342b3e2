/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlays for kernels before 6.7: mount(2) on a throw-away thread in a mount namespace of its
 * own, taken out by open_tree as a detached clone; the namespace dies with the thread. Workers.
 * mount(2) takes one page of options: the directories get one- to three-letter names, links in a
 * tmpfs that only this namespace has, or mounts there when they get the owners of a user namespace.
 * Trap: fds opened before the unshare belong to the old namespace and cannot be mounted on.
 */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"

#include "shift.h"

enum { MOUNT_DATA_MAX = 4095 };

struct mounting {
    const struct overlay *o;
    int fd;
    struct err *err;
};

/* unshare(2): CLONE_FS as well, or chdir would move the whole engine. Private, or the tmpfs would
 * appear in the host's mount table. */
static struct err *enter_namespace(const struct overlay *o)
{
    autofree char *place = mem_printf("%s/layers/tmp", o->store->data_root);

    if (unshare(CLONE_FS | CLONE_NEWNS) < 0)
        return err_sys("make a mount namespace%s", err_no_room());
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys("make mounts private");
    if (mount("tmpfs", place, "tmpfs", 0, "mode=0700,size=1m") < 0)
        return err_sys("mount a tmpfs for the names of layers");
    if (chdir(place) < 0)
        return err_sys("enter %s", place);
    return NULL;
}

static struct err *link_dir(const char *name, const char *fmt, ...) like_printf(2, 3);
/* A short name in the tmpfs for a long path: one page of options then has room for as many layers
 * as overlay takes. */
static struct err *link_dir(const char *name, const char *fmt, ...)
{
    autoarena struct arena *a = arena_create();
    const char *path;
    va_list ap;

    va_start(ap, fmt);
    path = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return symlink(path, name) < 0 ? err_sys("name %s", path) : NULL;
}

/* The same with the owners of a user namespace: an idmapped clone is attached there. */
static struct err *mount_dir(const struct id_shift *s, const char *name, const char *path)
{
    autoclose int mount = -1;

    if (mkdir(name, 0700) < 0)
        return err_sys("make a place for %s", path);
    TRY(shift_clone(AT_FDCWD, path, s, path, &mount));
    if (move_mount(mount, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys("attach %s", path);
    return NULL;
}

static struct err *place_lower(const struct overlay *o, const char *name, const char *lower)
{
    const char *root = o->store->data_root;
    autofree char *path = mem_printf("%s/layers/%s", root, lower);

    return o->shift ? mount_dir(o->shift, name, path) : link_dir(name, "%s", path);
}

/* As c/upper and c/work: both have to be on one mount. */
static struct err *place_upper(const struct overlay *o)
{
    autofree char *path = mem_printf("%s/containers/%s", o->store->data_root, o->id);

    return o->shift ? mount_dir(o->shift, "c", path) : link_dir("c", "%s", path);
}

static struct err *make_options(const struct overlay *o, struct buf *options)
{
    buf_puts(options, "lowerdir=");
    for (size_t i = 0; i < o->lower.n; i++) {
        char name[24];

        snprintf(name, sizeof(name), "%zu", i); /* no letter: that is upper's place */
        TRY(place_lower(o, name, o->lower.v[i]));
        buf_printf(options, "%s%s", i ? ":" : "", name);
    }
    if (o->id) {
        TRY(place_upper(o));
        buf_puts(options, ",upperdir=c/upper,workdir=c/work");
    }
    if (o->context) /* it has commas, and never quotes */
        buf_printf(options, ",context=\"%s\"", o->context);
    if (o->is_volatile)
        buf_puts(options, ",volatile");
    if (options->len > MOUNT_DATA_MAX)
        return err_new(ERR_INVALID, "the image has too many layers: %zu", o->lower.n);
    return mkdir("m", 0700) < 0 ? err_sys("make a mount point") : NULL;
}

static struct err *remove_volatile_mark(const struct overlay *o)
{
    autofree char *mark =
        mem_printf("%s/containers/%s/work/work/incompat", o->store->data_root, o->id);

    return dir_remove_tree(AT_FDCWD, mark);
}

/* open_tree(OPEN_TREE_CLONE) gives a detached mount that belongs to no namespace and survives this
 * one. */
static struct err *mount_in_namespace(const struct overlay *o, int *out)
{
    autobuf struct buf options = {0};

    if (o->id)
        TRY(remove_volatile_mark(o));
    TRY(enter_namespace(o));
    TRY(make_options(o, &options));
    if (o->shift)
        TRY(shift_thread(o->shift));
    if (mount("overlay", "m", "overlay", 0, options.data) < 0)
        return err_sys("mount the root file system");
    *out = open_tree(AT_FDCWD, "m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return *out < 0 ? err_sys("take the root file system%s", err_no_room()) : NULL;
}

static void *run(void *arg)
{
    struct mounting *m = arg;

    m->err = mount_in_namespace(m->o, &m->fd);
    return NULL;
}

struct err *overlay_open_by_mount(const struct overlay *o, int *out)
{
    struct mounting m = {.o = o, .fd = -1};
    pthread_t thread;
    int sys = pthread_create(&thread, NULL, run, &m);

    ASSERT(o->lower.n > 0);
    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    if (m.err)
        return m.err;
    *out = m.fd;
    return NULL;
}
