/* SPDX-License-Identifier: Apache-2.0 */
/* Free memory goes back to the kernel now and then. Embedded by the process. Loop thread. */
#pragma once

#include "core/op.h"

struct trim {
    struct loop *loop;
    struct pools *pools;
    struct ops *ops;
    struct timer tick;
    struct job job;
    int n_put_off;
    size_t free_then; /* after the last time: mallinfo counts trimmed pages as free, too. The
                         worker's */
    bool is_ended;
};
void trim_begin(struct trim *t, struct loop *l, struct pools *p, struct ops *o);
void trim_end(struct trim *t);
