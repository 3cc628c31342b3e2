/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removed containers' files go in the background: a removal only renames them into the trash.
 * One sweep at a time, as two would only get in each other's way, a moment after the first
 * removal, so that it takes many at once and keeps out of the next command's way; what is thrown
 * away meanwhile asks for one more. Loop thread but for the job.
 */
#include "container/sweeper.h"

#include "container/parts.h"
#include "core/loop.h"
#include "storage/rootfs.h"

#define DELAY_MS 100

struct sweeper {
    struct loop *loop;
    struct timer delay;
    struct job job;
    struct pools *pools;
    struct layer_store *layers;
    bool is_running, is_wanted, is_dropped;
};

static void run(struct job *job)
{
    rootfs_empty_trash(container_of(job, struct sweeper, job)->layers);
}

static void on_swept(struct job *job)
{
    struct sweeper *s = container_of(job, struct sweeper, job);

    s->is_running = false;
    if (s->is_dropped) /* the engine has ended: there are no pools any more */
        free(s);
    else if (s->is_wanted)
        sweeper_ask(s);
}

struct sweeper *sweeper_create(struct parts *p)
{
    struct sweeper *s = mem_new(struct sweeper);

    s->loop = p->loop;
    s->pools = p->pools;
    s->layers = p->layers;
    s->job.run = run;
    s->job.done = on_swept;
    return s;
}

static void sweep(struct timer *t)
{
    struct sweeper *s = container_of(t, struct sweeper, delay);

    s->is_wanted = false;
    s->is_running = true;
    pool_submit(s->pools, POOL_DISK, &s->job);
}

void sweeper_ask(struct sweeper *s)
{
    ASSERT_LOOP();
    if (s->is_running)
        s->is_wanted = true;
    else if (!s->delay.due_ns)
        timer_set(s->loop, &s->delay, DELAY_MS, sweep);
}

void sweeper_destroy(struct sweeper *s)
{
    if (!s)
        return;
    s->is_dropped = true;
    timer_clear(s->loop, &s->delay); /* the next engine empties what is left */
    if (!s->is_running)
        free(s);
}
