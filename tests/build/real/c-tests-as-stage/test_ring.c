/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <assert.h>
#include <stdio.h>

int main(void)
{
    struct ring r = {0};

    assert(ring_take(&r) == -1);
    for (int i = 0; i < RING_SIZE; i++)
        assert(ring_put(&r, i));
    assert(!ring_put(&r, 99));
    for (int i = 0; i < RING_SIZE; i++)
        assert(ring_take(&r) == i);
    puts("ring: all tests pass");
    return 0;
}
