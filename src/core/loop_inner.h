/* SPDX-License-Identifier: Apache-2.0 */
/* What loop.c, timer.c, turn.c and watch.c share of one loop. */
#pragma once

#include "core/loop.h"
#include "core/turn.h"

#include <pthread.h>

struct post {
    const char *name; /* of fn, for the turn watch; static */
    void (*fn)(void *arg);
    void *arg;
};

/* Posts in order of arrival; the memory is kept between rounds. */
struct post_queue {
    struct post *v;
    size_t n, room;
};

struct timer_heap {
    struct timer **v; /* v[0] is due first */
    size_t n, room;
    uv_timer_t clock; /* waits for what is due later, `due_now` runs what is due already */
    uv_idle_t due_now;
    int64_t armed_ns; /* the due time that one of them is started for; 0: both are stopped */
    bool is_firing;   /* fire is on the stack: it arms anew when it is through */
};

struct turn_name { /* static strings, compared by address */
    const char *of, *what;
};

/* CPU time of the thread, and how often it slept in the kernel. */
struct turn_cost {
    int64_t cpu_ns;
    int64_t n_sleeps;
};

struct turn_holder {
    struct turn_name name;
    uint64_t count;     /* of its holds of a millisecond or more of its own */
    int64_t ns, cpu_ns; /* the longest of them; ns is cpu_ns if it did not sleep */
    int64_t n_sleeps;   /* in all of them */
};

#define TURN_BUCKETS 24
#define TURN_LONGEST 24

struct turn_watch {
    uv_prepare_t before_poll;
    struct turn_name name; /* who holds the loop since since_ns */
    int64_t since_ns;
    int64_t begun_ns;                  /* of this turn; 0: the loop polls */
    struct turn_cost at_turn, at_hold; /* the readings that their costs are counted from */
    int64_t polled_ns;                 /* when the last turn ended */
    int64_t worked_ns;                 /* since the reading, as the next two */
    int64_t n_polls, n_waits;          /* waits: polls that were not to return at once */
    struct turn_name worst;            /* of this turn, when worst_ns is set */
    int64_t worst_ns;
    uint64_t turns[TURN_BUCKETS], holds[TURN_BUCKETS];
    int64_t turns_ns;                                          /* all of them */
    uint64_t turns_cpu[TURN_BUCKETS], holds_cpu[TURN_BUCKETS]; /* of slow ones */
    uint64_t n_sleeps;                                         /* in slow turns */
    struct turn_holder longest[TURN_LONGEST];
    int64_t told_ns;  /* when the log last told of a slow turn */
    int64_t n_untold; /* slow turns since then */
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;      /* sent by the first post of a round */
    pthread_mutex_t lock; /* guards `posts` */
    struct post_queue posts;
    struct post_queue spare; /* loop thread only */
    struct timer_heap timers;
    uint8_t *watched;    /* one bit an fd: it has a watch */
    size_t watched_size; /* bytes */
    size_t n_watches;    /* open ones; 0 when the loop is destroyed */
    struct list refused; /* watches that the kernel has no room for now */
    struct timer watch_retry;
    struct turn_watch turns;
};

void timers_init(struct loop *l);
void timers_finish(struct loop *l); /* after its handles are closed */
void turns_init(struct loop *l);
struct turn_name turn_holder(const struct loop *l); /* for who gives the name back */
