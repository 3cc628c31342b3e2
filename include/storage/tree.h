/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over trees that containers may change meanwhile. Workers. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct tree_total {
    int64_t size;      /* bytes of the files, each hard-linked one once */
    int64_t allocated; /* bytes that a copy takes on the disk */
    int64_t entries;
};
struct err *tree_measure(int dir, const char *name, struct tree_total *out) must_check;
/* Bytes of the files in dir/name, each hard-linked file once. */
struct err *tree_size(int dir, const char *name, int64_t *out) must_check;
/* Copies the content of directory `from` into directory `to` (both stay the caller's): owner, mode,
 * times, attributes; and those of `from` itself. */
struct err *tree_copy(int from, int to) must_check;
bool tree_is_empty(int dir); /* false when it cannot be read */
