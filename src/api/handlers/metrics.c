/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics, as fast as the client reads. Loop thread. */
#include "view/metrics.h"

#include "base/metric.h"

#include "api.h"

#define PIECE (64u << 10) /* a turn */

struct metrics_answer {
    struct metrics_waiter waiter; /* must be first */
    struct request *request;
    struct metrics_text *text; /* NULL: being made */
    size_t at;
    struct timer timer; /* of the next piece */
    bool is_waiting;    /* for the client to read */
};

static void end(struct metrics_answer *m)
{
    timer_clear(parts_of(m->request)->loop, &m->timer);
    metrics_text_unref(steal_ptr(&m->text));
}

static void on_timer(struct timer *t);

static void write_piece(struct metrics_answer *m)
{
    size_t left = m->text->text.len - m->at, n = left < PIECE ? left : PIECE;

    m->is_waiting = reply_queued(m->request) > SINK_HIGH;
    if (m->is_waiting)
        return;
    reply_write(m->request, m->text->text.data + m->at, n);
    m->at += n;
    if (n < left) {
        timer_set(parts_of(m->request)->loop, &m->timer, 0, on_timer);
        return;
    }
    end(m);
    reply_end(m->request);
}

static void on_timer(struct timer *t)
{
    write_piece(container_of(t, struct metrics_answer, timer));
}

static void on_room(void *ctx)
{
    struct metrics_answer *m = ctx;

    if (m->is_waiting)
        write_piece(m);
}

static void on_text(struct metrics_waiter *w, struct metrics_text *text)
{
    struct metrics_answer *m = (struct metrics_answer *)w;

    m->text = text;
    reply_on_room(m->request, on_room, m);
    reply_begin(m->request, 200, METRIC_CONTENT_TYPE);
    write_piece(m);
}

static void on_gone(void *ctx)
{
    struct metrics_answer *m = ctx;

    if (m->text)
        end(m);
    else
        metrics_leave(&m->waiter);
    request_abandon(m->request);
}

void handle_metrics(struct request *r)
{
    struct metrics_answer *m = arena_new(r->arena, struct metrics_answer);

    m->request = r;
    m->waiter.fn = on_text;
    request_on_gone(r, on_gone, m);
    metrics_ask(parts_of(r)->metrics, &m->waiter);
}
