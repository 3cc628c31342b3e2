/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one libuv loop, which owns every object, and the pools of workers.
 * libuv's own thread pool is not used. A worker function gets one job and
 * touches only that job's memory and the kernel.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "core/turn.h"

#include <uv.h>

struct loop;

struct loop *loop_create(void);
void loop_settle(struct loop *l);  /* at the end: runs what was posted, until nothing is */
void loop_destroy(struct loop *l); /* all handles must be closed */
uv_loop_t *loop_uv(struct loop *l);
void loop_run(struct loop *l);  /* until loop_stop */
void loop_stop(struct loop *l); /* loop thread */
/* Runs fn(arg) on the loop soon. Any thread; never blocks, never drops. */
#define loop_post(l, fn, arg) loop_post_as(l, TURN_NAME(fn), fn, arg)
void loop_post_as(struct loop *l, const char *name, void (*fn)(void *arg), void *arg);
bool loop_is_current(void);   /* this thread runs the loop */
bool worker_is_current(void); /* this thread belongs to a pool */
#define ASSERT_LOOP() ASSERT(loop_is_current())
#define ASSERT_WORKER() ASSERT(worker_is_current())

/* One-shot timer on the loop. timer_set on a pending timer moves it. Embedded by
 * the caller and finished with timer_clear before its memory goes. No libuv close
 * dance: all timers of a loop share one uv_timer_t over a heap. */
struct timer {
    int64_t due_ns;              /* boot clock; 0: not pending */
    size_t heap_at;              /* its place in the loop's heap, while it is pending */
    void (*fn)(struct timer *t); /* loop thread; may set or free the timer */
    const char *name;            /* of fn, for the turn watch; static */
};
#define timer_set(l, t, delay_ms, fn) timer_set_as(l, TURN_NAME(fn), t, delay_ms, fn)
void timer_set_as(struct loop *l, const char *name, struct timer *t, int64_t delay_ms,
                  void (*fn)(struct timer *t));
void timer_clear(struct loop *l, struct timer *t);

/* Readiness of an fd that libuv does not own. The watch is heap allocated because
 * closing a uv_poll_t is asynchronous; watch_close detaches at once (no further
 * callback) and does not close the fd: the caller may, immediately afterwards.
 * One watch an fd. libuv makes the fd non-blocking, for all who share it. POLLERR (a
 * pipe without readers) is reported as the watched events: act, or it comes again. */
struct watch;
typedef void (*watch_fn)(void *arg, int events); /* UV_READABLE | UV_WRITABLE | UV_DISCONNECT */
#define watch_open(l, fd, events, fn, arg) watch_open_as(l, TURN_NAME(fn), fd, events, fn, arg)
struct watch *watch_open_as(struct loop *l, const char *name, int fd, int events, watch_fn fn,
                            void *arg);
void watch_set(struct watch *w, int events); /* 0 pauses */
void watch_close(struct watch *w);           /* accepts NULL */

enum pool_kind { POOL_KERNEL, POOL_DISK, POOL_CLIENT };
struct pools;
#define POOL_CLIENT_THREADS 8
/* POOL_CLIENT is for jobs that go at the speed of a client who sends: it has POOL_CLIENT_THREADS.
 * Threads start on demand up to n_kernel/n_disk, and past that when all have been
 * busy with jobs older than 5 s (a hung disk must not stop mounts), up to 4 x. */
struct pools *pools_create(struct loop *l, int n_kernel, int n_disk);
/* Ends the threads, when the queues are empty. A job that comes later, from what another one has
 * brought, is run at once by the loop's thread. */
void pools_stop(struct pools *p);
void pools_destroy(struct pools *p); /* stops them first; results are still on their way */

struct job { /* embedded by the submitter; the pool's from pool_submit until done is called */
    struct list link;      /* in its pool's queue */
    struct heap_node node; /* in that of the ranked ones */
    enum pool_kind pool;
    void (*run)(struct job *job);  /* on a worker */
    void (*done)(struct job *job); /* then on the loop, exactly once */
    const char *name;
};
#define pool_submit(p, kind, job) pool_submit_as(p, TURN_NAME(done), kind, job)
void pool_submit_as(struct pools *p, const char *name, enum pool_kind kind, struct job *job);
/* A command's: those of the least rank first, in turns with those that have none. */
#define pool_submit_ranked(p, kind, rank, job)                                                     \
    pool_submit_ranked_as(p, TURN_NAME(done), kind, rank, job)
void pool_submit_ranked_as(struct pools *p, const char *name, enum pool_kind kind, uint64_t rank,
                           struct job *job);
