/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "container/object.h"

/* The operation behind start, restart and the restart policy; not started. */
struct op *start_op(struct container *c);
/* Records why `op` failed and what `docker ps` says of it; AutoRemove removes. False: the container
 * was not the start's to change (it runs, or is being removed). */
bool start_note_failure(struct container *c, struct op *op, const struct err *err);
/* Gives the streams of a launch (or adopted fds) to the hub. */
void container_run_streams(struct container *c, struct launch *l);
void container_adopt_streams(struct container *c, const struct hub_streams *s);
