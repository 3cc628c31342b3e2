/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file system has room for what comes from an image: see space.c. Workers. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/* `what` begins the sentence: "the volume needs". */
struct err *space_check(int fd, int64_t bytes, int64_t inodes, const char *what) must_check;

/* For what comes bit by bit: looks at the file system now and then. Begins as {0}. */
struct space_meter {
    int64_t bytes, inodes; /* that may be taken before the next look */
};
struct err *space_take(struct space_meter *m, int fd, int64_t bytes, int64_t inodes,
                       const char *what) must_check;
