/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may mount a container's root file system: one at a time, since two mounts of the same upper
 * folder know nothing of each other. Whoever comes while it is mounted gets it from there.
 * Loop thread.
 */
#pragma once

#include "core/op.h"
#include "storage/root_view.h"

struct id_map;

struct root_gate { /* in the container */
    bool is_taken;
    struct list waiting; /* tickets, ctx struct root_hold */
    struct list lenders; /* struct root_lender, the oldest first */
};
struct root_hold { /* in the operation */
    bool is_held;
};
struct root_lender { /* in an operation that has the root open */
    struct list link;
    struct root_view *view;
    const struct id_map *ids; /* whose the owners in it are; NULL: as on the disk */
    const char *context;      /* SELinux's, of all its files; NULL: none */
};

void root_gate_init(struct root_gate *g);
/* run of an ON_EVENT step; root_gate_give undoes it. */
struct err *root_gate_take(struct root_gate *g, struct root_hold *h, struct op *op) must_check;
void root_gate_give(struct root_gate *g, struct root_hold *h); /* nothing when it is not held */
/* What a start mounts instead of a file system of its own; -1: there is none, or, with
 * *has_other_owners, none with these owners or this label: it cannot be mounted now. */
int root_gate_borrow(struct root_gate *g, const struct id_map *ids, const char *context,
                     bool *has_other_owners);
