/* SPDX-License-Identifier: Apache-2.0 */
/* What loop.c, timer.c and watch.c share of one loop. */
#pragma once

#include "core/loop.h"

#include <pthread.h>

struct post {
    void (*fn)(void *arg);
    void *arg;
};

/* Posts in order of arrival; the memory is kept between rounds. */
struct post_queue {
    struct post *v;
    size_t n, room;
};

struct timer_heap {
    struct timer **v; /* v[0] is due first */
    size_t n, room;
    uv_timer_t clock; /* waits for what is due later, `turn` runs what is due already */
    uv_idle_t turn;
    int64_t armed_ns; /* the due time that one of them is started for; 0: both are stopped */
    bool is_firing;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t lock; /* guards `posts` */
    struct post_queue posts;
    struct post_queue spare; /* loop thread only */
    struct timer_heap timers;
    uint8_t *watched; /* one bit an fd */
    size_t watched_size;
    size_t n_watches;
};

void timers_init(struct loop *l);
void timers_finish(struct loop *l); /* after its handles are closed */
