/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's /dev: a tmpfs of ours, filled while it is still detached, so that
 * nothing of the image can matter (CVE-2025-31133, 2026-41579). Workers; the nodes
 * need CAP_MKNOD.
 *
 * A worker may not touch the process's umask, so every mode is set a second time.
 */
#include "devices.h"

#include "detached.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct device_node default_nodes[] = {
    {.path = "/dev/null", .mode = S_IFCHR | 0666, .major = 1, .minor = 3},
    {.path = "/dev/zero", .mode = S_IFCHR | 0666, .major = 1, .minor = 5},
    {.path = "/dev/full", .mode = S_IFCHR | 0666, .major = 1, .minor = 7},
    {.path = "/dev/random", .mode = S_IFCHR | 0666, .major = 1, .minor = 8},
    {.path = "/dev/urandom", .mode = S_IFCHR | 0666, .major = 1, .minor = 9},
    {.path = "/dev/tty", .mode = S_IFCHR | 0666, .major = 5, .minor = 0},
};

static const struct {
    const char *name, *target;
} links[] = {
    {"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

/* Directories for the file systems that are attached on top, and for nested nodes. */
static struct err *make_directory(int dev, const char *name, const struct id_map *ids)
{
    ASSERT(dev >= 0);
    if (mkdirat(dev, name, 0755) < 0)
        return errno == EEXIST ? NULL : err_sys("make /dev/%s", name);
    if (fchmodat(dev, name, 0755, 0) < 0)
        return err_sys("set the mode of /dev/%s", name);
    return id_map_give(dev, name, ids);
}

static struct err *make_parents(struct arena *a, int dev, const char *name,
                                const struct id_map *ids)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
        TRY(make_directory(dev, arena_strndup(a, name, (size_t)(slash - name)), ids));
    return NULL;
}

/* In a user namespace an owner that it does not have becomes its root: the device was asked for to
 * be used. */
static struct err *make_node(struct arena *a, int dev, const struct device_node *d,
                             const struct id_map *ids)
{
    uid_t uid = id_map_uid(ids, d->uid);
    gid_t gid = id_map_gid(ids, d->gid);
    const char *name = d->path + strlen("/dev/");
    dev_t number = makedev(d->major, d->minor);
    int rc;

    ASSERT(text_starts(d->path, "/dev/"));
    TRY(make_parents(a, dev, name, ids));
    rc = mknodat(dev, name, d->mode, number);
    if (rc < 0 && errno == EEXIST && unlinkat(dev, name, 0) == 0)
        rc = mknodat(dev, name, d->mode, number); /* a request replaces a default */
    if (rc < 0)
        return err_sys("make device %s", d->path);
    if (fchmodat(dev, name, d->mode & 0777, 0) < 0 ||
        ((uid || gid) && fchownat(dev, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0))
        return err_sys("set the owner of device %s", d->path);
    return NULL;
}

/* The links that every Linux program expects; a device of the same name that the user asked for
 * stays. */
static struct err *make_link(int dev, const char *target, const char *name,
                             const struct id_map *ids)
{
    if (symlinkat(target, dev, name) < 0)
        return err_sys("make link /dev/%s", name);
    return id_map_give(dev, name, ids);
}

static struct err *make_links(int dev, const struct dev_request *r)
{
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct err *e = make_link(dev, links[i].target, links[i].name, r->ids);

        if (e && err_errno(e) != EEXIST)
            return e;
        err_drop(e);
    }
    return r->console_link ? make_link(dev, r->console_link, "console", r->ids) : NULL;
}

/* An empty file, for the terminal's node to be mounted on. */
static struct err *make_console(int dev, const struct id_map *ids)
{
    autoclose int fd = openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    return fd < 0 ? err_sys("make /dev/console") : id_map_give(dev, "console", ids);
}

struct err *dev_make(struct arena *a, const struct dev_request *r, int *out_mount, int *out_null)
{
    const char *options[] = {"mode=755", "size=65536k", r->context, NULL};
    autoclose int dev = -1;
    int null;

    TRY(detached_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, &dev));
    TRY(id_map_give(dev, "", r->ids));
    TRY(make_directory(dev, "pts", r->ids));
    if (r->has_shm)
        TRY(make_directory(dev, "shm", r->ids));
    if (r->has_mqueue)
        TRY(make_directory(dev, "mqueue", r->ids));
    for (size_t i = 0; i < ARRAY_LEN(default_nodes); i++)
        TRY(make_node(a, dev, &default_nodes[i], r->ids));
    for (size_t i = 0; i < r->extra->n; i++)
        if (device_is_below_dev(&r->extra->v[i]))
            TRY(make_node(a, dev, &r->extra->v[i], r->ids));
    TRY(make_links(dev, r));
    if (r->wants_console)
        TRY(make_console(dev, r->ids));
    null = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (null < 0)
        return err_sys("open /dev/null");
    *out_mount = steal_fd(&dev);
    *out_null = null;
    return NULL;
}
