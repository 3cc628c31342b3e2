/* SPDX-License-Identifier: Apache-2.0 */
/* A layer that has no name yet: layers/tmp/<random>/diff. Workers. */
#pragma once

#include "store.h"

#define DRAFT_MAGIC 0x64726121u
struct layer_draft {
    unsigned magic; /* until it is committed, aborted or left */
    struct layer_store *store;
    char name[TMP_NAME_MAX];
    int dir;  /* layers/tmp/<name> */
    int diff; /* its diff/ */
};

struct err *draft_create(struct layer_store *s, struct layer_draft **out) must_check;
