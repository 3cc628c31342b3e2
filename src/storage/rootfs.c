/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers' directories and their root file systems. Workers.
 * Trap: upper holds only what the container changed. What every root file system must have
 * (/proc, /etc/hosts, …) is one shared init layer below the image's layers (store.c), so it never
 * shows in a diff, a commit or the size, and never hides what the image brings.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/quarantine.h"

#include "overlay.h"
#include "storage/tree.h"
#include "trash.h"

static struct err *check_id(const char *id)
{
    return id_is_valid(id) ? NULL : err_new(ERR_INVALID, "invalid container id %s", id);
}

/* upper is the root of the container as its users see it, so its mode must not be cut by our umask;
 * work is overlay's own (overlayfs.rst: on the same file system, empty). */
static struct err *make_dirs(int dir)
{
    if (mkdirat(dir, "upper", 0755) < 0 || fchmodat(dir, "upper", 0755, 0) < 0)
        return err_sys("make the container's upper directory");
    if (mkdirat(dir, "work", 0700) < 0)
        return err_sys("make the container's work directory");
    return NULL;
}

/* The mkdir is the claim: two creates never have one id, but a database that was set back may. */
struct err *rootfs_create(struct layer_store *s, const char *id)
{
    autoclose int dir = -1;
    struct err *e;

    ASSERT(s->magic == STORE_MAGIC);
    TRY(check_id(id));
    if (mkdirat(s->containers, id, STORE_NEW_MODE) < 0)
        return errno == EEXIST ? err_new(ERR_CONFLICT, "container %s has a directory already", id)
                               : err_sys("make the container's directory");
    dir = openat(s->containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    e = dir < 0 ? err_sys("open the container's directory") : make_dirs(dir);
    if (e)
        err_drop(dir_remove_tree(s->containers, id));
    return e;
}

/* Topmost first, as overlay wants it. */
struct err *layers_list(struct layer_store *s, struct arena *a, const struct strs *chain,
                        struct strs *out)
{
    for (size_t i = chain->n; i-- > 0;) {
        if (!layer_exists(s, chain->v[i]))
            return err_new(ERR_NOT_FOUND, "layer %s is missing", chain->v[i]);
        strs_add(a, out, arena_printf(a, "%s/diff", digest_hex(chain->v[i])));
    }
    return NULL;
}

struct err *rootfs_mount(struct layer_store *s, const char *id, const struct strs *chain,
                         bool is_volatile, const struct mount_as *as, int *out)
{
    autoarena struct arena *a = arena_create();
    struct overlay o = {.store = s, .id = id, .is_volatile = is_volatile};
    struct err *e;

    if (as) {
        o.shift = as->shift;
        o.context = as->context;
    }
    ASSERT(s->magic == STORE_MAGIC);
    TRY(check_id(id));
    TRY(layers_list(s, a, chain, &o.lower));
    strs_add(a, &o.lower, INIT_LAYER); /* the lowest */
    e = overlay_open(&o, out);
    return e ? err_wrap(e, "mount the root file system of %.12s", id) : NULL;
}

struct err *rootfs_remove(struct layer_store *s, const char *id)
{
    ASSERT(s->magic == STORE_MAGIC);
    TRY(check_id(id));
    return trash_put(s->containers, id, s->trash);
}

void rootfs_empty_trash(struct layer_store *s)
{
    ASSERT(s->magic == STORE_MAGIC);
    trash_empty(s->trash);
}

struct err *rootfs_list(struct layer_store *s, struct arena *a, struct strs *out)
{
    struct strs names = {0}, found = {0};

    ASSERT(s->magic == STORE_MAGIC);
    TRY(dir_names(a, s->containers, &names));
    for (size_t i = 0; i < names.n; i++)
        if (id_is_valid(names.v[i]))
            strs_add(a, &found, names.v[i]);
    *out = found;
    return NULL;
}

void rootfs_note_known(struct layer_store *s, const char *id)
{
    store_note_known(s->containers, id);
}

void rootfs_put_aside(struct layer_store *s, const char *id, struct db *db)
{
    if (store_is_left_behind(s->containers, id, db_evidence(db, "container", id)))
        err_drop(rootfs_remove(s, id));
    else
        quarantine_put(db_quarantine(db), s->containers, id, "container", id);
}

char *rootfs_dir(struct layer_store *s, struct arena *a, const char *id)
{
    return arena_printf(a, "%s/containers/%s", s->data_root, id);
}

struct err *rootfs_usage(struct layer_store *s, const char *id, const struct strs *chain,
                         int64_t *rw_bytes, int64_t *root_bytes)
{
    autoclose int dir = -1;
    int64_t layers = 0, rw = 0;

    ASSERT(s->magic == STORE_MAGIC);
    TRY(check_id(id));
    dir = openat(s->containers, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open the directory of container %.12s", id);
    TRY(tree_size(dir, "upper", &rw));
    for (size_t i = 0; i < chain->n; i++) {
        int64_t size = layer_size(s, chain->v[i]);

        layers += size > 0 ? size : 0;
    }
    *rw_bytes = rw;
    *root_bytes = rw + layers;
    return NULL;
}
