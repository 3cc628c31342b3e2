/* SPDX-License-Identifier: Apache-2.0 */
/* Lists for people: rows of named fields printed by a --format, a default table or ids only. */
#pragma once

#include "base/json.h"

struct rows {
    const char *table;         /* the default: "table {{.ID}}\t{{.Image}}" */
    const char *quiet;         /* with -q: "{{.ID}}" */
    const struct pair *titles; /* field → column title, ends with key NULL */
    const char *const
        *expendable;    /* titles that a narrow screen can do without, ended by NULL; NULL: none */
    struct pairs *rows; /* field → text */
    size_t n;
};

/* format: what --format gave, NULL or "" for the default. */
struct err *rows_print(struct arena *a, const struct rows *l, const char *format, bool is_quiet,
                       struct buf *out) must_check;
/* Values for `.Label "key"`. */
void rows_labels(struct arena *a, struct pairs *row, const struct pairs *labels);
