/* SPDX-License-Identifier: Apache-2.0 */
/* Overlay's way to hide what lies in lower layers: a 0:0 device, or an opaque directory. Workers.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct stat;

bool whiteout_is(const struct stat *st);
struct err *whiteout_make(int dir, const char *name) must_check; /* the name must be free */
/* fd: the directory, open for reading. Lower layers' content of it disappears. */
struct err *whiteout_set_opaque(int fd) must_check;
