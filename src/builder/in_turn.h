/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations one after the other, as the wait of another one's ON_EVENT step. The one that waits
 * may be gone before the one it waits for has heard of that: what both use is in an arena that
 * outlives them. Loop.
 */
#pragma once

#include "core/op.h"

struct in_turn;
/* make: the operation i, not started; it has an ON_EVENT step alone, and steps ON_LOOP, so that a
 * cancel ends it. Called while the caller waits. */
struct in_turn *in_turn_create(struct arena *a, size_t n, struct op *(*make)(void *ctx, size_t i),
                               void *ctx);
/* Once; n > 0. The first error ends the wait. */
struct err *in_turn_await(struct in_turn *t, struct op *op) must_check;
void in_turn_stop(struct in_turn *t); /* its undo; accepts NULL */
