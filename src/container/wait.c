/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a container: clients of POST …/wait, and operations that need its last
 * exit worked off. A waiter is registered before the answer's headers go out, so an
 * exit that follows at once is not missed. Loop thread.
 */
#include "container/wait.h"

#include <string.h>

#include "container/object.h"

struct waiter {
    struct list link;
    enum wait_condition condition;
    void (*fn)(void *ctx, int code, const char *error);
    void *ctx;
};

bool wait_condition_parse(const char *s, enum wait_condition *out)
{
    static const struct {
        const char *name;
        enum wait_condition condition;
    } known[] = {
        {"", WAIT_NOT_RUNNING},
        {"not-running", WAIT_NOT_RUNNING},
        {"next-exit", WAIT_NEXT_EXIT},
        {"removed", WAIT_REMOVED},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(s ? s : "", known[i].name) == 0) {
            *out = known[i].condition;
            return true;
        }
    }
    return false;
}

/* A container between two runs of its restart policy counts as running for who asks then, though
 * the exit before has ended every wait; one whose exit is on
 * record is down, even while the rest of that exit is being worked off: its waiters have been
 * told already, so a new one must not join them. */
static bool is_down(const struct container *c)
{
    return !container_is_up(c) && !c->is_starting;
}

struct waiter *container_wait(struct container *c, enum wait_condition condition,
                              void (*fn)(void *ctx, int code, const char *error), void *ctx)
{
    struct waiter *w;

    if ((condition == WAIT_NOT_RUNNING && is_down(c)) ||
        (condition == WAIT_REMOVED && c->is_gone)) {
        fn(ctx, c->doc.state.exit_code, NULL);
        return NULL;
    }
    w = mem_new(struct waiter);
    w->condition = condition;
    w->fn = fn;
    w->ctx = ctx;
    list_append(&c->waiters, &w->link);
    return w;
}

void waiter_cancel(struct waiter *w)
{
    if (!w)
        return;
    list_remove(&w->link);
    free(w);
}

/* The list is detached first: a callback may register new waiters. */
static void notify(struct container *c, bool is_removed, bool is_exit)
{
    struct list due;

    list_init(&due);
    list_each (w, &c->waiters, struct waiter, link) {
        if (w->condition == WAIT_REMOVED && !is_removed)
            continue;
        if (w->condition == WAIT_NEXT_EXIT && !is_exit)
            continue;
        if (w->condition == WAIT_NOT_RUNNING && !is_removed && !is_exit && !is_down(c))
            continue;
        list_remove(&w->link);
        list_append(&due, &w->link);
    }
    while (!list_is_empty(&due)) {
        struct waiter *w = list_first(&due, struct waiter, link);

        list_remove(&w->link);
        w->fn(w->ctx, c->doc.state.exit_code, is_removed ? NULL : c->doc.state.error);
        free(w);
    }
}

/* After an exit or a removal. */
void waiters_notify(struct container *c, bool is_removed)
{
    notify(c, is_removed, true);
}

/* A failed start is no exit: a client that waits for the next one has the start's own answer, and
 * would report the failure twice. */
void waiters_end_wait(struct container *c)
{
    notify(c, false, false);
}

static bool is_settled(const struct container *c)
{
    return c->pidfd < 0 && !c->is_exiting && !c->exit.is_set;
}

void container_settle(struct container *c, struct settle_wait *w, void (*fn)(struct settle_wait *w))
{
    w->fn = fn;
    if (is_settled(c))
        fn(w);
    else
        list_append(&c->settle, &w->link);
}

void container_settle_for(struct container *c, struct op *op)
{
    if (!is_settled(c))
        ticket_queue(op_wait(op), &c->settling, NULL);
}

void container_wake_settlers(struct container *c)
{
    tickets_answer(&c->settling);
    while (!list_is_empty(&c->settle)) {
        struct settle_wait *w = list_first(&c->settle, struct settle_wait, link);

        list_remove(&w->link);
        w->fn(w);
    }
}

void container_streams_drained(struct container *c)
{
    tickets_answer(&c->draining);
}
