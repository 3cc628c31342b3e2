/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds the loop, and for how long: the measure of "never more than a millisecond". Everything
 * that runs on the loop is called by a post, a timer or a watch, and these give it a name; the
 * runner of operations and the dispatcher of requests name what they call more exactly. A hold
 * lasts from one name to the next, a turn from one poll to the next. Loop thread.
 */
#pragma once

#include <stdint.h>

struct jw;
struct loop;

/* A callback's name: "conn.c:on_ready". */
#define TURN_NAME(fn) __FILE_NAME__ ":" #fn

/* From here on the loop is held by `what` of `of` ("container/start", "claim"; what may be NULL).
 * Both are kept as they are, so they are literals or tables' texts. Returns the boot clock. */
int64_t turn_enter(struct loop *l, const char *of, const char *what);
struct buf;
/* Prometheus' family berth_loop_turn_seconds. */
void turns_write_metrics(struct loop *l, struct buf *out);
/* The counters as one object "turns": for core/debug.h and GET /debug/turns. */
void turns_dump(void *loop, struct jw *w);
