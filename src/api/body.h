/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body on its way to a worker: through a pipe, or, for what is large and wants to be
 * fast, through pieces of memory, which are copied once less. Loop thread. */
#pragma once

#include "base/text.h"
#include "core/loop.h"

struct body;
struct copy_input;
/* room: what was held back has been written. */
struct err *body_open(struct loop *l, void (*room)(void *ctx), void *ctx, struct body **out,
                      int *out_read_fd) must_check;
/* The reading end is the worker's; it is closed by whoever has it, on the loop. */
void body_open_pieces(struct loop *l, void (*room)(void *ctx), void *ctx, struct body **out,
                      struct copy_input *out_input);
void body_write(struct body *b, const void *p, size_t n);
bool body_is_full(const struct body *b); /* give it no more until `room` */
/* The end of the body: the reader meets EOF after what is held back. */
void body_end(struct body *b);
void body_close(struct body *b); /* drops what is held back; accepts NULL */
