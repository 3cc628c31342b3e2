/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three pools of threads of our own. One lock guards all. Idle workers form a
 * stack (the one that slept last works next), so under light load the others
 * reach their idle limit and end. Jobs are submitted on the loop; `done` comes
 * back through loop_post. No thread takes signals.
 */
#include "core/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#include "pools_inner.h"

#define POOL_KINDS 3
#define GROWTH 4          /* times the configured size, past hung jobs */
#define HUNG_MS 5000      /* a job this old does not count as progress */
#define CHECK_MS 1000     /* how often waiting jobs look for a hung pool */
#define IDLE_MS 30000     /* then a thread ends */
#define STACK (512 << 10) /* workers recurse nowhere; libarchive and SQLite fit */

struct worker {
    struct list link; /* in pool->idle, ->busy or ->ended */
    struct pools *pools;
    struct worker_pool *pool;
    pthread_t thread;
    pthread_cond_t wake;
    struct job *job;       /* handed over together with the wake-up; NULL: none */
    int64_t busy_since_ns; /* boot clock; when its job was taken */
};

struct worker_pool {
    const char *name;   /* of its threads, too (ps -T) */
    int n_threads;      /* idle and busy ones */
    int n_base;         /* the configured number; more only while jobs hang */
    struct list queue;  /* job.link: no worker has taken them yet, oldest first */
    struct heap ranked; /* job.node: the same of commands, in the order of the ranks */
    bool was_ranked;    /* the last one that was taken */
    struct list idle;   /* worker.link, last to sleep first */
    struct list busy;   /* worker.link; a new thread counts as busy before its first job */
    struct list ended;  /* worker.link: threads to be joined, by grow or pools_destroy */
};

struct pools {
    struct loop *loop;
    pthread_mutex_t lock;   /* guards the pools and is_stopping */
    pthread_cond_t changed; /* a thread has ended */
    struct worker_pool kinds[POOL_KINDS];
    struct timer check;             /* loop thread: pending while jobs wait in a queue */
    int hung_ms, check_ms, idle_ms; /* set before the first job; workers read idle_ms */
    bool is_stopping;               /* threads end when the queue is empty */
};

static _Thread_local bool is_worker;

bool worker_is_current(void)
{
    return is_worker;
}

static void on_job_done(void *arg)
{
    struct job *job = arg;

    ASSERT_LOOP();
    job->done(job);
}

static struct timespec time_after_ms(int64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * NS_PER_MS;
    t.tv_sec += t.tv_nsec / NS_PER_S;
    t.tv_nsec %= NS_PER_S;
    return t;
}

static bool has_jobs(const struct worker_pool *pool)
{
    return !list_is_empty(&pool->queue) || !heap_is_empty(&pool->ranked);
}

/* Of both kinds in turns, so that neither waits for all of the other. NULL: there is none. */
static struct job *take_job(struct worker_pool *pool)
{
    struct job *own = list_first(&pool->queue, struct job, link);
    struct job *ranked = heap_first(&pool->ranked, struct job, node);

    if (own && (pool->was_ranked || !ranked)) {
        pool->was_ranked = false;
        list_remove(&own->link);
        return own;
    }
    if (ranked) {
        pool->was_ranked = true;
        heap_remove(&ranked->node);
    }
    return ranked;
}

/* Called with the lock held; waits for the next job. NULL: this thread ends. */
static struct job *next_job(struct worker *w)
{
    struct pools *p = w->pools;
    struct job *job = take_job(w->pool);
    struct timespec until;

    if (job)
        return job;
    if (p->is_stopping)
        return NULL;
    list_remove(&w->link);
    list_prepend(&w->pool->idle, &w->link);
    until = time_after_ms(p->idle_ms);
    while (!w->job && !p->is_stopping) {
        if (pthread_cond_timedwait(&w->wake, &p->lock, &until) == ETIMEDOUT)
            break;
    }
    if (w->job) /* whoever gave it has moved us to busy */
        return steal_ptr(&w->job);
    return NULL;
}

static void worker_loop(struct worker *w)
{
    struct pools *p = w->pools;
    struct job *job;

    pthread_mutex_lock(&p->lock);
    while ((job = next_job(w))) {
        w->busy_since_ns = clock_boot_ns();
        pthread_mutex_unlock(&p->lock);
        job->run(job);
        loop_post_as(p->loop, job->name, on_job_done, job);
        pthread_mutex_lock(&p->lock);
    }
    ASSERT(w->pool->n_threads > 0 && !w->job);
    list_remove(&w->link);
    list_append(&w->pool->ended, &w->link);
    w->pool->n_threads--;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    is_worker = true;
    prctl(PR_SET_NAME, w->pool->name);
    worker_loop(w);
    return NULL;
}

static void init_wake(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* 0 or an errno. The thread blocks all signals, or the kernel might deliver one to it. */
static int start_thread(struct worker *w)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the thread */
    r = pthread_create(&w->thread, &attr, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return r;
}

/* With the lock held, as all below. The new thread takes from the queue by itself. */
static void add_worker(struct pools *p, struct worker_pool *pool)
{
    struct worker *w = mem_new(struct worker);
    int r;

    w->pools = p;
    w->pool = pool;
    w->busy_since_ns = clock_boot_ns();
    init_wake(&w->wake);
    list_append(&pool->busy, &w->link);
    pool->n_threads++;
    r = start_thread(w);
    if (!r)
        return;
    log_warn("cannot start a worker thread", KV("pool", pool->name), KV("error", strerror(r)));
    pool->n_threads--;
    list_remove(&w->link);
    pthread_cond_destroy(&w->wake);
    free(w);
}

static void join_ended(struct worker_pool *pool)
{
    list_each (w, &pool->ended, struct worker, link) {
        list_remove(&w->link);
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->wake);
        free(w);
    }
}

/* Every thread of the pool has had its job for longer than hung_ms, and none is idle. */
static bool is_hung(const struct pools *p, const struct worker_pool *pool)
{
    int64_t limit = clock_boot_ns() - p->hung_ms * NS_PER_MS;

    if (!list_is_empty(&pool->idle))
        return false;
    list_each (w, &pool->busy, struct worker, link) {
        if (w->busy_since_ns > limit)
            return false;
    }
    return true;
}

/* One more thread where the queue needs one and the limits allow it. */
static void grow(struct pools *p, struct worker_pool *pool)
{
    bool can_grow = pool->n_threads < pool->n_base ||
                    (pool->n_threads < pool->n_base * GROWTH && is_hung(p, pool));

    if (!has_jobs(pool) || !can_grow)
        return;
    if (pool->n_threads >= pool->n_base)
        log_warn("all workers are stuck, adding one", KV("pool", pool->name),
                 KV_INT("threads", pool->n_threads + 1));
    join_ended(pool);
    add_worker(p, pool);
}

/* While jobs wait: looks whether their pool hangs. */
static void on_check(struct timer *t)
{
    struct pools *p = container_of(t, struct pools, check);
    bool is_waited = false;

    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < POOL_KINDS; i++) {
        grow(p, &p->kinds[i]);
        is_waited = is_waited || has_jobs(&p->kinds[i]);
    }
    pthread_mutex_unlock(&p->lock);
    if (is_waited)
        timer_set(p->loop, t, p->check_ms, on_check);
}

static void init_pool(struct worker_pool *pool, const char *name, int n_base)
{
    ASSERT(n_base > 0);
    pool->name = name;
    pool->n_base = n_base;
    list_init(&pool->queue);
    list_init(&pool->idle);
    list_init(&pool->busy);
    list_init(&pool->ended);
}

struct pools *pools_create(struct loop *l, int n_kernel, int n_disk)
{
    struct pools *p = mem_new(struct pools);

    p->loop = l;
    pools_set_patience(p, HUNG_MS, CHECK_MS, IDLE_MS);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    init_pool(&p->kinds[POOL_KERNEL], "kernel-worker", n_kernel);
    init_pool(&p->kinds[POOL_DISK], "disk-worker", n_disk);
    init_pool(&p->kinds[POOL_CLIENT], "client-worker", POOL_CLIENT_THREADS);
    return p;
}

void pools_stop(struct pools *p)
{
    ASSERT_LOOP();
    timer_clear(p->loop, &p->check);
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    for (int i = 0; i < POOL_KINDS; i++) {
        struct worker_pool *pool = &p->kinds[i];

        list_each (w, &pool->idle, struct worker, link)
            pthread_cond_signal(&w->wake);
        while (pool->n_threads > 0)
            pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < POOL_KINDS; i++)
        join_ended(&p->kinds[i]);
}

void pools_destroy(struct pools *p)
{
    if (!p)
        return;
    if (!p->is_stopping)
        pools_stop(p);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* At shutdown: nobody waits for this thread any more. */
static void run_here(struct pools *p, struct job *job)
{
    is_worker = true;
    job->run(job);
    is_worker = false;
    loop_post_as(p->loop, job->name, on_job_done, job);
}

/* rank 0: it has none. */
static void submit(struct pools *p, const char *name, enum pool_kind kind, uint64_t rank,
                   struct job *job)
{
    struct worker_pool *pool = &p->kinds[kind];
    struct worker *idle;
    bool must_check_later;

    ASSERT_LOOP();
    ASSERT(job->run && job->done);
    job->pool = kind;
    job->name = name;
    if (p->is_stopping) { /* the loop alone sets it, and waits for the threads with that */
        run_here(p, job);
        return;
    }
    pthread_mutex_lock(&p->lock);
    idle = list_first(&pool->idle, struct worker, link);
    if (idle) {
        ASSERT(!idle->job);
        list_remove(&idle->link);
        list_append(&pool->busy, &idle->link);
        idle->job = job;
        idle->busy_since_ns = clock_boot_ns();
        pthread_cond_signal(&idle->wake);
    } else if (rank) {
        heap_insert(&pool->ranked, &job->node, rank);
        grow(p, pool);
    } else {
        list_append(&pool->queue, &job->link);
        grow(p, pool);
    }
    must_check_later = !idle;
    pthread_mutex_unlock(&p->lock);
    if (must_check_later && !p->check.due_ns)
        timer_set(p->loop, &p->check, p->check_ms, on_check);
}

void pool_submit_as(struct pools *p, const char *name, enum pool_kind kind, struct job *job)
{
    submit(p, name, kind, 0, job);
}

void pool_submit_ranked_as(struct pools *p, const char *name, enum pool_kind kind, uint64_t rank,
                           struct job *job)
{
    ASSERT(rank);
    submit(p, name, kind, rank, job);
}

void pools_set_patience(struct pools *p, int hung_ms, int check_ms, int idle_ms)
{
    p->hung_ms = hung_ms;
    p->check_ms = check_ms;
    p->idle_ms = idle_ms;
}

int pools_count_threads(struct pools *p, enum pool_kind kind)
{
    int n;

    pthread_mutex_lock(&p->lock);
    n = p->kinds[kind].n_threads;
    pthread_mutex_unlock(&p->lock);
    return n;
}
