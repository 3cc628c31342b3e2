/* SPDX-License-Identifier: Apache-2.0 */
/* Free memory goes back to the kernel now and then. Embedded by the process. Loop thread. */
#pragma once

#include "core/loop.h"

struct trim {
    struct loop *loop;
    struct pools *pools;
    struct timer tick;
    struct job job;
    size_t free_then; /* after the last time: mallinfo counts trimmed pages as free, too */
    bool is_ended;
};
void trim_begin(struct trim *t, struct loop *l, struct pools *p);
void trim_end(struct trim *t);
