/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a body between the loop, which adds them, and one worker, who takes them. */
#pragma once

#include "core/loop.h"

struct copy_input;
struct pieces;

/* room: called on the loop when pieces_are_full has become false. */
struct pieces *pieces_open(struct loop *l, void (*room)(void *ctx), void *ctx,
                           struct copy_input *out_reader);
void pieces_add(struct pieces *q, const void *p, size_t n);
bool pieces_are_full(struct pieces *q);
void pieces_end(struct pieces *q); /* no more comes: the worker meets the end, room is not called */
