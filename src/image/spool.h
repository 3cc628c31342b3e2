/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an archive that cannot be read twice, kept under DATA_ROOT/tmp. Worker. */
#pragma once

#include "base/text.h"

#include <stdatomic.h>

struct spool;

/* Reads the archive to its end. Leaves nothing when it fails. Memory from the arena. */
struct err *spool_fill(struct arena *a, const char *data_root, int in_fd, const _Atomic bool *stop,
                       struct spool **out) must_check;
void spool_remove(struct spool *s); /* the files; accepts NULL */

/* Host path of a member, links followed; NULL when there is none. */
const char *spool_path(const struct spool *s, const char *name);
struct err *spool_read(struct arena *a, const struct spool *s, const char *name, size_t max,
                       char **out, size_t *out_len) must_check; /* ERR_NOT_FOUND */
