/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of starts: few are between prepare and spawn at a time. Loop thread. */
#pragma once

#include "base/list.h"

struct container_table;

struct turn {
    struct list link;
    bool is_taken;
    void (*fn)(struct turn *turn);
};
/* fn when it is this one's turn, perhaps at once; turn_end in any case, also before fn. */
struct err *turn_take(struct container_table *t, struct turn *turn, void (*fn)(struct turn *turn))
    must_check;
void turn_end(struct container_table *t, struct turn *turn);
