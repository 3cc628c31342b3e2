/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that workers make and one client takes, at its own speed: a slow one holds no thread,
 * and no more memory than two pieces. Loop thread, but for pump_source.more.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct pools;
struct pump;
struct sink;
struct ticket;

struct pump_source {
    /* Fills `out` with about `room` bytes more. *is_end: that was all. A disk worker. */
    struct err *(*more)(void *ctx, size_t room, struct buf *out, bool *is_end);
    void (*destroy)(void *ctx);
    void *ctx; /* outlives the operation if it must */
};
/* over: it has ended, and the pump is nobody's any more; only while the ticket is valid, and in
 * front of its answer. */
struct pump *pump_start(struct pools *p, struct sink *s, struct ticket *t,
                        const struct pump_source *source, void (*over)(void *owner, bool is_sent),
                        void *owner);
void pump_resume(struct pump *p); /* the sink has room again */
void pump_cancel(struct pump *p); /* the client is gone: over comes now or soon */
/* The wait was ended: a pump at work frees itself when it comes back. Accepts NULL. */
void pump_stop(struct pump *p);
