/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a copy into a container replaces has for a moment a name of ours beside it. A mark on the
 * disk says which, so that the engine after one that was killed then removes it.
 *
 *   DATA_ROOT/copies/<container id>.<random>    the path in the container, and a NUL
 *
 * The marks of a machine that lost its power may be gone; they are not synced. Workers.
 */
#pragma once

#include "base/text.h"
#include "storage/layer.h"

struct copy_mark {
    struct layer_store *store;
    char name[100];
    int fd;
};
struct err *copy_mark_begin(struct layer_store *s, const char *id, struct copy_mark *m) must_check;
struct err *copy_mark_set(struct copy_mark *m, const char *parent, const char *name) must_check;
void copy_mark_end(struct copy_mark *m); /* nothing has such a name any more */

/* Start-up: names of marks. The container of one is what stands before the dot. */
struct err *copy_marks_list(struct layer_store *s, struct arena *a, struct strs *out) must_check;
/* Removes what the mark names from the tree (root_view.h), if it is there and called as ours are,
 * and the mark. tree -1: the mark alone. *found: something was there. */
struct err *copy_mark_clear(struct layer_store *s, const char *mark, int tree, bool *found)
    must_check;
