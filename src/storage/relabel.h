/* SPDX-License-Identifier: Apache-2.0 */
/* SELinux labels of files. Workers. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/* All below the mount, and then its root, get the context, wherever they have another. ERR_INVALID
 * for what the host itself needs (relabel_check). `what`: the path people know it by. Blocks for as
 * long as the tree is large. */
struct err *relabel_tree(int mount, const char *context, const char *what) must_check;
/* An open directory alone. */
struct err *relabel_one(int dir, const char *context, const char *what) must_check;
bool relabel_is_done(int dir, const char *context);
