/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's directories, opened once at start-up. Everything in it is constant
 * afterwards, so workers share it without locks.
 */
#pragma once

#include "core/db.h"
#include "storage/rootfs.h"

/* The later the kernel, the less: layers as descriptors, also of detached mounts; as descriptors;
 * as texts; all by mount(2). */
enum overlay_way { OVERLAY_BY_DETACHED = 1, OVERLAY_BY_FD, OVERLAY_BY_STRING, OVERLAY_BY_MOUNT };

#define STORE_MAGIC 0x73746f21u
struct layer_store {
    unsigned magic;
    char *data_root;              /* absolute */
    int layers, tmp;              /* layers/, layers/tmp/ */
    int containers;               /* containers/ */
    int trash;                    /* trash/ */
    int copies;                   /* copies/: names of copies into containers, copy_mark.h */
    enum overlay_way overlay_way; /* of this kernel; tests try the others */
};

/* What the init layer (layers/init/diff) lies under: the lowest lower directory of every rootfs. */
#define INIT_LAYER "init/diff"
/* With nothing in it: an overlay that is not writable has two layers at least. */
#define EMPTY_LAYER "init/empty"

/* Random name for temporary directories. */
#define TMP_NAME_MAX 33
void store_tmp_name(char out[TMP_NAME_MAX]);
/* Folders of layers, containers and volumes begin with the sticky bit: whether they have a document
 * already nobody knows. The next start takes it away from those that have. */
#define STORE_NEW_MODE 01700
void store_note_known(int dir, const char *name);
/* Whether dir/name, without a document, is what a crashed operation has left: it never had one, or
 * its document was being deleted. */
bool store_is_left_behind(int dir, const char *name, enum db_evidence evidence);
/* Makes dir/name (0700) when absent and opens it. */
struct err *store_open_dir(int dir, const char *name, int *out) must_check;
