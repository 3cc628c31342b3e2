/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be had of a state file, damaged or not, of the copies of its documents, and of the
 * quarantine: for `berthd --recover`. No engine runs. Blocking.
 */
#pragma once

#include "base/list.h"
#include "base/text.h"

struct salvaged { /* a document */
    struct list link;
    const char *kind, *id, *json;
    int64_t seq;
    enum {
        FROM_DATABASE,
        FROM_COPY,
        FROM_QUARANTINE,
        FROM_DATABASE_UNCHECKED, /* its checksum is wrong, and nothing better is there */
    } source;
    bool is_wanted; /* by the caller: it is written */
};

struct salvage {
    struct arena *arena;
    const char *why;       /* what is wrong with the state file; NULL: nothing */
    const char *set_aside; /* the name that it got; NULL: it was whole, or there was none */
    struct list documents; /* struct salvaged.link, in the order they were made */
};

/* Finishes a salvage that was cut off, then reads. ERR_INTERNAL when the file is in use, not ours,
 * or of a newer format. */
struct err *salvage_read(const char *db_path, struct salvage **out) must_check;
/* The wanted ones to a new state file, which takes the place of the damaged one; that is renamed.
 * A whole one is added to. */
struct err *salvage_write(struct salvage *s, const char *db_path) must_check;
void salvage_destroy(struct salvage *s); /* accepts NULL */
/* Whether a deletion of it had begun. */
bool salvage_was_going(struct arena *a, const char *db_path, const char *kind, const char *id);
