/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: one look at everything for all who ask at the same time. Loop thread. */
#pragma once

#include "base/list.h"
#include "base/text.h"

struct metrics;
struct parts;

/* What was looked at, shared by those who asked. */
struct metrics_text {
    int refs;
    struct buf text; /* Prometheus' format: base/metric.h */
};
void metrics_text_unref(struct metrics_text *t);

struct metrics_waiter { /* embedded by who asks */
    struct list link;
    void (*fn)(struct metrics_waiter *w, struct metrics_text *text); /* once; takes a reference */
};

struct metrics *metrics_create(struct parts *p);
void metrics_stop(struct metrics *m); /* before the containers' table goes; nobody asks any more */
void metrics_destroy(struct metrics *m); /* when nobody waits any more; accepts NULL */
void metrics_ask(struct metrics *m, struct metrics_waiter *w);
void metrics_leave(struct metrics_waiter *w); /* not after fn */
