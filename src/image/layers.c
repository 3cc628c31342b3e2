/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of layers: starts them all, commits them in order, ends with the first
 * failure. Loop thread. It says how far they are ten times a second at most, from
 * a timer: never from a callback of libcurl.
 */
#include "layers.h"

#include "layer_make.h"

enum { TICK_MS = 100 };

struct layers {
    struct image_table *table;
    struct registry *registry;
    struct progress progress;
    struct timer timer;
    struct layer_make **v;
    char (*chain)[DIGEST_MAX];
    size_t n, n_in_place;
    bool is_over;
    struct err *err; /* before the first turn of the loop */
    void (*done)(void *ctx, struct err *err);
    void *ctx;
};

const struct progress *layers_progress(const struct layers *g)
{
    return &g->progress;
}

struct registry *layers_registry(const struct layers *g)
{
    return g->registry;
}

/* The makes end by themselves; what they hold of the shelf they give back. */
static void let_go(struct layers *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i])
            make_abandon(steal_ptr(&g->v[i]));
}

static void on_over(struct timer *t)
{
    struct layers *g = container_of(t, struct layers, timer);

    ASSERT(g->is_over && g->done);
    g->done(g->ctx, steal_ptr(&g->err));
}

/* The caller may be anywhere, so the callback comes from the loop. */
static void end(struct layers *g, struct err *err)
{
    ASSERT(g->n_in_place <= g->n);
    if (g->is_over) {
        err_drop(err);
        return;
    }
    g->is_over = true;
    g->err = err;
    let_go(g);
    timer_set(g->table->loop, &g->timer, 0, on_over);
}

void layers_fail(struct layers *g, struct err *err)
{
    end(g, err);
}

/* In the order of the chain: a layer gets its name after the one below it, so that a chain on disk
 * has no gap. */
void layers_advance(struct layers *g)
{
    while (!g->is_over && g->n_in_place < g->n) {
        struct layer_make *m = g->v[g->n_in_place];

        if (m->state == MAKE_UNPACKED)
            make_commit(m);
        if (m->state != MAKE_IN_PLACE)
            return;
        g->n_in_place++;
    }
    if (!g->is_over)
        end(g, NULL);
}

static void on_tick(struct timer *t)
{
    struct layers *g = container_of(t, struct layers, timer);

    timer_set(g->table->loop, &g->timer, TICK_MS, on_tick);
    for (size_t i = g->n_in_place; i < g->n; i++)
        make_tick(g->v[i]);
}

static void on_begin(struct timer *t)
{
    struct layers *g = container_of(t, struct layers, timer);

    timer_set(g->table->loop, &g->timer, TICK_MS, on_tick);
    for (size_t i = 0; i < g->n && !g->is_over; i++)
        make_begin(g->v[i]);
    if (!g->is_over)
        layers_advance(g);
}

struct layers *layers_start(struct image_table *t, struct registry *r,
                            const struct layer_plan *plans, size_t n, const struct progress *p,
                            void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct layers *g = mem_new(struct layers);

    ASSERT_LOOP();
    g->table = t;
    g->registry = r;
    g->progress = *p;
    g->done = done;
    g->ctx = ctx;
    g->n = n;
    g->v = mem_array(n + 1, sizeof(struct layer_make *));
    g->chain = mem_array(n + 1, DIGEST_MAX);
    for (size_t i = 0; i < n; i++) {
        layer_chain_id(i ? g->chain[i - 1] : NULL, plans[i].diff_id, g->chain[i]);
        shelf_ref(t->shelf, g->chain[i]);
        g->v[i] = make_create(g, t, &plans[i], i ? g->chain[i - 1] : NULL);
    }
    timer_set(t->loop, &g->timer, 0, on_begin);
    return g;
}

void layers_end(struct layers *g)
{
    if (!g)
        return;
    g->is_over = true;
    timer_clear(g->table->loop, &g->timer);
    let_go(g);
    for (size_t i = g->n; i > 0; i--) /* the top first: what nobody wants goes in that order */
        shelf_unref(g->table->shelf, g->chain[i - 1]);
    err_drop(g->err);
    free(g->chain);
    free(g->v);
    free(g);
}
