/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most so many layers are fetched, and so many blobs pushed, at a time by the whole engine,
 * whoever pulls and pushes: each costs memory, a worker and a connection. The others stand in line,
 * first come, first served. Loop thread.
 */
#pragma once

#include "base/list.h"

#include <stdbool.h>

struct permits;
struct permit { /* embedded; {0} but for fn */
    struct list link;
    bool is_held;
    void (*fn)(struct permit *p); /* from within the release of another one */
};

struct permits *permits_create(int max);
void permits_set_max(struct permits *p, int max);           /* fewer: as they are released */
void permits_destroy(struct permits *p);                    /* accepts NULL */
bool permit_take(struct permits *all, struct permit *p);    /* false: fn comes later */
void permit_release(struct permits *all, struct permit *p); /* safe in any state */
