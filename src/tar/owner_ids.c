/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner_ids: an access list names users and groups, a file capability the root whose it is
 * (linux/posix_acl_xattr.h, linux/capability.h; all little-endian).
 * Trap: a capability without a root (revision 2) is the host's root's, and the kernel refuses it
 * where the owners are shifted; with the namespace's root (revision 3) it takes the same one.
 */
#include "tar/owner_ids.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "base/text.h"

typedef bool (*translate_fn)(const struct id_ranges *r, uint32_t id, uint32_t *out);

static size_t translate_list(const struct id_map *m, char *value, size_t size, translate_fn f)
{
    size_t head = sizeof(struct posix_acl_xattr_header);

    for (size_t at = head; at + sizeof(struct posix_acl_xattr_entry) <= size;
         at += sizeof(struct posix_acl_xattr_entry)) {
        struct posix_acl_xattr_entry entry;
        bool is_group;
        uint32_t id;

        memcpy(&entry, value + at, sizeof(entry));
        is_group = le16toh(entry.e_tag) == ACL_GROUP;
        if (!is_group && le16toh(entry.e_tag) != ACL_USER)
            continue;
        if (!f(is_group ? &m->gids : &m->uids, le32toh(entry.e_id), &id))
            return 0;
        entry.e_id = htole32(id);
        memcpy(value + at, &entry, sizeof(entry));
    }
    return size;
}

/* The root that it names; false: this is no capability that we know. */
static bool read_root(const struct vfs_ns_cap_data *c, size_t size, uint32_t *out)
{
    uint32_t revision = le32toh(c->magic_etc) & VFS_CAP_REVISION_MASK;

    if (size == XATTR_CAPS_SZ_2 && revision == VFS_CAP_REVISION_2)
        *out = 0;
    else if (size == XATTR_CAPS_SZ_3 && revision == VFS_CAP_REVISION_3)
        *out = le32toh(c->rootid);
    else
        return false;
    return true;
}

static size_t translate_capability(const struct id_map *m, void *value, size_t size, translate_fn f)
{
    struct vfs_ns_cap_data c = {0};
    uint32_t root, id, flags;

    memcpy(&c, value, size < sizeof(c) ? size : sizeof(c));
    if (!read_root(&c, size, &root))
        return size;
    if (!f(&m->uids, root, &id))
        return 0;
    flags = le32toh(c.magic_etc) & ~(uint32_t)VFS_CAP_REVISION_MASK;
    c.magic_etc = htole32(flags | (id ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2));
    c.rootid = htole32(id);
    size = id ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2;
    memcpy(value, &c, size);
    return size;
}

static size_t translate(const struct id_map *m, const char *name, void *value, size_t size,
                        translate_fn f)
{
    if (text_starts(name, "system.posix_acl_"))
        return translate_list(m, value, size, f);
    if (!strcmp(name, "security.capability"))
        return translate_capability(m, value, size, f);
    return size;
}

size_t owner_ids_to_host(const struct id_map *m, const char *name, void *value, size_t size)
{
    return translate(m, name, value, size, id_to_host);
}

size_t owner_ids_inside(const struct id_map *m, const char *name, void *value, size_t size)
{
    return translate(m, name, value, size, id_to_inside);
}
