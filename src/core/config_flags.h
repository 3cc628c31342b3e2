/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, and how a value gets into struct settings. */
#pragma once

#include "core/config.h"

enum flag_type {
    FLAG_STR,
    FLAG_PATH, /* made absolute */
    FLAG_STRS,
    FLAG_PAIRS,
    FLAG_INT,
    FLAG_BOOL,
    FLAG_IGNORED,      /* takes a value */
    FLAG_IGNORED_BOOL, /* may stand alone */
};

struct flag {
    const char *name;
    char letter;      /* 0: none */
    const char *json; /* key in the config file; NULL: not allowed there */
    enum flag_type type;
    size_t offset;
    int min;            /* FLAG_INT */
    const char *arg;    /* in --help; NULL: taken from the type */
    const char *help;   /* NULL: not shown */
    const char *remark; /* why it is ignored, or what is special: logged when given */
};

extern const struct flag settings_flags[]; /* ends with a row without name */
extern const size_t settings_flag_count;

bool flag_is_bool(const struct flag *f);
const struct flag *flag_find(const char *name, size_t len);
const struct flag *flag_find_letter(char letter);
const struct flag *flag_find_json(const char *key);

/* Stores one value given as text; lists and maps grow. The error is Go's words for the value. */
struct err *flag_set(struct arena *a, const struct flag *f, const char *text, struct settings *out)
    must_check;
struct err *flag_absolute_path(struct arena *a, const char *text, char **out) must_check;
/* The value as Go's %v prints it. */
char *flag_text(struct arena *a, const struct flag *f, const struct settings *s);

/* Over what the flags left alone. `given` has one bool a row of the table; what the
 * file gives is added to it. */
struct err *config_file_load(struct arena *a, const char *path, bool must_exist, bool *given,
                             struct settings *out) must_check;
