/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A damaged state file put together once more from its pages and those of its log, and read row by
 * row. Nothing of the original is changed. For salvage.
 */
#pragma once

#include "base/text.h"

struct map;

struct image_row {
    const char *kind, *id, *json; /* the arena's */
    int64_t seq;
    bool is_checked; /* its checksum is right */
};

/* "kind/id" → struct image_row, of everything that can be read; wanted: keys to be asked for one
 * by one as well. *log_is_short: commits that were acknowledged are missing in the log. scratch:
 * the name of a file to work in, which is removed. */
struct err *db_image_rows(struct arena *a, const char *db_path, const char *scratch,
                          const struct strs *wanted, struct map *out, bool *log_is_short)
    must_check;
