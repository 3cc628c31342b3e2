/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives free memory back to the kernel. malloc keeps what a burst has left behind in pages
 * between live blocks (160 MB after 10,000 clients at once); nothing but malloc_trim returns
 * it. Looked at a few times a minute: a wake-up costs less than what would have to note bursts.
 * Counting and trimming take a while (20 ms have been seen) and are a worker's; but malloc is
 * locked meanwhile, for the loop as well. So they wait for a moment without operations, though
 * not forever.
 */
#include "trim.h"

#include <malloc.h>

#define TICK_MS 10000
#define WORTH_BYTES (1u << 20)
#define PUT_OFF_MAX 6 /* ticks */

static void run(struct job *job)
{
    struct trim *t = container_of(job, struct trim, job);
    size_t now = mallinfo2().fordblks;

    ASSERT_WORKER();
    if (now < t->free_then)
        t->free_then = now;
    if (now - t->free_then < WORTH_BYTES)
        return;
    malloc_trim(0);
    t->free_then = mallinfo2().fordblks;
}

static void on_tick(struct timer *timer);

static void on_trimmed(struct job *job)
{
    struct trim *t = container_of(job, struct trim, job);

    ASSERT_LOOP();
    if (!t->is_ended)
        timer_set(t->loop, &t->tick, TICK_MS, on_tick);
}

static void on_tick(struct timer *timer)
{
    struct trim *t = container_of(timer, struct trim, tick);

    if (ops_in_flight(t->ops) > 0 && ++t->n_put_off < PUT_OFF_MAX) {
        timer_set(t->loop, timer, TICK_MS, on_tick);
        return;
    }
    t->n_put_off = 0;
    pool_submit(t->pools, POOL_DISK, &t->job);
}

void trim_begin(struct trim *t, struct loop *l, struct pools *p, struct ops *o)
{
    ASSERT_LOOP();
    ASSERT(!t->is_ended);
    t->loop = l;
    t->pools = p;
    t->ops = o;
    t->job.run = run;
    t->job.done = on_trimmed;
    timer_set(l, &t->tick, TICK_MS, on_tick);
}

void trim_end(struct trim *t)
{
    t->is_ended = true;
    timer_clear(t->loop, &t->tick);
}
