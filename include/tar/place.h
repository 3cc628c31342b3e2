/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar stream put into a tree that others use meanwhile: what changes it loses every race, and
 * what fails takes back what it has made. See place.c. Blocks; any thread, one at a time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct id_map;

struct tar_place_plan {
    int dir;              /* entries go here; borrowed */
    int root;             /* links on the way are followed as in a root that this is; -1: none is */
    const char *dir_path; /* of dir, in root */
    /* An entry called `from` becomes `to`, and what is in it with it; NULL: as they are called. */
    const char *from, *to;
    bool leaves_owner, leaves_set_id; /* of the caller; without set-user-ID and set-group-ID */
    /* Of the user namespace whose ids the tree has, and the archive's are inside; NULL: the
     * host's. The thread makes files as its root. */
    const struct id_map *ids;
    bool has_owner; /* all belong to uid:gid */
    uid_t uid;
    gid_t gid;
    bool has_mode; /* all have this one, but for links */
    mode_t mode;
    bool may_lack_end; /* the padding of the last entry and what follows may be missing: Go's reader
                          takes that, and the docker CLI sends it */
    bool keeps_kind;   /* a directory is never replaced by a file, nor a file by a directory */
    int64_t max_bytes, max_entries;
    /* The next bytes, valid until the next call; *n 0 at the end. */
    struct err *(*more)(void *ctx, const void **p, size_t *n);
    /* Called now and then with the bytes that came in, and what they have become; its error ends
     * all. May be NULL. */
    struct err *(*look)(void *ctx, int64_t packed, int64_t plain);
    /* Called before a name of ours appears in a directory (`parent`, as the container sees it), for
     * as long as it takes to make a thing and give it its own; at most one at a time. May be NULL.
     */
    struct err *(*will_name)(void *ctx, const char *parent, const char *name);
    void *ctx;
};
/* What a name of ours begins with: the rest is 16 hexadecimal digits. */
#define TAR_PLACE_OURS ".berth-cp-"

/* Reads a tar (plain, gzip, bzip2, xz, zstd) from in_fd to its end; from `more` when in_fd is -1.
 */
struct err *tar_place(int in_fd, const struct tar_place_plan *p) must_check;
