/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that wait for a container, and who tells those that do. Loop thread. */
#pragma once

#include "base/list.h"

struct container;
struct op;

struct settle_wait {
    struct list link;
    void (*fn)(struct settle_wait *w);
};
/* fn when no process of the container runs and its last exit is worked off; perhaps at once. */
void container_settle(struct container *c, struct settle_wait *w,
                      void (*fn)(struct settle_wait *w));
void container_settle_for(struct container *c, struct op *op); /* the wait of an ON_EVENT step */
void container_wake_settlers(struct container *c);
void waiters_notify(struct container *c, bool is_removed);
/* A start that failed: whoever waits for an exit goes on waiting. */
void waiters_end_wait(struct container *c);
/* The last output of the run is in: the exit that waits for it goes on. */
void container_streams_drained(struct container *c);
