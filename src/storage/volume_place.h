/* SPDX-License-Identifier: Apache-2.0 */
/* Where a volume's files are: its directory, what its options name, a place inside. Workers. */
#pragma once

#include "bind.h"

struct pairs;

/* O_PATH. subpath: NULL, or a path inside; ERR_INVALID when it leads out, by links too. `plan` gets
 * what the options of a bind say. */
struct err *volume_open_place(const char *path, const struct pairs *options, const char *subpath,
                              struct bind_options_plan *plan, int *out) must_check;
