/* SPDX-License-Identifier: Apache-2.0 */
/* The writing end of a pipe that a request's body is streamed into. Loop thread. */
#pragma once

#include "base/text.h"
#include "core/loop.h"

struct body;
/* room: what was held back has been written. */
struct err *body_open(struct loop *l, void (*room)(void *ctx), void *ctx, struct body **out,
                      int *out_read_fd) must_check;
void body_write(struct body *b, const void *p, size_t n);
bool body_is_full(const struct body *b); /* give it no more until `room` */
/* The end of the body: the reader meets EOF after what is held back. */
void body_end(struct body *b);
void body_close(struct body *b); /* drops what is held back; accepts NULL */
