/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
enum { RING_SIZE = 8 };
struct ring {
    int v[RING_SIZE];
    unsigned head, tail;
};
int ring_put(struct ring *r, int value); /* 0: it is full */
int ring_take(struct ring *r);           /* -1: it is empty */
