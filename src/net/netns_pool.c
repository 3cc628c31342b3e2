/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared namespaces per bridge. Workers take under the lock of struct net; a job
 * refills or shrinks in the background; a tick on the loop once a second moves the
 * target towards the demand of the last second, and stops when nothing happens.
 * Nothing is ever put back: a used namespace is dirty.
 */
#include <string.h>

#include "base/log.h"

#include "inner.h"

#define TICK_MS 1000

struct netns_pool {
    struct net *net;
    char bridge[16];
    struct spare_netns ready[POOL_MAX];
    int n_ready;
    int floor;         /* what netns_pool_set asked for */
    int target;        /* floor … POOL_MAX */
    int taken, missed; /* since the last tick */
    struct job job;
    bool is_filling;   /* the job runs */
    bool is_failing;   /* the last job met an error: wait for the next tick */
    bool is_dropped;   /* freed when the job ends */
    bool wants_notice; /* a worker has posted on_taken */
    struct timer tick;
};

/* Whoever dropped the pool has closed what was ready. */
static void netns_pool_free(struct netns_pool *p)
{
    ASSERT(p->n_ready == 0);
    free(p);
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* ---- the background job ---- */

static void start_filling(struct netns_pool *p);

/* 1: make one, -1: one too many was moved to *out, 0: enough. */
static int next_act(struct netns_pool *p, struct spare_netns *out)
{
    int act = 0;

    ASSERT(p->n_ready >= 0 && p->n_ready <= POOL_MAX);
    pthread_mutex_lock(&p->net->lock);
    if (!p->is_dropped && p->n_ready < p->target) {
        act = 1;
    } else if (p->n_ready > (p->is_dropped ? 0 : p->target)) {
        *out = p->ready[--p->n_ready];
        act = -1;
    }
    pthread_mutex_unlock(&p->net->lock);
    return act;
}

/* The pool may have been dropped, or have shrunk, while this one was made. */
static void add_ready(struct netns_pool *p, struct spare_netns *made)
{
    bool has_room;

    pthread_mutex_lock(&p->net->lock);
    has_room = !p->is_dropped && p->n_ready < POOL_MAX;
    if (has_room)
        p->ready[p->n_ready++] = *made;
    pthread_mutex_unlock(&p->net->lock);
    if (!has_room)
        spare_netns_finish(made);
}

static void make_or_close(struct netns_pool *p)
{
    struct spare_netns one;

    for (int act; (act = next_act(p, &one));) {
        if (act < 0) {
            spare_netns_finish(&one);
            continue;
        }
        struct err *e = spare_netns_make(p->net, p->bridge, "eth0", &one);
        if (e) {
            log_debug("no namespace prepared", KV("bridge", p->bridge), KV("why", err_text(e)));
            err_drop(e);
            p->is_failing = true;
            return; /* the next start makes its own and says why not */
        }
        add_ready(p, &one);
    }
}

static void fill(struct job *job)
{
    struct netns_pool *p = container_of(job, struct netns_pool, job);

    ASSERT_WORKER();
    make_or_close(p);
    net_job_ended(p->net);
}

static void on_filled(struct job *job)
{
    struct netns_pool *p = container_of(job, struct netns_pool, job);

    ASSERT_LOOP();
    net_unref(p->net);
    if (p->is_dropped) { /* set on the loop only; the struct net may be gone */
        netns_pool_free(p);
        return;
    }
    pthread_mutex_lock(&p->net->lock);
    p->is_filling = false;
    pthread_mutex_unlock(&p->net->lock);
    if (!p->is_failing) /* something may have been taken while the job ended */
        start_filling(p);
    p->is_failing = false;
}

static void start_filling(struct netns_pool *p)
{
    ASSERT_LOOP();
    pthread_mutex_lock(&p->net->lock);
    bool is_needed = !p->is_filling && !p->is_dropped && p->n_ready != p->target;
    p->is_filling |= is_needed;
    pthread_mutex_unlock(&p->net->lock);
    if (!is_needed)
        return;
    p->job = (struct job){.run = fill, .done = on_filled};
    net_ref(p->net);
    net_job_began(p->net);
    pool_submit(p->net->pools, POOL_KERNEL, &p->job);
}

/* ---- the target ---- */

/* Twice the target when a start found none, down when nobody starts: a burst is followed, and an
 * idle host keeps few. */
static void on_tick(struct timer *timer)
{
    struct netns_pool *p = container_of(timer, struct netns_pool, tick);
    int busy;

    pthread_mutex_lock(&p->net->lock);
    busy = p->taken;
    if (p->missed)
        p->target = clamp(p->target * 2, p->floor, POOL_MAX);
    else if (!busy)
        p->target = clamp(p->target / 2, p->floor, POOL_MAX);
    else
        p->target = clamp(busy / 4, p->floor, POOL_MAX); /* refilled four times a second */
    p->taken = p->missed = 0;
    bool is_quiet = !busy && p->target == p->floor;
    pthread_mutex_unlock(&p->net->lock);
    start_filling(p);
    if (!is_quiet)
        timer_set(p->net->loop, &p->tick, TICK_MS, on_tick);
}

/* Loop, after workers took from some pool. */
static void on_taken(void *arg)
{
    struct net *n = arg;
    struct netns_pool *due[64];
    size_t n_due = 0;

    pthread_mutex_lock(&n->lock);
    list_each (b, &n->bridges, struct bridge, link) {
        if (!b->pool || !b->pool->wants_notice || n_due == ARRAY_LEN(due))
            continue;
        b->pool->wants_notice = false;
        due[n_due++] = b->pool;
    }
    pthread_mutex_unlock(&n->lock);
    for (size_t i = 0; i < n_due; i++) { /* pools go on the loop only: still there */
        start_filling(due[i]);
        if (!due[i]->tick.due_ns)
            timer_set(n->loop, &due[i]->tick, TICK_MS, on_tick);
    }
    net_unref(n);
}

int netns_pool_count(const struct netns_pool *p)
{
    return p ? p->n_ready : 0;
}

/* A worker takes; the loop is told once, however many take before it looks. */
bool netns_pool_take(struct net *n, const char *bridge, struct spare_netns *out)
{
    bool is_taken = false, wants_notice = false;

    pthread_mutex_lock(&n->lock);
    struct bridge *b = net_find_bridge(n, bridge);
    struct netns_pool *p = b ? b->pool : NULL;
    if (p) {
        p->taken++;
        is_taken = p->n_ready > 0;
        if (is_taken)
            *out = p->ready[--p->n_ready];
        else
            p->missed++;
        wants_notice = !p->wants_notice;
        p->wants_notice = true;
    }
    pthread_mutex_unlock(&n->lock);
    if (wants_notice) {
        net_ref(n);
        loop_post(n->loop, on_taken, n);
    }
    return is_taken;
}

/* ---- making and dropping ---- */

void netns_pool_set(struct net *n, const struct bridge_spec *spec, int want)
{
    struct netns_pool *p = NULL;

    ASSERT_LOOP();
    pthread_mutex_lock(&n->lock);
    struct bridge *b = net_find_bridge(n, spec->ifname);
    if (b && !b->pool && want > 0) {
        b->pool = mem_new(struct netns_pool);
        b->pool->net = n;
        memcpy(b->pool->bridge, spec->ifname, sizeof(b->pool->bridge));
    }
    p = b ? b->pool : NULL;
    if (p && want > 0) {
        p->floor = clamp(want, 1, POOL_MAX);
        p->target = clamp(p->target, p->floor, POOL_MAX);
    }
    pthread_mutex_unlock(&n->lock);
    if (p && want > 0)
        start_filling(p);
    else if (p)
        netns_pool_drain(n, spec->ifname);
}

/* Out of the bridge; a job that is filling closes the rest and ends the pool. */
static void drop(struct net *n, struct bridge *b)
{
    struct spare_netns ready[POOL_MAX];
    struct netns_pool *p = b->pool;
    int n_ready = p->n_ready;

    ASSERT(p && n_ready <= POOL_MAX);
    timer_clear(n->loop, &p->tick);
    memcpy(ready, p->ready, sizeof(ready));
    p->n_ready = 0;
    p->is_dropped = true;
    b->pool = NULL;
    bool is_filling = p->is_filling;
    pthread_mutex_unlock(&n->lock);
    for (int i = 0; i < n_ready; i++)
        spare_netns_finish(&ready[i]);
    if (!is_filling)
        netns_pool_free(p);
    pthread_mutex_lock(&n->lock);
}

void netns_pool_drain(struct net *n, const char *bridge)
{
    struct bridge *b;

    pthread_mutex_lock(&n->lock);
    do {
        b = NULL;
        list_each (it, &n->bridges, struct bridge, link)
            if (it->pool && (!bridge || !strcmp(it->spec.ifname, bridge)))
                b = it;
        if (b)
            drop(n, b);
    } while (b);
    pthread_mutex_unlock(&n->lock);
}
