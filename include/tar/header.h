/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a tar stream (POSIX pax), as bytes. Pure. */
#pragma once

#include "base/text.h"

#include <sys/stat.h>
#include <time.h>

#define TAR_BLOCK 512

struct tar_xattr {
    const char *name;
    const void *value;
    size_t size;
};
struct tar_extent { /* data of a sparse file: the rest are holes */
    int64_t at, size;
};
struct tar_file {
    const char *name; /* of a directory: with a slash at its end */
    const char *link; /* target of a symbolic or hard link */
    bool is_hard_link;
    mode_t mode; /* type and 07777 */
    uint32_t uid, gid;
    int64_t size; /* of a regular file, with its holes */
    struct timespec mtime;
    unsigned major, minor;
    const struct tar_xattr *xattrs;
    size_t n_xattrs;
    bool is_sparse; /* only `extents` follow, each whole */
    const struct tar_extent *extents;
    size_t n_extents;
};

/* All that comes in front of the file's data, the map of a sparse one included. */
void tar_header_add(struct buf *out, const struct tar_file *f);
/* Behind the data: up to the next block. */
void tar_header_pad(struct buf *out, int64_t data_bytes);
void tar_header_end(struct buf *out);
/* Bytes of data that follow the header; the map not counted. */
int64_t tar_file_data_bytes(const struct tar_file *f);
