/* SPDX-License-Identifier: Apache-2.0 */
/* docker stats: one sampler for all who watch. Loop thread. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct buf;
struct container;
struct parts;

struct stats_sampler *stats_sampler_create(struct parts *p);
void stats_sampler_destroy(struct stats_sampler *s); /* when nobody watches any more */

/* One object, with a line's end. is_one_shot: without the CPU use of a moment before. `done` may
 * take what is in the line. */
void container_stats(struct container *c, bool is_one_shot,
                     void (*done)(void *ctx, struct err *err, struct buf *line), void *ctx);
/* One object at once, then one a second; NULL at the end, when the container is removed. */
struct stats_watch;
struct stats_watch *container_watch_stats(struct container *c,
                                          void (*fn)(void *ctx, const struct buf *line), void *ctx);
void stats_watch_end(struct stats_watch *w); /* not after fn got NULL */
