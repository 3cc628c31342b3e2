/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered events with a bounded history (EVENTS_HISTORY) that outlives the engine. Never the
 * carrier of state: only what clients of GET /events see. A subscriber that lags is told by its own
 * callback's queue, not here: publishing calls subscribers directly. Loop thread.
 */
#pragma once

#include "base/list.h"
#include "base/text.h"

#define EVENTS_HISTORY 8192
#define EVENTS_BYTES_MAX (16u << 20)       /* of the whole history: the oldest go first */
#define EVENT_ATTRS_BYTES_MAX (64u << 10)  /* attributes that do not fit are left out */
#define EVENT_LABELS_BYTES_MAX (56u << 10) /* of these, an object's labels: ours have the rest */

#define EVENT_COMMAND "command" /* a type that is shown only to who asks for it */

struct event {
    uint64_t seq;
    const char *type;   /* "container", "image", "network", "volume", "daemon" */
    const char *action; /* "start", "exec_create: ls" */
    const char *id;
    struct pairs attrs; /* name, image, labels, exitCode … */
    int64_t wall_ns;
};

struct events;
struct loop;
struct pools;
typedef void (*event_fn)(void *ctx, const struct event *e); /* e lives for the call only */
struct events_sub {                                         /* embedded by the subscriber */
    struct list link;
    event_fn fn;
    void *ctx;
};

struct events *events_create(void);
void events_destroy(struct events *ev); /* when no worker is left */
/* Start-up: takes what engines before have left in the folder, and keeps the history there. Numbers
 * go on; after an engine that was killed with a gap, since its last ones may be in no file. */
struct err *events_keep(struct events *ev, struct loop *l, struct pools *p, const char *dir)
    must_check;
bool events_are_busy(const struct events *ev); /* a worker writes some */
uint64_t events_last(const struct events *ev); /* number; 0: none was told */
/* The labels of an object that an event has room for, to begin its attributes with. */
struct pairs event_labels(struct arena *a, const struct pairs *labels);
/* Copies everything. seq and wall_ns are filled in; seq is returned. */
uint64_t events_publish(struct events *ev, const struct event *e);
/* Calls fn, which must not publish, for each kept event with wall_ns >= since_ns (and seq >
 * after_seq), oldest first. */
void events_replay(struct events *ev, int64_t since_ns, uint64_t after_seq, event_fn fn, void *ctx);
void events_subscribe(struct events *ev, struct events_sub *sub);
void events_unsubscribe(struct events_sub *sub);
