/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that are objects: "Mounts" of the API and --mount. Pure. Every member of a request has a
 * place in the mount point or is refused; a member of another type of mount is refused.
 */
#include <string.h>

#include "base/fd.h"
#include "container/doc.h"
#include "run/mounts.h"
#include "runtime/config.h"
#include "storage/rootfs.h"

#include "mount_spec.h"

#define MODE_MAX 07777

static struct err *refuse(const struct mount_request *r, const char *why)
{
    return err_new(ERR_INVALID, "invalid mount config for type \"%s\": %s", r->type, why);
}

/* Options of other types of mounts. */
static struct err *check_options(const struct mount_request *r)
{
    const struct {
        const void *options;
        const char *type, *name;
    } all[] = {
        {r->bind, "bind", "BindOptions"},
        {r->volume, "volume", "VolumeOptions"},
        {r->tmpfs, "tmpfs", "TmpfsOptions"},
        {r->image, "image", "ImageOptions"},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].options && strcmp(all[i].type, r->type) != 0)
            return err_new(ERR_INVALID,
                           "invalid mount config for type \"%s\": field %s must not be specified",
                           r->type, all[i].name);
    return NULL;
}

static struct err *check_consistency(const struct mount_request *r)
{
    static const char *const known[] = {"consistent", "cached", "delegated", "default"};

    if (text_is_empty(r->consistency))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(r->consistency, known[i]) == 0)
            return NULL;
    return err_new(ERR_INVALID, "invalid mount config for type \"%s\": invalid consistency: %s",
                   r->type, r->consistency);
}

/* Relative, and it never goes above where it began: Go's filepath.IsLocal. */
static bool is_local(struct arena *a, const char *path)
{
    struct strs parts = text_split(a, path, '/');
    long depth = 0;

    if (!*path || *path == '/')
        return false;
    for (size_t i = 0; i < parts.n; i++) {
        if (strcmp(parts.v[i], "..") == 0 && --depth < 0)
            return false;
        if (*parts.v[i] && strcmp(parts.v[i], ".") != 0 && strcmp(parts.v[i], "..") != 0)
            depth++;
    }
    return true;
}

static struct err *check_subpath(struct arena *a, const struct mount_request *r,
                                 const char *subpath)
{
    if (text_is_empty(subpath) || is_local(a, subpath))
        return NULL;
    return refuse(r, strcmp(r->type, "image") == 0
                         ? "subpath must be a relative path within the image"
                         : "subpath must be a relative path within the volume");
}

/* ---- bind ---- */

static struct err *check_bind(const struct mount_request *r)
{
    const struct bind_options *o = r->bind;

    if (text_is_empty(r->source))
        return refuse(r, "field Source must not be empty");
    if (*r->source != '/')
        return refuse(r, "invalid mount path: mount path must be absolute");
    if (!o)
        return NULL;
    if (!text_is_empty(o->propagation) && !mount_is_propagation(o->propagation))
        return refuse(r, "invalid propagation mode");
    if (o->readonly_non_recursive && o->readonly_force_recursive)
        return refuse(r, "ReadOnlyNonRecursive and ReadOnlyForceRecursive exclude one another");
    if ((o->readonly_non_recursive || o->readonly_force_recursive) && !r->read_only)
        return refuse(r, "ReadOnlyNonRecursive and ReadOnlyForceRecursive need ReadOnly");
    return NULL;
}

/* What is read-only is so recursively anyway, or the start fails: ReadOnlyForceRecursive asks for
 * nothing else. */
static struct err *bind_mount(struct arena *a, const struct mount_request *r,
                              struct mount_point *out)
{
    const struct bind_options *o = r->bind;

    TRY(check_bind(r));
    out->source = path_clean(a, r->source);
    out->propagation =
        arena_strdup(a, o && !text_is_empty(o->propagation) ? o->propagation : "rprivate");
    out->create_source = o && o->create_mountpoint;
    out->non_recursive = o && o->non_recursive;
    out->readonly_non_recursive = o && o->readonly_non_recursive;
    out->follow = o && o->follow;
    return NULL;
}

/* ---- volume ---- */

static struct err *volume_mount(struct arena *a, const struct mount_request *r,
                                struct mount_point *out)
{
    const struct volume_mount_options *o = r->volume;

    if (r->source && *r->source == '/')
        return refuse(r, "the Source of a volume is its name, not a path");
    out->name = r->source ? arena_strdup(a, r->source) : "";
    out->is_anonymous = text_is_empty(r->source);
    out->driver = "local";
    out->mode = "z";
    if (out->is_anonymous && r->read_only)
        return refuse(r, "must not set ReadOnly mode when using anonymous volumes");
    if (!o)
        return NULL;
    if (out->is_anonymous && !text_is_empty(o->subpath))
        return refuse(r, "must not set Subpath when using anonymous volumes");
    TRY(check_subpath(a, r, o->subpath));
    out->no_copy = o->no_copy;
    out->subpath = arena_strdup(a, o->subpath);
    out->volume_labels = pairs_copy(a, &o->labels);
    if (!o->driver)
        return NULL;
    if (!text_is_empty(o->driver->name))
        out->driver = arena_strdup(a, o->driver->name);
    out->volume_options = pairs_copy(a, &o->driver->options);
    return NULL;
}

/* ---- tmpfs ---- */

/* [["exec"],["uid","7"]]: as --tmpfs takes them, in one string. */
static struct err *put_options(struct arena *a, const struct mount_request *r, struct buf *out)
{
    const char *text = r->tmpfs->options;
    const struct json *list, *at;

    TRY(json_parse(a, text, strlen(text), &list));
    if (json_type(list) != JSON_ARRAY && json_type(list) != JSON_NULL)
        return refuse(r, "TmpfsOptions.Options is no list of lists");
    for (at = json_first(list); at; at = json_next(at)) {
        struct strs words = json_strs(a, at);

        if (json_type(at) != JSON_ARRAY || words.n != json_len(at) || words.n < 1 || words.n > 2)
            return refuse(r, "invalid option array length");
        if (strpbrk(words.v[0], ",=") || (words.n == 2 && strchr(words.v[1], ',')))
            return refuse(r, "an option of TmpfsOptions has a comma, or its name an equals sign");
        buf_printf(out, words.n == 2 ? ",%s=%s" : ",%s", words.v[0],
                   words.n == 2 ? words.v[1] : "");
    }
    return NULL;
}

static struct err *tmpfs_mount(struct arena *a, const struct mount_request *r,
                               struct mount_point *out)
{
    const struct tmpfs_options *o = r->tmpfs;
    autobuf struct buf options = {0};

    if (!text_is_empty(r->source))
        return refuse(r, "field Source must not be specified");
    buf_puts(&options, "noexec,nosuid,nodev");
    if (o && o->size_bytes < 0)
        return refuse(r, "the size of a tmpfs cannot be negative");
    if (o && (o->mode < 0 || o->mode > MODE_MAX))
        return refuse(r, "the mode of a tmpfs is from 0 to 07777");
    if (o && o->size_bytes > 0)
        buf_printf(&options, ",size=%lld", (long long)o->size_bytes);
    if (o && o->mode > 0)
        buf_printf(&options, ",mode=%o", (unsigned)o->mode);
    if (o && o->options)
        TRY(put_options(a, r, &options));
    out->options = arena_strdup(a, options.data);
    return tmpfs_check(out->options);
}

/* ---- image ---- */

/* Never writable, whatever ReadOnly says: an image is what it is. */
static struct err *image_mount(struct arena *a, const struct mount_request *r,
                               struct mount_point *out)
{
    if (text_is_empty(r->source))
        return refuse(r, "field Source must not be empty");
    out->source = arena_strdup(a, r->source);
    out->rw = false;
    if (!r->image)
        return NULL;
    TRY(check_subpath(a, r, r->image->subpath));
    out->subpath = arena_strdup(a, r->image->subpath);
    return NULL;
}

struct err *mount_from_request(struct arena *a, const struct mount_request *r,
                               struct mount_point *out)
{
    static const struct {
        const char *type;
        struct err *(*fill)(struct arena *a, const struct mount_request *r,
                            struct mount_point *out);
    } types[] = {
        {"bind", bind_mount},
        {"volume", volume_mount},
        {"tmpfs", tmpfs_mount},
        {"image", image_mount},
    };
    char *destination;

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (!text_same(r->type, types[i].type))
            continue;
        TRY(mount_destination(a, r->target, &destination));
        TRY(check_options(r));
        TRY(check_consistency(r));
        mount_point_init(out, types[i].type, destination);
        out->rw = !r->read_only;
        return types[i].fill(a, r, out);
    }
    return err_new(ERR_INVALID, "mount type unknown: \"%s\"", r->type ? r->type : "");
}
