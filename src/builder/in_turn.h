/* SPDX-License-Identifier: Apache-2.0 */
/* Operations one after the other, as the wait of another one's ON_EVENT step. Loop. */
#pragma once

#include "core/op.h"

struct in_turn { /* embedded in the operation that waits */
    size_t n, at;
    struct op *(*make)(void *ctx, size_t i); /* not started; it has an ON_EVENT step alone, and
                                                steps ON_LOOP, so that a cancel ends it at once */
    void *ctx;
    struct op *running;
    struct ticket *ticket;
};
/* n > 0. The first error ends the wait. */
struct err *in_turn_await(struct in_turn *t, struct op *op) must_check;
void in_turn_stop(struct in_turn *t); /* its undo */
