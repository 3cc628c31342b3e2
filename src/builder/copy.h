/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY, ADD and WORKDIR: files of a context or an image into the root file system of a step. Every
 * path is resolved by the kernel inside its root (RESOLVE_IN_ROOT), and what is read and written
 * goes through tar/pack.c and tar/place.c, which follow no link. Workers.
 */
#pragma once

#include "base/digest.h"
#include "build/dockerfile.h"

#include <stdatomic.h>

struct layer_store;
struct copy_item;
struct ignore;
struct remote_files;

struct copy_task { /* in the arena of the step's operation */
    struct arena *arena;
    struct layer_store *store;
    const char *verb;             /* "COPY" */
    const struct copy_args *args; /* expanded */
    bool is_add;
    bool is_literal;         /* sources are paths, and no patterns */
    const char *working_dir; /* "": the root */
    int context;             /* of the build; used when from_chain is NULL */
    const struct strs *from_chain;
    const struct remote_files *remote; /* what its sources name by addresses, fetched */
    const _Atomic bool *is_cancelled;
    struct ignore *excludes; /* NULL: nothing is left out */
    /* out of copy_digest */
    struct copy_item *items;
    size_t n_items;
    char digest[96];   /* "file:HEX", "dir:HEX", "multi:HEX" */
    const char *names; /* of the sources, in a folder */
    char *dest;        /* absolute, cleaned; a slash at its end says that it is a folder */
};

/* What is copied: found, and its content hashed. */
struct err *copy_digest(struct copy_task *t) must_check;
/* Into the root file system of a container (rootfs_create) that nobody runs, above these layers. */
struct err *copy_run(struct copy_task *t, const char *id, const struct strs *chain) must_check;
/* Makes the folder there. */
struct err *copy_make_folder(struct layer_store *s, const char *id, const struct strs *chain,
                             const char *path) must_check;
