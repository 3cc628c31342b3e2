/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, for the command line and for the configuration file. */
#pragma once

#include "base/flags.h"

#include "core/settings.h"

extern const struct flag settings_flags[]; /* ends with a row without name */
extern const size_t settings_flag_count;

/* Over what the flags left alone. `given` has one bool a row of the table; what the
 * file gives is added to it. */
struct err *settings_file_load(struct arena *a, const char *path, bool must_exist, bool *given,
                               struct settings *out) must_check;
