/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker stats. Once a second one job looks at all containers that anybody watches, once each, and
 * makes their JSON; the loop hands it to the watchers in slices. No thread and no timer for each.
 */
#include "view/stats.h"

#include <sys/resource.h>

#include "base/clock.h"
#include "cgroup/cgroup.h"
#include "container/object.h"

#include "stats_sample.h"

#define PERIOD_MS 1000
#define SHORT_MS 100 /* between the two looks of a single answer */
#define SLICE_NS (NS_PER_MS / 2)
#define KEPT_SHARE 8 /* of all descriptors, for files of cgroups */

struct stats_round {
    struct job job;
    struct stats_sampler *sampler;
    struct round_item {
        struct stats_look look;
        struct watched *of;
    } * v;
    size_t n, at; /* at: the next to be handed out */
};

struct watched { /* a container that somebody watches */
    struct list link;
    struct container *c; /* NULL: nobody does any more */
    struct list watches;
    struct stats_cpu last;
    struct cgroup_kept *kept; /* NULL: not yet, too many, or a round has it */
    int refs;                 /* of the sampler, and of a round */
};

struct stats_watch {
    struct list link;
    struct watched *of;  /* NULL before the first look */
    struct container *c; /* until then */
    bool is_ended;       /* before it */
    void (*fn)(void *ctx, const struct buf *line);
    void *ctx;
};

struct stats_sampler {
    struct parts *parts;
    struct list watched;
    struct timer tick;
    struct stats_round *round; /* under way */
    size_t kept_max;           /* containers whose files stay open */
};

static void on_tick(struct timer *t);

struct stats_sampler *stats_sampler_create(struct parts *p)
{
    struct stats_sampler *s = mem_new(struct stats_sampler);
    struct rlimit limit;

    s->parts = p;
    list_init(&s->watched);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        s->kept_max = limit.rlim_cur / KEPT_SHARE / CGROUP_KEPT_FILES;
    return s;
}

void stats_sampler_destroy(struct stats_sampler *s)
{
    if (!s)
        return;
    ASSERT(list_is_empty(&s->watched) && !s->round);
    timer_clear(s->parts->loop, &s->tick);
    free(s);
}

static void watched_unref(struct watched *w)
{
    if (--w->refs)
        return;
    stats_cpu_finish(&w->last);
    cgroup_kept_destroy(w->kept);
    free(w);
}

/* A round may still have it; the container is not held for that. */
static void watched_leave(struct watched *w)
{
    list_remove(&w->link);
    container_unref(steal_ptr(&w->c));
    watched_unref(w);
}

/* ---- a round ---- */

static void look_at_all(struct job *job)
{
    struct stats_round *r = container_of(job, struct stats_round, job);
    struct stats_host host = {0};

    ASSERT_WORKER();
    for (size_t i = 0; i < r->n; i++)
        stats_look_do(&r->v[i].look, &host);
}

static void hand_out_one(struct round_item *item)
{
    struct watched *w = item->of;
    bool is_gone;

    if (!w->c)
        return;
    is_gone = w->c->is_gone;
    stats_cpu_finish(&w->last);
    w->last = item->look.now;
    w->kept = steal_ptr(&item->look.kept);
    item->look.now = (struct stats_cpu){0};
    list_each (watch, &w->watches, struct stats_watch, link) {
        void (*fn)(void *ctx, const struct buf *line) = watch->fn;
        void *ctx = watch->ctx;

        if (is_gone) {
            list_remove(&watch->link);
            free(watch);
        }
        fn(ctx, is_gone ? NULL : &item->look.json);
    }
    if (is_gone && w->c)
        watched_leave(w);
}

static void hand_out(void *arg)
{
    struct stats_round *r = arg;
    struct stats_sampler *s = r->sampler;
    int64_t until = clock_boot_ns() + SLICE_NS;

    while (r->at < r->n && clock_boot_ns() < until) {
        struct round_item *item = &r->v[r->at++];

        hand_out_one(item);
        stats_look_finish(&item->look);
        watched_unref(item->of);
    }
    if (r->at < r->n) {
        loop_post(s->parts->loop, hand_out, r);
        return;
    }
    s->round = NULL;
    free(r->v);
    free(r);
}

static void on_looked(struct job *job)
{
    hand_out(container_of(job, struct stats_round, job));
}

static void begin_round(struct stats_sampler *s)
{
    struct stats_round *r = s->round = mem_new(struct stats_round);
    size_t n = 0;

    list_each (w, &s->watched, struct watched, link)
        n++;
    r->sampler = s;
    r->v = mem_array(n + 1, sizeof(*r->v));
    list_each (w, &s->watched, struct watched, link) {
        struct round_item *item = &r->v[r->n++];

        w->refs++;
        item->of = w;
        stats_look_begin(&item->look, w->c);
        item->look.before = w->last;
        w->last = (struct stats_cpu){0};
        item->look.kept = w->kept || r->n > s->kept_max ? w->kept : cgroup_kept_create();
        w->kept = NULL;
    }
    r->job.run = look_at_all;
    r->job.done = on_looked;
    pool_submit(s->parts->pools, POOL_KERNEL, &r->job);
}

static void on_tick(struct timer *t)
{
    struct stats_sampler *s = container_of(t, struct stats_sampler, tick);

    if (list_is_empty(&s->watched))
        return;
    if (!s->round) /* else it is slower than a second */
        begin_round(s);
    timer_set(s->parts->loop, t, PERIOD_MS, on_tick);
}

/* ---- who watches ---- */

static struct watched *find_watched(struct stats_sampler *s, struct container *c)
{
    struct watched *new;

    list_each (w, &s->watched, struct watched, link)
        if (w->c == c)
            return w;
    new = mem_new(struct watched);
    new->c = container_ref(c);
    new->refs = 1;
    list_init(&new->watches);
    list_append(&s->watched, &new->link);
    return new;
}

/* ---- one answer ---- */

struct stats_op {
    struct op op;
    struct container *c;
    bool is_one_shot;
    struct stats_look look;
    struct stats_host host;
    void (*done)(void *ctx, struct err *err, struct buf *line);
    void *ctx;
};

static bool wants_two(const struct op *op)
{
    const struct stats_op *o = (const struct stats_op *)op;

    return !o->is_one_shot && o->look.pidfd >= 0;
}

static struct err *look(struct op *op)
{
    struct stats_op *o = (struct stats_op *)op;

    stats_look_begin(&o->look, o->c);
    return NULL;
}

static struct err *sample(struct op *op)
{
    struct stats_op *o = (struct stats_op *)op;

    ASSERT_WORKER();
    stats_look_do(&o->look, &o->host);
    return NULL;
}

static struct err *pause_shortly(struct op *op)
{
    struct stats_op *o = (struct stats_op *)op;

    o->look.before = o->look.now;
    o->look.now = (struct stats_cpu){0};
    o->look.json.len = 0;
    op_wait_ms(op, SHORT_MS);
    return NULL;
}

static void finish(struct op *op)
{
    struct stats_op *o = (struct stats_op *)op;

    if (o->look.id)
        stats_look_finish(&o->look);
    container_unref(o->c);
}

static const struct op_step stats_steps[] = {
    {"look", ON_LOOP, look, NULL, 0},
    {"sample-before", ON_WORKER, sample, NULL, 0, wants_two},
    {"pause", ON_EVENT, pause_shortly, NULL, 0, wants_two},
    {"sample", ON_WORKER, sample, NULL, 0},
    {0},
};
static const struct op_type stats_type = {"container/stats", OP_INTERNAL, sizeof(struct stats_op),
                                          stats_steps, finish};
OP_LISTED(stats_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct stats_op *o = ctx;

    (void)op;
    o->done(o->ctx, err, err ? NULL : &o->look.json);
}

static struct stats_op *make_op(struct container *c, bool is_one_shot)
{
    struct stats_op *o = (struct stats_op *)op_create(c->parts->ops, &stats_type);

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->op.subject = c->doc.id;
    o->look.pidfd = -1;
    o->is_one_shot = is_one_shot;
    return o;
}

void container_stats(struct container *c, bool is_one_shot,
                     void (*done)(void *ctx, struct err *err, struct buf *line), void *ctx)
{
    struct stats_op *o = make_op(c, is_one_shot);

    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, o);
}

/* ---- one a second ---- */

/* What was looked at just now is what the first round is compared with. */
static void join(struct stats_watch *watch, struct stats_look *first)
{
    struct stats_sampler *s = watch->c->parts->stats;

    watch->of = find_watched(s, watch->c);
    container_unref(steal_ptr(&watch->c));
    list_append(&watch->of->watches, &watch->link);
    if (!watch->of->last.is_set) {
        watch->of->last = first->now;
        first->now = (struct stats_cpu){0};
    }
    if (!s->tick.due_ns)
        timer_set(s->parts->loop, &s->tick, PERIOD_MS, on_tick);
}

static void on_first(struct op *op, struct err *err, void *ctx)
{
    struct stats_op *o = (struct stats_op *)op;
    struct stats_watch *watch = ctx;

    if (watch->is_ended) {
        container_unref(watch->c);
        free(watch);
    } else {
        join(watch, &o->look);
        if (!err) /* else the next one comes in a second */
            watch->fn(watch->ctx, &o->look.json);
    }
    err_drop(err);
}

struct stats_watch *container_watch_stats(struct container *c,
                                          void (*fn)(void *ctx, const struct buf *line), void *ctx)
{
    struct stats_watch *watch = mem_new(struct stats_watch);

    *watch = (struct stats_watch){.c = container_ref(c), .fn = fn, .ctx = ctx};
    op_start(&make_op(c, true)->op, on_first, watch);
    return watch;
}

void stats_watch_end(struct stats_watch *watch)
{
    struct watched *w = watch->of;

    ASSERT_LOOP();
    if (!w) {
        watch->is_ended = true;
        return;
    }
    list_remove(&watch->link);
    free(watch);
    if (list_is_empty(&w->watches) && w->c)
        watched_leave(w);
}
