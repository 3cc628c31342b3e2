/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_open: a host path as a detached mount. Workers.
 * Trap: a clone of a shared mount is in the host's peer group until mount_setattr says
 * otherwise, so the propagation is always set, before anybody can attach the clone.
 */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/text.h"

#include "relabel.h"
#include "shift.h"

static const unsigned long propagation_types = MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE;

static struct err *set_attr(int mount, unsigned flags, struct mount_attr attr)
{
    ASSERT(mount >= 0);
    if (mount_setattr(mount, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0)
        return err_sys("set the attributes of a bind mount");
    return NULL;
}

static struct err *set_propagation(int mount, unsigned long asked)
{
    unsigned long type = asked & propagation_types;
    bool is_recursive = !type || (asked & MS_REC);

    return set_attr(mount, is_recursive ? AT_RECURSIVE : 0,
                    (struct mount_attr){.propagation = type ? type : MS_PRIVATE});
}

/* A recursive bind by default, as Docker's: what is mounted below the source is there as well,
 * read-only too since Linux 5.12 (mount_setattr(2), AT_RECURSIVE). */
struct err *bind_open_at(int dir, const char *path, const struct bind_options_plan *o, int *out)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
                     (o->non_recursive ? 0 : AT_RECURSIVE);
    autoclose int mount = open_tree(dir, path, flags);

    if (mount < 0)
        return err_sys("bind %s%s", path, err_no_room());
    TRY(set_propagation(mount, o->propagation));
    if (o->as.context) /* while it can be written to, and has the owners that the host knows */
        TRY(relabel_tree(mount, o->as.context, *path ? path : "the volume"));
    if (o->as.shift)
        TRY(shift_mount(mount, !o->non_recursive, o->as.shift, *path ? path : "the volume"));
    if (o->read_only)
        TRY(set_attr(mount, o->readonly_non_recursive ? 0 : AT_RECURSIVE,
                     (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY}));
    *out = steal_fd(&mount);
    return NULL;
}

struct err *bind_check_place(int place, const char *path, const char *must_be)
{
    char link[64], real[PATH_MAX];
    ssize_t n;

    if (text_is_empty(must_be))
        return NULL;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
    n = readlink(link, real, sizeof(real) - 1);
    if (n < 0)
        return err_sys("look where %s leads", path);
    real[n] = '\0';
    if (strcmp(real, must_be) != 0)
        return err_new(ERR_FORBIDDEN,
                       "%s leads to %s, and was allowed when it led to %s: create the container "
                       "anew",
                       path, real, must_be);
    return NULL;
}

/* By a descriptor that was looked at: whoever exchanges folders for links meanwhile exchanges
 * nothing. */
static struct err *open_judged(const char *path, const struct bind_options_plan *o, int *out)
{
    autoclose int place = open(path, O_PATH | O_CLOEXEC);

    if (place < 0)
        return err_sys("bind %s", path);
    TRY(bind_check_place(place, path, o->must_be));
    return bind_open_at(place, "", o, out);
}

static struct err *open_source(const char *path, const struct bind_options_plan *o, int *out)
{
    return text_is_empty(o->must_be) ? bind_open_at(AT_FDCWD, path, o, out)
                                     : open_judged(path, o, out);
}

/* ---- where the source is mounted ---- */

#define MOUNTINFO_MAX (16u << 20)

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 …": number 1, place 5, then options up to
 * "-" (proc(5)). */
static bool is_line_of(const char *line, uint64_t id, struct arena *a, struct strs *out)
{
    if (strtoull(line, NULL, 10) != id)
        return false;
    *out = text_split(a, arena_strndup(a, line, strcspn(line, "\n")), ' ');
    return out->n > 6;
}

static struct err *find_mount(struct arena *a, const char *path, struct strs *out)
{
    struct statx st;
    char *text, *line;
    size_t len;

    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0)
        return err_sys("stat %s", path);
    TRY(file_read(a, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len));
    for (line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (is_line_of(line, st.stx_mnt_id, a, out))
            return NULL;
    }
    return err_new(ERR_INVALID, "the mount that %s is on is not in this mount namespace", path);
}

/* Of a mount that is private nothing ever comes, and to one that is a slave nothing goes: whoever
 * asks for it would wait in vain. Docker's words. */
static struct err *check_propagation(const char *path, unsigned long asked)
{
    autoarena struct arena *a = arena_create();
    bool is_shared = false, is_slave = false, wants_shared = asked & MS_SHARED;
    struct strs at;

    if (!(asked & (MS_SHARED | MS_SLAVE)))
        return NULL;
    TRY(find_mount(a, path, &at));
    for (size_t i = 6; i < at.n && strcmp(at.v[i], "-") != 0; i++) {
        is_shared |= text_starts(at.v[i], "shared:");
        is_slave |= text_starts(at.v[i], "master:");
    }
    if (is_shared || (is_slave && !wants_shared))
        return NULL;
    return err_new(ERR_INVALID, "path %s is mounted on %s but it is not a %s mount", path, at.v[4],
                   wants_shared ? "shared" : "shared or slave");
}

/* Docker makes a missing source of -v, and refuses it of --mount: create_dir says which was
 * asked. */
struct err *bind_open(const char *path, const struct bind_options_plan *o, int *out, bool *is_file)
{
    autoclose int mount = -1;
    struct stat st;
    struct err *e = open_source(path, o, &mount);

    if (e && err_errno(e) == ENOENT && o->create_dir) {
        err_drop(e);
        TRY(dir_make_all(path, 0755));
        e = open_source(path, o, &mount);
    }
    if (e && (err_errno(e) == ENOENT || err_errno(e) == ENOTDIR)) {
        err_drop(e);
        return err_new(ERR_INVALID, "bind source path does not exist: %s", path);
    }
    if (e)
        return e;
    TRY(check_propagation(path, o->propagation));
    if (fstat(mount, &st) < 0)
        return err_sys("stat %s", path);
    *is_file = !S_ISDIR(st.st_mode);
    *out = steal_fd(&mount);
    return NULL;
}
