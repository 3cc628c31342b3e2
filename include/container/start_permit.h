/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of starts: few are between prepare and spawn at a time. Loop thread. */
#pragma once

#include "base/list.h"

struct container_table;
struct op;

struct start_permit { /* part of an operation; {0}: none */
    bool is_taken;
};
/* The wait of an ON_EVENT step, until it is this one's turn; start_permit_release in any case. */
struct err *start_permit_take(struct container_table *t, struct start_permit *permit, struct op *op)
    must_check;
void start_permit_release(struct container_table *t, struct start_permit *permit);
