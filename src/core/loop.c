/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop and its letter box. Everything but loop_post belongs to the thread
 * that created the loop. Posts of one round are swapped out before they run, so
 * a post made by a post runs in the next round, after other events had a turn.
 */
#include "core/loop.h"

#include "base/own_user.h"

#include "loop_inner.h"

#define POSTS_KEPT 1024 /* room that is not given back after a burst */

static _Thread_local struct loop *current_loop;

static void posts_add(struct post_queue *q, struct post p)
{
    if (q->n == q->room) {
        size_t room = q->room ? q->room * 2 : 64;

        q->v = mem_resize(q->v, q->room * sizeof(*q->v), room * sizeof(*q->v));
        q->room = room;
    }
    q->v[q->n++] = p;
}

/* Forgets the posts that were run; the memory stays unless a burst made it large. */
static void posts_clear(struct post_queue *q)
{
    q->n = 0;
    if (q->room <= POSTS_KEPT)
        return;
    free(q->v);
    *q = (struct post_queue){0};
}

/* Runs what has been posted so far; returns how much that was. */
static size_t run_posts(struct loop *l)
{
    struct post_queue round = l->spare;
    size_t n;

    pthread_mutex_lock(&l->lock);
    l->spare = l->posts;
    l->posts = round;
    pthread_mutex_unlock(&l->lock);
    round = l->spare;
    l->spare =
        (struct post_queue){0}; /* a post that runs a round (loop_settle) must not reuse it */
    n = round.n;
    for (size_t i = 0; i < n; i++) {
        turn_enter(l, round.v[i].name, NULL);
        round.v[i].fn(round.v[i].arg);
    }
    posts_clear(&round);
    free(l->spare.v);
    l->spare = round;
    return n;
}

static void on_wake(uv_async_t *wake)
{
    run_posts(container_of(wake, struct loop, wake));
}

struct loop *loop_create(void)
{
    struct loop *l = mem_new(struct loop);
    uid_t was;
    int r;

    ASSERT(!current_loop);
    pthread_mutex_init(&l->lock, NULL);
    list_init(&l->refused);
    was = own_user_begin(); /* its epoll set counts for nobody else */
    r = uv_loop_init(&l->uv);
    own_user_end(was);
    ASSERT(r == 0);
    ASSERT(uv_async_init(&l->uv, &l->wake, on_wake) == 0);
    timers_init(l);
    turns_init(l);
    current_loop = l;
    return l;
}

void loop_settle(struct loop *l)
{
    ASSERT(current_loop == l);
    while (run_posts(l) > 0)
        continue;
}

void loop_destroy(struct loop *l)
{
    loop_settle(l);
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->timers.clock, NULL);
    uv_close((uv_handle_t *)&l->timers.due_now, NULL);
    uv_close((uv_handle_t *)&l->turns.before_poll, NULL);
    /* Each round only runs close callbacks: nothing else may be open by now. */
    for (int i = 0; i < 100 && uv_loop_alive(&l->uv); i++)
        uv_run(&l->uv, UV_RUN_NOWAIT);
    ASSERT(uv_loop_close(&l->uv) == 0);
    ASSERT(l->n_watches == 0);
    timers_finish(l);
    pthread_mutex_destroy(&l->lock);
    free(l->posts.v);
    free(l->spare.v);
    free(l->watched);
    free(l);
    current_loop = NULL;
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_run(struct loop *l)
{
    ASSERT(current_loop == l);
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    ASSERT_LOOP();
    uv_stop(&l->uv);
}

void loop_post_as(struct loop *l, const char *name, void (*fn)(void *arg), void *arg)
{
    bool is_first;

    ASSERT(fn);
    pthread_mutex_lock(&l->lock);
    is_first = l->posts.n == 0;
    posts_add(&l->posts, (struct post){name, fn, arg});
    /* Inside the lock: the loop may not close `wake` before it has taken this post. */
    if (is_first)
        uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

bool loop_is_current(void)
{
    return current_loop != NULL;
}
