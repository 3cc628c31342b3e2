/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a body. The loop copies what it has read into the last one, the worker takes the first:
 * what a pipe would do with two system calls and two copies in the kernel. The lock is held for a
 * few assignments, never while bytes are copied: the piece at the end is the loop's as long as the
 * worker has another one to take, else it is handed over.
 * Bounded: PIECES_MAX, and what one read of the socket gives.
 */
#include "body_pieces.h"

#include <pthread.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "storage/copy.h"

enum { PIECE_BYTES = 256 << 10, PIECES_MAX = 6, PIECES_LOW = 3 };

struct piece {
    struct list link;
    size_t n;
    char bytes[PIECE_BYTES];
};

struct pieces {
    pthread_mutex_t lock;
    pthread_cond_t has_some;
    struct list ready; /* for the worker */
    struct list spare; /* to be filled again: new memory would cost more than the bytes */
    size_t n_ready;
    bool is_ended, is_left, wants_room, is_awaited;
    int refs; /* the loop's, the worker's, and that of a post under way */

    struct loop *loop; /* the loop's, as what follows */
    struct piece *filling;
    void (*room)(void *ctx); /* NULL: ended */
    void *ctx;

    struct piece *taken; /* the worker's */
};

static void pieces_unref(struct pieces *q)
{
    int left;

    pthread_mutex_lock(&q->lock);
    left = --q->refs;
    pthread_mutex_unlock(&q->lock);
    if (left)
        return;
    list_each (p, &q->ready, struct piece, link) {
        list_remove(&p->link);
        free(p);
    }
    list_each (p, &q->spare, struct piece, link) {
        list_remove(&p->link);
        free(p);
    }
    free(q->filling);
    free(q->taken);
    pthread_cond_destroy(&q->has_some);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- the loop ---- */

static void on_room(void *arg)
{
    struct pieces *q = arg;

    if (q->room)
        q->room(q->ctx);
    pieces_unref(q);
}

/* Locked. */
static void hand_over(struct pieces *q)
{
    list_append(&q->ready, &q->filling->link);
    q->filling = NULL;
    q->n_ready++;
    if (q->is_awaited)
        pthread_cond_signal(&q->has_some);
}

static struct piece *empty_piece(struct pieces *q)
{
    struct piece *p = NULL;

    pthread_mutex_lock(&q->lock);
    if (!list_is_empty(&q->spare)) {
        p = list_first(&q->spare, struct piece, link);
        list_remove(&p->link);
    }
    pthread_mutex_unlock(&q->lock);
    if (!p)
        p = malloc(sizeof(*p)); /* not zeroed: what is read was written */
    ASSERT(p);
    p->link = (struct list){0};
    p->n = 0;
    return p;
}

/* False: nobody reads any more. */
static bool hand_over_if_due(struct pieces *q)
{
    bool is_left;

    pthread_mutex_lock(&q->lock);
    is_left = q->is_left;
    if (is_left)
        q->filling->n = 0;
    else if (q->filling->n == PIECE_BYTES || !q->n_ready)
        hand_over(q);
    pthread_mutex_unlock(&q->lock);
    return !is_left;
}

void pieces_add(struct pieces *q, const void *p, size_t n)
{
    const char *from = p;

    ASSERT_LOOP();
    while (n) {
        size_t part;

        if (!q->filling)
            q->filling = empty_piece(q);
        part = PIECE_BYTES - q->filling->n < n ? PIECE_BYTES - q->filling->n : n;
        memcpy(q->filling->bytes + q->filling->n, from, part);
        q->filling->n += part;
        from += part;
        n -= part;
        if (!hand_over_if_due(q))
            return;
    }
}

bool pieces_are_full(struct pieces *q)
{
    bool is_full;

    ASSERT_LOOP();
    pthread_mutex_lock(&q->lock);
    is_full = !q->is_left && q->n_ready >= PIECES_MAX;
    q->wants_room = is_full;
    pthread_mutex_unlock(&q->lock);
    return is_full;
}

void pieces_end(struct pieces *q)
{
    ASSERT_LOOP();
    q->room = NULL;
    pthread_mutex_lock(&q->lock);
    q->is_ended = true;
    if (q->filling && q->filling->n)
        hand_over(q);
    pthread_cond_signal(&q->has_some);
    pthread_mutex_unlock(&q->lock);
    pieces_unref(q);
}

/* ---- the worker ---- */

/* Locked. Whether the loop is to be told. */
static bool makes_room(struct pieces *q)
{
    if (!q->wants_room || (q->n_ready > PIECES_LOW && !q->is_left))
        return false;
    q->wants_room = false;
    q->refs++;
    return true;
}

static struct err *take(void *ctx, const void **p, size_t *n)
{
    struct pieces *q = ctx;
    bool is_due;

    pthread_mutex_lock(&q->lock);
    if (q->taken)
        list_append(&q->spare, &steal_ptr(&q->taken)->link);
    q->is_awaited = true;
    while (list_is_empty(&q->ready) && !q->is_ended)
        pthread_cond_wait(&q->has_some, &q->lock);
    q->is_awaited = false;
    if (!list_is_empty(&q->ready)) {
        q->taken = list_first(&q->ready, struct piece, link);
        list_remove(&q->taken->link);
        q->n_ready--;
    }
    is_due = makes_room(q);
    pthread_mutex_unlock(&q->lock);
    if (is_due)
        loop_post(q->loop, on_room, q);
    *p = q->taken ? q->taken->bytes : NULL;
    *n = q->taken ? q->taken->n : 0;
    return NULL;
}

static void leave(void *ctx)
{
    struct pieces *q = ctx;
    bool is_due;

    pthread_mutex_lock(&q->lock);
    q->is_left = true;
    is_due = makes_room(q);
    pthread_mutex_unlock(&q->lock);
    if (is_due)
        loop_post(q->loop, on_room, q);
    pieces_unref(q);
}

struct pieces *pieces_open(struct loop *l, void (*room)(void *ctx), void *ctx,
                           struct copy_input *out_reader)
{
    struct pieces *q = mem_new(struct pieces);

    ASSERT_LOOP();
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->has_some, NULL);
    list_init(&q->ready);
    list_init(&q->spare);
    q->refs = 2;
    q->loop = l;
    q->room = room;
    q->ctx = ctx;
    *out_reader = (struct copy_input){take, leave, q};
    return q;
}
