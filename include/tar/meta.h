/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, times and attributes of an archive entry, checked. Workers. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

struct archive_entry;
struct id_map;

struct meta {
    uid_t uid;
    gid_t gid;
    mode_t mode; /* 07777 */
    struct timespec times[2];
    bool leaves_owner;        /* uid and gid are not set */
    const struct id_map *ids; /* of the user namespace whose ids the attributes name; or NULL */
};

/* Attributes that belong to a file's content: the users' own, capabilities, access lists. */
bool meta_xattr_is_kept(const char *name);
bool meta_has_xattrs(struct archive_entry *e);
/* ERR_INVALID for owners that do not fit: cut to 32 bits they could become root. */
struct err *meta_read(struct archive_entry *e, struct meta *out) must_check;
/* Owner, mode (set-id bits survive), attributes; times last. fd: a file or directory. */
struct err *meta_apply_fd(int fd, const struct meta *m, struct archive_entry *e) must_check;
/* The same for a file that nobody else has a name of: as it was made. e NULL: no attributes. */
struct err *meta_apply_new(int fd, const struct meta *m, struct archive_entry *e,
                           const struct stat *made) must_check;
/* A link, a fifo or a device, as it is named: it belongs to the image, and the container's device
 * policy decides whether it may be opened. -1 and errno. */
int meta_make_node(int dir, const char *name, struct archive_entry *e, mode_t type);
/* The same as meta_apply_fd for what cannot be opened, of that type and made a moment ago: links,
 * devices, fifos (no attributes). Who else can write to dir may have put something else there:
 * ERR_CONFLICT. */
struct err *meta_apply_at(int dir, const char *name, const struct meta *m, mode_t type) must_check;
