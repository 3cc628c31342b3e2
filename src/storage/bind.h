/* SPDX-License-Identifier: Apache-2.0 */
/* Detached clones of directories that are open. Workers. */
#pragma once

#include "store.h"

/* path may be "" to clone dir itself. */
struct err *bind_open_at(int dir, const char *path, const struct bind_options_plan *o, int *out)
    must_check;
/* ERR_FORBIDDEN unless the descriptor, opened by `path`, is of the file at `must_be`; NULL or "":
 * any. */
struct err *bind_check_place(int place, const char *path, const char *must_be) must_check;
