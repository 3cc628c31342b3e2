/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of one directory that are made together, by the caller's thread and one more. Each is
 * whole when it gets its name; what has the name already is left to the caller.
 */
#pragma once

#include "tar/meta.h"

enum { BATCH_FILES_MAX = 64, BATCH_BYTES = 1 << 20 };

struct batch_file {
    char *path;       /* in the archive; `base` is in it */
    const char *base; /* in the directory */
    char *content;    /* in the batch */
    size_t size;
    struct meta meta;
    /* What came of it: an error; or it is there (`is_named`, `st`); or it has no name, since that
     * is taken (fd); or there are no files without a name (fd -1, and nothing else). */
    struct err *err;
    bool is_named;
    int fd;
    struct stat st;
};

struct place_batch;
struct place_batch *place_batch_create(void);
void place_batch_destroy(struct place_batch *b); /* closes what was not taken; accepts NULL */

size_t place_batch_count(const struct place_batch *b);
/* Whether a file of that size in that directory, by its path, can come to those that are there. */
bool place_batch_takes(const struct place_batch *b, const char *path, size_t parent_len,
                       size_t size);
/* Memory for the content of the next file; NULL: the batch has to be made first. It stays valid
 * while those before it are made. */
char *place_batch_space(struct place_batch *b, size_t size);
/* dir, borrowed until they are made, is the same for all of them. */
void place_batch_add(struct place_batch *b, int dir, const char *path, size_t parent_len,
                     const struct batch_file *f);
/* Makes all of them. The caller looks at each result, and forgets them before it adds more. */
struct batch_file *place_batch_make(struct place_batch *b);
void place_batch_forget(struct place_batch *b);
/* By the descriptor alone where that is allowed: the way through /proc takes twice the time. */
struct err *place_link_temp(int fd, int dir, const char *name) must_check;
