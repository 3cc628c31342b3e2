/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as a tar stream, made piece by piece, so that whoever sends it decides how fast. What
 * changes the tree meanwhile loses every race: see pack.c. Blocks; any thread, one at a time.
 */
#pragma once

#include "base/id_map.h"
#include "base/text.h"

enum tar_pack_choice {
    TAR_PACK_TAKES,
    TAR_PACK_OMITS, /* not the entry; of a directory perhaps what is in it */
    TAR_PACK_SKIPS, /* nor anything that is in it */
};
struct tar_pack_plan {
    int source;               /* O_PATH, a file of any kind; borrowed */
    const char *root_name;    /* what it is called; a directory's name ends with a slash */
    const char *prefix;       /* stands in front of the names of what is in it */
    const struct id_map *ids; /* of the user namespace whose ids the owners are; NULL: the host's */
    bool is_layer;            /* the upper folder of an overlay: what hides what is below becomes
                                 whiteouts of a layer (OCI image-spec, "Whiteouts") */
    bool is_for_digest;       /* without times and owners: two trees that a build would copy to the
                                 same give the same bytes */
    bool is_own;              /* the caller's: what was a file when its directory was read is opened
                                 without a look at what it is now */
    /* Of a name in front of which `prefix` stands, without the slash of a directory. NULL: all. */
    enum tar_pack_choice (*choose)(void *ctx, const char *name, bool is_dir);
    void *ctx;
};
struct tar_pack;
struct tar_pack *tar_pack_create(const struct tar_pack_plan *p);
/* Fills `out` with about `room` bytes more. *is_end: that was all. */
struct err *tar_pack_more(struct tar_pack *p, size_t room, struct buf *out, bool *is_end)
    must_check;
/* A file that became shorter while it was read, its end given as zeros; NULL: none. The last one,
 * if there are several. */
const char *tar_pack_torn(const struct tar_pack *p);
void tar_pack_destroy(struct tar_pack *p); /* accepts NULL */

/* The kernel's own file systems (proc, sysfs, cgroup, …): what is in them is no content. */
bool tar_fs_is_kernels(int fd);
