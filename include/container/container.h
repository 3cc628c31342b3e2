/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers as everybody sees them: look-up, lists, waiting. What can be done with one is in
 * run/commands.h, place/connect.h and exec/exec.h, what can be shown in view/view.h. Loop thread.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct container;
struct container_table;

/* Called exactly once, on the loop, perhaps before the call returns; err is the callee's. */
typedef void (*container_done_fn)(void *ctx, struct err *err);

/* Exact id, exact name, unique id prefix, "linker/alias": ERR_NOT_FOUND "No such container: x",
 * ERR_INVALID "multiple IDs found with provided prefix: x". */
struct err *container_find(struct container_table *t, const char *ref, struct container **out)
    must_check;
/* Newest first; NULL ends. *cursor starts at 0. */
struct container *container_next(struct container_table *t, size_t *cursor);
/* All that are there now, newest first. They may go meanwhile: then _at gives NULL. */
struct container_list {
    struct container **v;
    size_t n;
};
void container_list_ref(struct container_table *t, struct container_list *out);
struct container *container_list_at(const struct container_list *l, size_t at);
void container_list_unref(struct container_list *l);
struct container_counts {
    int total, running, paused, stopped;
};
struct container_counts container_counts(const struct container_table *t);

bool container_has_tty(const struct container *c);
bool container_is_running(const struct container *c);
/* Or its restart policy is about to run it: what `ps` lists without -a. */
bool container_is_up(const struct container *c);
const char *container_id(const struct container *c);
const char *container_name(const struct container *c); /* without the slash */

enum wait_condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
bool wait_condition_parse(const char *s, enum wait_condition *out); /* "" is not-running */
struct waiter;
/* fn once, perhaps at once; error NULL or a message about the run. Cancel when the client goes. */
struct waiter *container_wait(struct container *c, enum wait_condition condition,
                              void (*fn)(void *ctx, int code, const char *error), void *ctx);
void waiter_cancel(struct waiter *w);
