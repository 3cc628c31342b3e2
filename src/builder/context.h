/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context of a build: a folder of DATA_ROOT/tmp, which nobody else reaches and which the next
 * start empties. Shared by the build, the worker that fills it and those that copy from it; the
 * last one's unref removes it in the background.
 */
#pragma once

#include "base/err.h"
#include "core/op.h"

#include <stdbool.h>

struct build_context;
struct parts;

/* Worker. One reference. */
struct err *build_context_create(const char *data_root, struct build_context **out) must_check;
struct build_context *build_context_ref(struct build_context *c);   /* loop */
void build_context_unref(struct build_context *c, struct parts *p); /* loop; accepts NULL */
int build_context_dir(const struct build_context *c);               /* borrowed; any thread */

/* The tar from in_fd (taken) into it, on a thread of the pool for clients: the wait of an ON_EVENT
 * step. *out is what stops it; it is gone when the step has ended. */
struct context_intake;
void build_context_fill(struct build_context *c, struct parts *p, struct op *op, int in_fd,
                        struct context_intake **out);
void context_intake_stop(struct context_intake *i);
