/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an archive that cannot be read twice, kept under DATA_ROOT/tmp. Worker. */
#pragma once

#include "base/text.h"

#include <stdatomic.h>

struct staging;

/* Reads the archive to its end. Leaves nothing when it fails. Memory from the arena. */
struct err *staging_fill(struct arena *a, const char *data_root, int in_fd,
                         const _Atomic bool *stop, struct staging **out) must_check;
void staging_remove(struct staging *s); /* the files; accepts NULL */

/* Host path of a member, links followed; NULL when there is none. */
const char *staging_path(const struct staging *s, const char *name);
struct err *staging_read(struct arena *a, const struct staging *s, const char *name, size_t max,
                         char **out, size_t *out_len) must_check; /* ERR_NOT_FOUND */
/* How many bytes the client has sent. */
int64_t staging_packed_bytes(const struct staging *s);
