/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of starts: few are between prepare and spawn at a time. Loop thread. */
#pragma once

#include "base/list.h"

struct container_table;
struct op;

struct turn { /* part of an operation; {0}: none */
    bool is_taken;
};
/* The wait of an ON_EVENT step, until it is this one's turn; turn_end in any case. */
struct err *turn_take(struct container_table *t, struct turn *turn, struct op *op) must_check;
void turn_end(struct container_table *t, struct turn *turn);
