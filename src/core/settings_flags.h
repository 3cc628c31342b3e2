/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, for the command line and for the configuration file. */
#pragma once

#include "base/flags.h"

#include "core/settings.h"

extern const struct flag settings_flags[]; /* ends with a row without name */
extern const size_t settings_flag_count;

/* Over what the flags left alone; a key that a flag has given, too, is refused. */
struct err *settings_file_load(struct arena *a, const char *path, bool must_exist,
                               struct settings *out) must_check;
/* The value as Go's %v prints it; passwords of URLs masked. */
char *settings_flag_text(struct arena *a, const struct flag *f, const struct settings *s);

struct json;
typedef struct err *settings_form_fn(struct arena *a, const struct json *j, struct strs *out);
/* How a key's value in the file becomes what its flag takes; NULL: as its type says. */
settings_form_fn *settings_form(const char *key);
