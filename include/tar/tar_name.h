/* SPDX-License-Identifier: Apache-2.0 */
/* Names inside foreign archives: cleaned lexically, bounded, whiteouts told apart. Pure. */
#pragma once

#include <limits.h>

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define TAR_NAME_MAX 4096
#define TAR_PART_MAX 255

struct tar_name {
    char path[TAR_NAME_MAX + 1]; /* "a/b/c": relative, no "." "..", "" is the root */
    size_t parent_len;           /* of "a/b" */
    const char *base;            /* "c", inside path */
};

enum tar_name_kind {
    TAR_NAME_PLAIN,
    TAR_NAME_WHITEOUT, /* base is ".wh.NAME"; tar_name_hidden gives NAME */
    TAR_NAME_OPAQUE,   /* base is ".wh..wh..opq" */
    TAR_NAME_IGNORED,  /* AUFS' own files: any other ".wh..wh." part */
};

/* A leading "/" is dropped as Docker does; "..", long parts and long names are ERR_INVALID. */
struct err *tar_name_clean(const char *raw, struct tar_name *out) must_check;
/* ERR_INVALID for whiteouts of nothing, of "." or "..", and for a path below a whiteout. */
struct err *tar_name_classify(const struct tar_name *n, enum tar_name_kind *out) must_check;
const char *tar_name_hidden(const struct tar_name *n);
/* A link's target as a path inside the archive: relative ones start at the folder of `from`.
 * ERR_INVALID when it leaves the archive. */
struct err *tar_name_follow(const struct tar_name *from, const char *target, struct tar_name *out)
    must_check;
