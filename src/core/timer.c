/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All timers of a loop: a binary heap over one uv_timer_t. Loop thread.
 * Due times are on the boot clock while libuv waits on the monotonic one, which
 * stands still in suspend; so no wait is longer than RECHECK_MS.
 *
 * What is due already runs from a uv_idle_t: libuv before 1.45 runs a timer of 0 ms
 * that a timer has started in the same pass, and so never polls. Neither a timer
 * that sets itself again nor thousands due at once keep the loop from its fds.
 */
#include "base/clock.h"

#include "loop_inner.h"

#define RECHECK_MS 60000
#define ROUND_NS NS_PER_MS /* of due timers, before other events have their turn */

static void heap_place(struct timer_heap *h, size_t at, struct timer *t)
{
    h->v[at] = t;
    t->heap_at = at;
}

/* t goes towards v[0] past every timer that is due later. */
static void heap_up(struct timer_heap *h, struct timer *t)
{
    size_t at = t->heap_at;

    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (h->v[parent]->due_ns <= t->due_ns)
            break;
        heap_place(h, at, h->v[parent]);
        at = parent;
    }
    heap_place(h, at, t);
}

/* t goes away from v[0] below every timer that is due earlier. */
static void heap_down(struct timer_heap *h, struct timer *t)
{
    size_t at = t->heap_at;

    for (;;) {
        size_t child = at * 2 + 1;

        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->v[child + 1]->due_ns < h->v[child]->due_ns)
            child++;
        if (t->due_ns <= h->v[child]->due_ns)
            break;
        heap_place(h, at, h->v[child]);
        at = child;
    }
    heap_place(h, at, t);
}

static void heap_add(struct timer_heap *h, struct timer *t)
{
    if (h->n == h->room) {
        size_t room = h->room ? h->room * 2 : 64;

        h->v = mem_resize(h->v, h->room * sizeof(*h->v), room * sizeof(*h->v));
        h->room = room;
    }
    heap_place(h, h->n++, t);
    heap_up(h, t);
}

/* Takes t out; it is pending no more. That it is at its place proves that it is of this loop, and
 * that nobody freed or copied a pending timer. */
static void heap_take(struct timer_heap *h, struct timer *t)
{
    struct timer *last;

    ASSERT(t->heap_at < h->n && h->v[t->heap_at] == t);
    last = h->v[--h->n];
    if (last != t) {
        heap_place(h, t->heap_at, last);
        heap_up(h, last);
        heap_down(h, last);
    }
    t->due_ns = 0;
}

static void on_clock(uv_timer_t *clock);
static void on_due_now(uv_idle_t *due_now);

static void stop(struct timer_heap *h)
{
    uv_timer_stop(&h->clock);
    uv_idle_stop(&h->due_now);
    h->armed_ns = 0;
}

/* Makes `clock` or `due_now` fire no later than the first timer is due. Firing early is
 * harmless. */
static void arm(struct loop *l)
{
    struct timer_heap *h = &l->timers;
    int64_t left_ms;

    if (h->n == 0) {
        stop(h);
        return;
    }
    if (h->is_firing || (h->armed_ns && h->armed_ns <= h->v[0]->due_ns))
        return;
    h->armed_ns = h->v[0]->due_ns;
    left_ms = (h->armed_ns - clock_boot_ns() + NS_PER_MS - 1) / NS_PER_MS;
    if (left_ms <= 0)
        uv_idle_start(&h->due_now, on_due_now);
    else
        uv_timer_start(&h->clock, on_clock, left_ms < RECHECK_MS ? (uint64_t)left_ms : RECHECK_MS,
                       0);
}

/* Runs what is due now, for ROUND_NS: the rest after the loop has looked at its fds. */
static void fire(struct loop *l)
{
    struct timer_heap *h = &l->timers;
    int64_t now = clock_boot_ns(), end = now + ROUND_NS;

    stop(h);
    h->is_firing = true;
    while (h->n && h->v[0]->due_ns <= now) {
        struct timer *t = h->v[0];

        turn_enter(l, t->name, NULL);
        heap_take(h, t);
        t->fn(t);
        if (clock_boot_ns() >= end) /* not before one has fired: a slow machine gets on, too */
            break;
    }
    h->is_firing = false;
    arm(l);
}

static void on_clock(uv_timer_t *clock)
{
    fire(container_of(clock, struct loop, timers.clock));
}

static void on_due_now(uv_idle_t *due_now)
{
    fire(container_of(due_now, struct loop, timers.due_now));
}

void timers_init(struct loop *l)
{
    ASSERT(uv_timer_init(&l->uv, &l->timers.clock) == 0);
    ASSERT(uv_idle_init(&l->uv, &l->timers.due_now) == 0);
}

void timers_finish(struct loop *l)
{
    ASSERT(l->timers.n == 0);
    free(l->timers.v);
}

void timer_set_as(struct loop *l, const char *name, struct timer *t, int64_t delay_ms,
                  void (*fn)(struct timer *t))
{
    struct timer_heap *h = &l->timers;

    ASSERT_LOOP();
    ASSERT(fn);
    ASSERT(delay_ms >= 0 && delay_ms < INT64_MAX / NS_PER_MS / 2);
    if (t->due_ns)
        heap_take(h, t);
    t->fn = fn;
    t->name = name;
    t->due_ns = clock_boot_ns() + delay_ms * NS_PER_MS;
    heap_add(h, t);
    arm(l);
}

void timer_clear(struct loop *l, struct timer *t)
{
    ASSERT_LOOP();
    if (!t->due_ns)
        return;
    heap_take(&l->timers, t);
    if (l->timers.n == 0)
        arm(l);
}
