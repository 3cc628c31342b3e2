/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of an image as a read-only mount of their own, without the init layer and without a
 * writable part. Workers.
 * Trap: overlay takes one lower directory only together with an upper one, so an image of one layer
 * is a clone of that layer's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"

#include "bind.h"
#include "overlay.h"

static struct err *open_one(struct layer_store *s, const char *layer, const struct id_shift *shift,
                            int *out)
{
    const struct bind_options_plan plan = {
        .read_only = true, .non_recursive = true, .as.shift = shift};
    autoclose int dir = openat(s->layers, layer, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return err_sys("open layer %s", layer);
    return bind_open_at(dir, "", &plan, out);
}

static struct err *open_layers(struct layer_store *s, struct arena *a, const struct strs *chain,
                               const struct mount_as *as, int *out)
{
    struct overlay o = {.store = s, .shift = as->shift, .context = as->context};

    TRY(layers_list(s, a, chain, &o.lower));
    if (o.lower.n == 1 && !as->context)
        return open_one(s, o.lower.v[0], as->shift, out);
    if (o.lower.n == 1) /* an overlay after all: a label is a file system's */
        strs_add(a, &o.lower, EMPTY_LAYER);
    return overlay_open(&o, out);
}

/* A program with the rights of its owner, or a device, is nothing that data from elsewhere needs.
 */
static struct err *make_safe(int mount)
{
    struct mount_attr safe = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
        .propagation = MS_PRIVATE,
    };

    if (mount_setattr(mount, "", AT_EMPTY_PATH, &safe, sizeof(safe)) < 0)
        return err_sys("make the mount of an image read-only");
    return NULL;
}

/* Kernels before 6.15 clone nothing of a mount that is not attached. */
static struct err *open_inside(int mount, const char *subpath, int *out)
{
    const struct bind_options_plan plan = {.read_only = true, .non_recursive = true};
    autoclose int place = fd_open_below(mount, subpath, O_PATH);
    struct err *e;

    if (place < 0)
        return err_new(ERR_INVALID, "cannot access path %s of the image: %s", subpath,
                       errno == EXDEV ? "it leads out of the image" : strerror(errno));
    e = bind_open_at(place, "", &plan, out);
    if (!e || err_errno(e) != EINVAL)
        return e;
    err_drop(e);
    return err_new(ERR_INVALID, "a part of an image can be mounted by Linux 6.15 and later only: "
                                "mount the whole image");
}

struct err *image_mount_open(struct layer_store *s, const struct strs *chain, const char *subpath,
                             const struct mount_as *as, int *out, bool *is_file)
{
    static const struct mount_as as_it_is;
    autoarena struct arena *a = arena_create();
    autoclose int mount = -1, inside = -1;
    struct stat st;

    ASSERT(s->magic == STORE_MAGIC);
    if (chain->n == 0)
        return err_new(ERR_INVALID, "the image has no layers");
    TRY(open_layers(s, a, chain, as ? as : &as_it_is, &mount));
    if (!text_is_empty(subpath)) {
        TRY(open_inside(mount, subpath, &inside));
        close(mount);
        mount = steal_fd(&inside);
    }
    TRY(make_safe(mount));
    if (fstat(mount, &st) < 0)
        return err_sys("stat the mount of an image");
    *is_file = !S_ISDIR(st.st_mode);
    *out = steal_fd(&mount);
    return NULL;
}
