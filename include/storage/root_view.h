/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container sees, as one detached tree of mounts that the engine may read and write in:
 * the root file system with its volumes, binds and tmpfs. Nothing on it can be executed or opened
 * as a device. Workers, but for root_view_lend.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct layer_store;

#define ROOT_VIEW_SPARES 4
struct root_view {
    int tree;                     /* its root; -1: none */
    int spares[ROOT_VIEW_SPARES]; /* the root file system alone, for starts meanwhile */
    int n_spares;
};
#define ROOT_VIEW_NONE                                                                             \
    {                                                                                              \
        .tree = -1                                                                                 \
    }

struct view_mount {
    int fd; /* detached */
    const char *target;
    bool is_file;
};
/* Of a container that does not run. Takes root; the mounts stay the caller's. Missing mount points
 * are made, as a start does it. */
struct err *root_view_assemble(struct layer_store *s, int root, const struct view_mount *mounts,
                               size_t n, bool is_read_only, struct root_view *out) must_check;
/* Of one that runs. Nothing of it is executed, and nothing in its namespaces is a process of ours:
 * a thread goes into its mount namespace, clones the tree and ends. ERR_CONFLICT: it has ended.
 * is_bare: the root file system alone. */
struct err *root_view_of_process(int pidfd, bool is_bare, struct root_view *out) must_check;
void root_view_close(struct root_view *v); /* may unmount, so it may block */

/* One file system is not mounted twice over the same files: a start while a view is there gets its
 * root from the view. -1: all are given away. Loop thread. */
int root_view_lend(struct root_view *v);
