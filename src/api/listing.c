/* SPDX-License-Identifier: Apache-2.0 */
/* See listing.h. Loop thread. */
#include "listing.h"

#include "base/clock.h"

#define SLICE_NS (NS_PER_MS / 2)
#define WHOLE_MAX (64u << 10) /* an answer up to that is sent in one piece, with its length */

static void finish(struct listing *l)
{
    timer_clear(parts_of(l->request)->loop, &l->timer);
    if (l->type->finish)
        l->type->finish(l);
}

static void send_part(struct listing *l)
{
    if (!l->request->is_begun)
        reply_begin(l->request, 200, TYPE_JSON);
    reply_write(l->request, l->json.data, l->json.len);
    l->json.len = 0;
}

static void end(struct listing *l)
{
    jw_arr_end(&l->w);
    if (l->type->more)
        l->type->more(l);
    if (l->type->key)
        jw_obj_end(&l->w);
    finish(l);
    if (!l->request->is_begun) {
        reply_json(l->request, 200, &l->json);
        return;
    }
    buf_putc(&l->json, '\n');
    send_part(l);
    buf_finish(&l->json);
    reply_end(l->request);
}

static void go_on(struct listing *l);

static void on_slice(struct timer *t)
{
    go_on(container_of(t, struct listing, timer));
}

static void on_room(void *ctx)
{
    struct listing *l = ctx;

    if (!l->is_waiting)
        return;
    l->is_waiting = false;
    go_on(l);
}

/* The client is gone, and no worker has us any more. */
static void abandon(struct listing *l)
{
    finish(l);
    buf_finish(&l->json);
    request_abandon(l->request);
}

static void on_gone(void *ctx)
{
    struct listing *l = ctx;

    l->is_gone = true;
    if (!l->is_pending)
        abandon(l);
}

/* False: the client has to read first. */
static bool has_room(struct listing *l)
{
    if (l->json.len >= WHOLE_MAX)
        send_part(l);
    l->is_waiting = l->request->is_begun && reply_queued(l->request) > SINK_HIGH;
    return !l->is_waiting;
}

static void go_on(struct listing *l)
{
    int64_t end_ns = clock_boot_ns() + SLICE_NS;

    while (l->at < l->n) {
        if (!has_room(l))
            return;
        l->is_pending = true; /* before: an item that fails at once is resumed within the call */
        if (!l->type->item(l, l->at))
            return;
        l->is_pending = false;
        l->at++;
        if (clock_boot_ns() >= end_ns) {
            timer_set(parts_of(l->request)->loop, &l->timer, 0, on_slice);
            return;
        }
    }
    end(l);
}

void listing_resume(struct listing *l)
{
    ASSERT(l->is_pending);
    l->is_pending = false;
    l->at++;
    if (l->is_gone)
        abandon(l);
    else
        timer_set(parts_of(l->request)->loop, &l->timer, 0, on_slice);
}

void listing_begin(struct listing *l, struct request *r, const struct listing_type *type, size_t n)
{
    l->request = r;
    l->type = type;
    l->n = n;
    l->w.out = &l->json;
    request_on_gone(r, on_gone, l);
    reply_on_room(r, on_room, l);
    if (type->key)
        jw_obj(&l->w, NULL);
    jw_arr(&l->w, type->key);
    go_on(l);
}
