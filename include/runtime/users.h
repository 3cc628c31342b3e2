/* SPDX-License-Identifier: Apache-2.0 */
/* "user[:group]" → numbers, by the image's own passwd and group files. */
#pragma once

#include "runtime/sandbox.h"

/* The two files' text; NULL when the image has none. */
struct user_files {
    char *passwd, *group;
};

/* At create: numbers that no id can be. Names are looked up when the container starts. Pure. */
struct err *user_check(struct arena *a, const char *spec, const struct strs *group_add) must_check;
/* Reads them below `root` (any fd of a directory). Blocking. */
struct err *user_files_read(struct arena *a, int root, struct user_files *out) must_check;
/* Pure. ERR_INVALID "unable to find user x: no matching entries in passwd file". */
struct err *user_resolve(struct arena *a, const struct user_files *f, const char *spec,
                         const struct strs *group_add, struct sandbox_user *out) must_check;
/* ERR_INVALID for one that the user namespace does not have. NULL: it has all. Pure. */
struct err *user_check_ids(const struct sandbox_user *u, const struct id_map *ids) must_check;
