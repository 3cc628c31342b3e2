/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker makes a piece of the stream, the loop sends it, and asks for the next one when the
 * client has taken enough. Trap: a wait may end before its worker comes back. What the worker uses
 * is in the pump, which outlives the operation.
 */
#include "pump.h"

#include "base/text.h"
#include "core/op.h"
#include "stream/sink.h"

#define PIECE_BYTES (256u << 10)

struct pump {
    struct job job;
    struct ticket *ticket; /* void: nobody wants it any more */
    struct pools *pools;
    struct sink *sink;
    struct pump_source source;
    void (*over)(void *owner, bool is_sent);
    void *owner;          /* only while the ticket is valid */
    struct buf pieces[2]; /* one is made while the other is sent */
    int filling;
    bool is_busy, is_end, is_cancelled;
    struct err *err;
};

static void pump_free(struct pump *p)
{
    p->source.destroy(p->source.ctx);
    buf_finish(&p->pieces[0]);
    buf_finish(&p->pieces[1]);
    err_drop(p->err);
    free(p);
}

static void fill(struct job *job)
{
    struct pump *p = container_of(job, struct pump, job);
    struct buf *out = &p->pieces[p->filling];

    ASSERT_WORKER();
    out->len = 0;
    p->err = p->source.more(p->source.ctx, PIECE_BYTES, out, &p->is_end);
}

static void on_filled(struct job *job);

static void ask_for_more(struct pump *p)
{
    p->job.run = fill;
    p->job.done = on_filled;
    p->is_busy = true;
    pool_submit(p->pools, POOL_DISK, &p->job);
}

/* The operation may end in here. */
static void end(struct pump *p, struct err *err)
{
    struct ticket *t = steal_ptr(&p->ticket);

    if (ticket_op(t))
        p->over(p->owner, !err);
    pump_free(p);
    ticket_answer(t, err);
}

static void on_filled(struct job *job)
{
    struct pump *p = container_of(job, struct pump, job);
    struct buf *piece = &p->pieces[p->filling];
    bool is_end;

    p->is_busy = false;
    if (!ticket_op(p->ticket) || p->is_cancelled) {
        end(p, err_new(ERR_CANCELLED, "the client is gone"));
        return;
    }
    if (p->err) {
        end(p, steal_ptr(&p->err));
        return;
    }
    is_end = p->is_end; /* the next piece is under way when this one is sent */
    p->filling = !p->filling;
    if (!is_end && p->sink->queued(p->sink) <= SINK_HIGH)
        ask_for_more(p);
    p->sink->write(p->sink, piece->data, piece->len);
    if (is_end)
        end(p, NULL);
    else if (!p->is_busy && p->sink->queued(p->sink) <= SINK_HIGH)
        ask_for_more(p);
}

struct pump *pump_start(struct pools *pools, struct sink *s, struct ticket *t,
                        const struct pump_source *source, void (*over)(void *owner, bool is_sent),
                        void *owner)
{
    struct pump *p = mem_new(struct pump);

    ASSERT_LOOP();
    p->pools = pools;
    p->sink = s;
    p->ticket = t;
    p->source = *source;
    p->over = over;
    p->owner = owner;
    ask_for_more(p);
    return p;
}

void pump_resume(struct pump *p)
{
    if (!p->is_busy)
        ask_for_more(p);
}

void pump_cancel(struct pump *p)
{
    ASSERT_LOOP();
    p->is_cancelled = true;
    if (!p->is_busy)
        end(p, err_new(ERR_CANCELLED, "the client is gone"));
}

void pump_stop(struct pump *p)
{
    if (!p || p->is_busy)
        return;
    ticket_drop(steal_ptr(&p->ticket));
    pump_free(p);
}
