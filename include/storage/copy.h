/* SPDX-License-Identifier: Apache-2.0 */
/* docker cp: paths of a container → what is there, with Docker's rules. In a tree of root_view.h;
 * workers. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct arena;
struct tar_pack;

struct id_map;
struct layer_store;

struct copy_source {
    int fd; /* O_PATH; the caller closes it */
    struct stat st;
    const char *name;        /* the last part of the path as it was asked for: "/", ".", "etc" */
    const char *link_target; /* of a link: where it leads to in the container; else "" */
};
/* A link at the end is followed when the path ends with "/" or "/.". ERR_NOT_FOUND "Could not find
 * the file x in container y", ERR_INVALID "not a directory". */
struct err *copy_find(struct arena *a, int tree, const char *id, const char *path,
                      struct copy_source *out) must_check;
/* The ids: of the user namespace whose the owners in the tree are; NULL: the host's. */
struct tar_pack *copy_pack(const struct copy_source *s, const struct id_map *ids);
/* "./", "bin/", "bin/sh" */
struct tar_pack *copy_pack_root(const struct copy_source *s, const struct id_map *ids);

struct copy_target {
    int dir;
    const char *path; /* cleaned */
};
/* ERR_FORBIDDEN where nothing can be written, ERR_INVALID "extraction point is not a directory". */
struct err *copy_find_target(struct arena *a, int tree, const char *id, const char *path,
                             struct copy_target *out) must_check;
struct copy_options {
    struct layer_store *store;
    const char *container_id;
    bool keeps_kind, has_owner;
    uint32_t uid, gid;        /* inside */
    const struct id_map *ids; /* of the user namespace whose the owners are; NULL: the host's */
    bool (*is_cancelled)(void *ctx);
    void *ctx;
};
/* Where a tar comes from. */
struct copy_input {
    /* Waits for the next bytes, which stay until the next call; *n 0 at the end. One thread. */
    struct err *(*more)(void *ctx, const void **p, size_t *n);
    void (*close)(void *ctx); /* nobody reads it any more */
    void *ctx;
};
/* A client that went: ERR_CANCELLED. */
struct err *copy_in(int tree, const struct copy_target *t, const struct copy_input *from,
                    const struct copy_options *o) must_check;
