/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs_open: a detached tmpfs with Docker's option string and safe defaults. Workers. */
#include <string.h>
#include <sys/mount.h>

#include "base/id_map.h"
#include "base/text.h"

#include "fsctx.h"
#include "store.h"

static const char *const tmpfs_keys[] = {
    "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge", NULL,
};

static bool has_key(const struct strs *options, const char *prefix)
{
    for (size_t i = 0; i < options->n; i++)
        if (text_starts(options->v[i], prefix))
            return true;
    return false;
}

struct err *tmpfs_check(const char *options)
{
    return fsctx_check_options(options, tmpfs_keys);
}

/* The kernel takes ids of the host. What is no number is left for it to refuse. */
static char *shift_option(struct arena *a, char *option, const struct id_map *map)
{
    bool is_uid = text_starts(option, "uid="), is_gid = text_starts(option, "gid=");
    uint32_t id;

    if ((!is_uid && !is_gid) || !text_to_u32(option + 4, &id))
        return option;
    return arena_printf(a, "%.4s%u", option, is_uid ? id_map_uid(map, id) : id_map_gid(map, id));
}

/* Mapped by us and not by the mount: a tmpfs can be idmapped since Linux 6.3 only. */
static char *shift_options(struct arena *a, const char *options, const struct id_map *map)
{
    struct strs given = text_split(a, options, ','), out = {0};

    strs_add(a, &out, arena_printf(a, "uid=%u", id_map_uid(map, 0)));
    strs_add(a, &out, arena_printf(a, "gid=%u", id_map_gid(map, 0)));
    for (size_t i = 0; i < given.n; i++)
        strs_add(a, &out, shift_option(a, given.v[i], map));
    return strs_join(a, &out, ",");
}

struct err *tmpfs_open(const char *options, const struct mount_as *as, struct tmpfs_mount *out)
{
    uint64_t attr = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, options, ',');
    autoclose int fs = -1;
    int fd;

    if (as && as->shift)
        options = shift_options(a, options, as->shift->map);
    TRY(fsctx_open("tmpfs", &fs));
    TRY(fsctx_set_text(fs, "source", "tmpfs"));
    if (as && as->context)
        TRY(fsctx_set_text(fs, "context", as->context));
    TRY(fsctx_set_options(fs, options, tmpfs_keys, &attr));
    TRY(fsctx_mount(fs, attr & ~(uint64_t)MOUNT_ATTR_RDONLY, &fd));
    *out = (struct tmpfs_mount){
        .fd = fd,
        .has_mode = has_key(&list, "mode="),
        .has_owner = has_key(&list, "uid=") || has_key(&list, "gid="),
        .is_readonly = attr & MOUNT_ATTR_RDONLY,
    };
    return NULL;
}
