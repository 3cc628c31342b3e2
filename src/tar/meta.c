/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner, mode, times and attributes of an archive entry. Workers.
 * Trap: the order is the meaning. chown clears set-id bits and capabilities, so mode and
 * attributes come after it; times come last because everything else moves them.
 */
#include "tar/meta.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "tar/owner_ids.h"

enum { XATTRS_MAX = 64, XATTR_VALUE_MAX = 64 << 10 };

/* An entry without a time, or with impossible nanoseconds, is of 1970, as with Docker. */
static struct timespec meta_time(struct archive_entry *e)
{
    struct timespec t = {archive_entry_mtime(e), archive_entry_mtime_nsec(e)};

    if (!archive_entry_mtime_is_set(e))
        t = (struct timespec){0, 0};
    if (t.tv_nsec < 0 || t.tv_nsec > 999999999)
        t.tv_nsec = 0;
    return t;
}

struct err *meta_read(struct archive_entry *e, struct meta *out)
{
    int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);

    /* (uid_t)-1 means "leave it" to chown */
    if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
        return err_new(ERR_INVALID, "archive entry has an impossible owner %lld:%lld",
                       (long long)uid, (long long)gid);
    *out = (struct meta){
        .uid = (uid_t)uid,
        .gid = (gid_t)gid,
        .mode = archive_entry_perm(e) & 07777,
        .times = {meta_time(e), meta_time(e)},
    };
    return NULL;
}

/* Anything else could talk to the host's overlay, security module or integrity code. */
bool meta_xattr_is_kept(const char *name)
{
    if (text_starts(name, "user."))
        return !text_starts(name, "user.overlay.");
    return !strcmp(name, "security.capability") || text_starts(name, "system.posix_acl_");
}

static struct err *set_xattr(int fd, const char *name, const void *value, size_t size,
                             const struct id_map *ids)
{
    autofree char *copy = NULL;

    if (ids) {
        copy = mem_alloc(size + OWNER_IDS_ROOM);
        memcpy(copy, value, size);
        value = copy;
        if (size && !(size = owner_ids_to_host(ids, name, copy, size)))
            return err_new(ERR_INVALID,
                           "attribute \"%s\" of an archive entry names an id that the container's "
                           "user namespace does not have",
                           name);
    }
    /* a file system without user attributes loses them, as with Docker */
    if (fsetxattr(fd, name, value, size, 0) == 0 || errno == EOPNOTSUPP)
        return NULL;
    return errno == EINVAL
               ? err_new(ERR_INVALID, "attribute \"%s\" of an archive entry is invalid", name)
               : err_sys("set attribute %s", name);
}

static struct err *apply_xattrs(int fd, struct archive_entry *e, const struct id_map *ids)
{
    int count = archive_entry_xattr_reset(e);
    const void *value;
    const char *name;
    size_t size;

    if (count > XATTRS_MAX)
        return err_new(ERR_INVALID, "archive entry has more than %d attributes", XATTRS_MAX);
    while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
        if (!name || !meta_xattr_is_kept(name))
            continue;
        if (strlen(name) > 255 || size > XATTR_VALUE_MAX)
            return err_new(ERR_INVALID, "attribute \"%.64s\" of an archive entry is too large",
                           name);
        TRY(set_xattr(fd, name, value, size, ids));
    }
    return NULL;
}

bool meta_has_xattrs(struct archive_entry *e)
{
    return archive_entry_xattr_count(e) > 0;
}

struct err *meta_apply_fd(int fd, const struct meta *m, struct archive_entry *e)
{
    return meta_apply_new(fd, m, e, NULL);
}

/* Owner and mode are often right as it was made: each costs a system call. */
struct err *meta_apply_new(int fd, const struct meta *m, struct archive_entry *e,
                           const struct stat *made)
{
    bool has_owner = m->leaves_owner || (made && made->st_uid == m->uid && made->st_gid == m->gid);

    ASSERT(fd >= 0);
    if (!has_owner && fchown(fd, m->uid, m->gid) < 0)
        return err_sys("set owner %u:%u", m->uid, m->gid);
    if ((!made || !has_owner || (made->st_mode & 07777) != m->mode) && fchmod(fd, m->mode) < 0)
        return err_sys("set mode %o", m->mode);
    if (e)
        TRY(apply_xattrs(fd, e, m->ids));
    if (futimens(fd, m->times) < 0)
        return err_sys("set times");
    return NULL;
}

/* chmod(2) knows no AT_EMPTY_PATH before Linux 6.6; the link in /proc names the inode itself. */
static int change_mode(int seen, mode_t mode)
{
    char link[32];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", seen);
    return chmod(link, mode);
}

int meta_make_node(int dir, const char *name, struct archive_entry *e, mode_t type)
{
    if (S_ISLNK(type))
        return symlinkat(archive_entry_symlink(e), dir, name);
    return mknodat(dir, name, type | 0600, S_ISFIFO(type) ? 0 : archive_entry_rdev(e));
}

struct err *meta_apply_at(int dir, const char *name, const struct meta *m, mode_t type)
{
    autoclose int seen = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    ASSERT(dir >= 0 && !strchr(name, '/'));
    if (seen < 0 || fstat(seen, &st) < 0)
        return err_sys("open %s", name);
    if ((st.st_mode & S_IFMT) != type || st.st_nlink != 1)
        return err_new(ERR_CONFLICT, "%s was replaced while it was made", name);
    if (!m->leaves_owner && fchownat(seen, "", m->uid, m->gid, AT_EMPTY_PATH) < 0)
        return err_sys("set owner %u:%u of %s", m->uid, m->gid, name);
    if (!S_ISLNK(type) && change_mode(seen, m->mode) < 0)
        return err_sys("set mode %o of %s", m->mode, name);
    if (utimensat(seen, "", m->times, AT_EMPTY_PATH) < 0)
        return err_sys("set times of %s", name);
    return NULL;
}
