/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct container;
struct err;
struct op;

/* The operation behind start, restart and the restart policy; not started. */
struct op *start_op(struct container *c);
/* Records why `op` failed and what `docker ps` says of it; AutoRemove removes. False: the container
 * was not the start's to change (it runs, or is being removed). */
bool start_note_failure(struct container *c, struct op *op, const struct err *err);
