/* SPDX-License-Identifier: Apache-2.0 */
/* Overlay file systems as detached mounts, by whatever way the kernel has. Workers. */
#pragma once

#include "store.h"

struct overlay {
    struct layer_store *store;
    const char *id;    /* of the container; NULL: nothing is writable */
    struct strs lower; /* below layers/, the topmost first */
    bool is_volatile;
    const struct id_shift *shift; /* whose owners its files get; NULL: as they are */
    const char *context;          /* of SELinux, for all its files; NULL: as they are */
};

/* Names below layers/. ERR_NOT_FOUND. */
struct err *layers_list(struct layer_store *s, struct arena *a, const struct strs *chain,
                        struct strs *out) must_check;
enum overlay_way overlay_way_of_kernel(void);
struct err *overlay_open(const struct overlay *o, int *out) must_check;

/* mount(2) on a throw-away thread: kernels before 6.7. */
struct err *overlay_open_by_mount(const struct overlay *o, int *out) must_check;
