/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

int ring_put(struct ring *r, int value)
{
    if (r->head - r->tail == RING_SIZE)
        return 0;
    r->v[r->head++ % RING_SIZE] = value;
    return 1;
}

int ring_take(struct ring *r)
{
    return r->head == r->tail ? -1 : r->v[r->tail++ % RING_SIZE];
}
