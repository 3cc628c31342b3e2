/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlays by fsopen: layers as fds (Linux ≥ 6.13) or as paths (≥ 6.7, "lowerdir+"); older
 * kernels: overlay_mount.c. Workers.
 * For a user namespace the layers are idmapped clones, upper and work one of both's folder. The
 * overlay makes its own files (whiteouts, work/) as who mounted it, and an idmapped mount has none
 * of an owner that the map does not have: a throw-away thread mounts it as the namespace's root.
 * Trap: a volatile overlay leaves work/work/incompat/volatile behind and refuses (EINVAL) to be
 * mounted again until that is gone. We remove it: what a kernel crash may have torn is lost for
 * a volatile container by definition, and a crash of the engine tears nothing.
 */
#include "overlay.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fd.h"

#include "fsctx.h"
#include "shift.h"

enum { FSCONFIG_TEXT_MAX = 255 };

/* By the release and not by trying: a wrong try would leave its error in the log of a context that
 * is still needed. */
enum overlay_way overlay_way_of_kernel(void)
{
    struct utsname u;
    int major = 0, minor = 0, version;

    if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
        return OVERLAY_BY_MOUNT;
    version = major * 1000 + minor;
    if (version >= 6015)
        return OVERLAY_BY_DETACHED;
    if (version >= 6013)
        return OVERLAY_BY_FD;
    return version >= 6007 ? OVERLAY_BY_STRING : OVERLAY_BY_MOUNT;
}

/* A clone is unmounted when its last descriptor goes (open_tree(2)), so they stay until the overlay
 * is made. */
struct opening {
    const struct overlay *o;
    int fs;
    int *clones;
    size_t n_clones;
};

/* `shown`: the path that /proc/mounts would show, where it fits. */
static struct err *set_dir(const struct opening *p, const char *key, int dir, const char *shown)
{
    char link[32];

    ASSERT(dir >= 0);
    if (p->o->store->overlay_way <= OVERLAY_BY_FD)
        return fsctx_set_dir(p->fs, key, dir);
    if (strlen(shown) <= FSCONFIG_TEXT_MAX)
        return fsctx_set_text(p->fs, key, shown);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    return fsctx_set_text(p->fs, key, link);
}

static struct err *add_dir(const struct opening *p, const char *key, int base,
                           const char *base_path, const char *name)
{
    autofree char *shown = mem_printf("%s/%s", base_path, name);
    autoclose int dir = openat(base, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return err_sys("open %s", shown);
    return set_dir(p, key, dir, shown);
}

static struct err *add_clone(struct opening *p, int base, const char *name, const char *shown)
{
    TRY(shift_clone(base, name, p->o->shift, shown, &p->clones[p->n_clones]));
    p->n_clones++;
    return NULL;
}

static struct err *add_lower(struct opening *p, const char *name)
{
    const struct layer_store *s = p->o->store;
    autofree char *layers = mem_printf("%s/layers", s->data_root);

    if (!p->o->shift)
        return add_dir(p, "lowerdir+", s->layers, layers, name);
    TRY(add_clone(p, s->layers, name, layers));
    return set_dir(p, "lowerdir+", p->clones[p->n_clones - 1], layers);
}

/* The mark of a volatile mount is removed before the next one (overlayfs.rst, "Volatile mount").
 * upper and work have to be on one mount. */
static struct err *add_upper(struct opening *p)
{
    const struct layer_store *s = p->o->store;
    autofree char *path = mem_printf("%s/containers/%s", s->data_root, p->o->id);
    autoclose int dir = openat(s->containers, p->o->id, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int base = dir;

    if (dir < 0)
        return err_sys("open %s", path);
    TRY(dir_remove_tree(dir, "work/work/incompat"));
    if (p->o->shift) {
        TRY(add_clone(p, s->containers, p->o->id, path));
        base = p->clones[p->n_clones - 1];
    }
    TRY(add_dir(p, "upperdir", base, path, "upper"));
    return add_dir(p, "workdir", base, path, "work");
}

static struct err *open_layers(struct opening *p, int *out)
{
    TRY(fsctx_set_text(p->fs, "source", "overlay"));
    for (size_t i = 0; i < p->o->lower.n; i++)
        TRY(add_lower(p, p->o->lower.v[i]));
    if (p->o->id)
        TRY(add_upper(p));
    if (p->o->context)
        TRY(fsctx_set_text(p->fs, "context", p->o->context));
    if (p->o->is_volatile)
        TRY(fsctx_set_flag(p->fs, "volatile"));
    return fsctx_mount(p->fs, 0, out);
}

static struct err *open_by_fsopen(const struct overlay *o, int *out)
{
    struct opening p = {.o = o};
    autofree int *clones = o->shift ? mem_array(o->lower.n + 1, sizeof(int)) : NULL;
    autoclose int fs = -1;
    struct err *e;

    TRY(fsctx_open("overlay", &fs));
    p.fs = fs;
    p.clones = clones;
    e = open_layers(&p, out);
    for (size_t i = 0; i < p.n_clones; i++)
        close(p.clones[i]);
    return e;
}

struct shifted {
    const struct overlay *o;
    int fd;
    struct err *err;
};

static void *open_as_root_of_namespace(void *arg)
{
    struct shifted *s = arg;

    s->err = shift_thread(s->o->shift);
    if (!s->err)
        s->err = open_by_fsopen(s->o, &s->fd);
    return NULL;
}

static struct err *open_shifted(const struct overlay *o, int *out)
{
    struct shifted s = {.o = o, .fd = -1};
    pthread_t thread;
    int sys = pthread_create(&thread, NULL, open_as_root_of_namespace, &s);

    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    TRY(s.err);
    *out = s.fd;
    return NULL;
}

/* Layers that are mounts of their own must be attached somewhere before 6.15. */
struct err *overlay_open(const struct overlay *o, int *out)
{
    enum overlay_way way = o->store->overlay_way;

    ASSERT(o->lower.n > 0);
    if (way == OVERLAY_BY_MOUNT || (o->shift && way != OVERLAY_BY_DETACHED))
        return overlay_open_by_mount(o, out);
    return o->shift ? open_shifted(o, out) : open_by_fsopen(o, out);
}
