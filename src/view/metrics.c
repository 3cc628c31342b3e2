/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round at a time: what the loop knows is copied in slices, a worker looks at the cgroups and
 * writes the text. Who asks while a round is under way gets its text.
 */
#include "view/metrics.h"

#include "base/clock.h"
#include "container/object.h"

#include "metrics_inner.h"

#define SLICE_NS (NS_PER_MS / 2)

struct metrics_round {
    struct job job;
    struct metrics *of;
    struct arena *arena;
    struct container_list list;
    struct metrics_sample *samples;
    size_t at, n;
    bool is_collecting, is_dropped;
    struct metrics_text *text;
};

struct metrics {
    struct parts *parts;
    struct list waiters;
    struct metrics_round *round; /* NULL: none */
};

struct metrics *metrics_create(struct parts *p)
{
    struct metrics *m = mem_new(struct metrics);

    m->parts = p;
    list_init(&m->waiters);
    return m;
}

void metrics_destroy(struct metrics *m)
{
    if (!m)
        return;
    ASSERT(list_is_empty(&m->waiters) && !m->round);
    free(m);
}

void metrics_text_unref(struct metrics_text *t)
{
    if (--t->refs)
        return;
    buf_finish(&t->text);
    free(t);
}

/* ---- a round ---- */

static void look(struct job *job)
{
    struct metrics_round *r = container_of(job, struct metrics_round, job);

    ASSERT_WORKER();
    for (size_t i = 0; i < r->n; i++)
        metrics_sample_look(r->of->parts->cgroups, r->arena, &r->samples[i]);
    metrics_write_containers(&r->text->text, r->samples, r->n);
    metrics_write_process(&r->text->text);
}

static void free_round(struct metrics_round *r)
{
    metrics_text_unref(r->text);
    arena_destroy(r->arena);
    free(r);
}

static void on_looked(struct job *job)
{
    struct metrics_round *r = container_of(job, struct metrics_round, job);
    struct metrics *m = r->of;

    m->round = NULL;
    while (!list_is_empty(&m->waiters)) {
        struct metrics_waiter *w = list_first(&m->waiters, struct metrics_waiter, link);

        list_remove(&w->link);
        r->text->refs++;
        w->fn(w, r->text);
    }
    free_round(r);
}

static void end_collecting(struct metrics_round *r)
{
    r->is_collecting = false;
    container_list_unref(&r->list);
}

static void collect(void *arg)
{
    struct metrics_round *r = arg;
    int64_t until = clock_boot_ns() + SLICE_NS;

    if (r->is_dropped) {
        for (size_t i = 0; i < r->n; i++)
            metrics_sample_drop(&r->samples[i]);
        free_round(r);
        return;
    }
    for (; r->at < r->list.n && clock_boot_ns() < until; r->at++) {
        struct container *c = container_list_at(&r->list, r->at);

        if (c)
            metrics_sample_begin(&r->samples[r->n++], r->arena, c);
    }
    if (r->at < r->list.n) {
        loop_post(r->of->parts->loop, collect, r);
        return;
    }
    end_collecting(r);
    pool_submit(r->of->parts->pools, POOL_KERNEL, &r->job);
}

static void begin_round(struct metrics *m)
{
    struct metrics_round *r = m->round = mem_new(struct metrics_round);

    r->of = m;
    r->is_collecting = true;
    r->arena = arena_create();
    r->text = mem_new(struct metrics_text);
    r->text->refs = 1;
    r->job.run = look;
    r->job.done = on_looked;
    metrics_write_engine(m->parts, &r->text->text);
    container_list_ref(m->parts->containers, &r->list);
    r->samples = arena_array(r->arena, r->list.n + 1, sizeof(*r->samples));
    loop_post(m->parts->loop, collect, r);
}

void metrics_stop(struct metrics *m)
{
    ASSERT_LOOP();
    if (!m->round || !m->round->is_collecting)
        return;
    end_collecting(m->round);
    m->round->is_dropped = true;
    m->round = NULL;
}

void metrics_ask(struct metrics *m, struct metrics_waiter *w)
{
    ASSERT_LOOP();
    list_append(&m->waiters, &w->link);
    if (!m->round)
        begin_round(m);
}

void metrics_leave(struct metrics_waiter *w)
{
    ASSERT_LOOP();
    list_remove(&w->link);
}
