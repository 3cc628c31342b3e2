/* SPDX-License-Identifier: Apache-2.0 */
/* docker cp's rules: what becomes of which names. Pure. */
#pragma once

#include "base/text.h"

/* "name:path" of a container; false: a path of this machine (absolute, with a dot in front, or
 * without a colon). */
bool copy_split(struct arena *a, const char *arg, const char **out_container,
                const char **out_path);
/* The last part of an absolute path; "." where its content is meant. */
const char *copy_name(struct arena *a, const char *path);

struct copy_end {
    const char *path; /* absolute */
    bool exists, is_dir;
};
/* The directory that the tar goes to, and what its first entry is called there: "." when only its
 * content is wanted. */
struct err *copy_place(struct arena *a, const char *source_name, bool source_is_dir,
                       const struct copy_end *to, const char **out_dir, const char **out_name)
    must_check;
