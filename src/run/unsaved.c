/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit was worked off, but its document could not be written: the disk is full or read-only.
 * The write is tried again, after longer and longer waits, and the keeper forgets the run only when
 * it succeeds; an engine that dies meanwhile leaves the exit to the next one. Loop thread.
 */
#include "unsaved.h"

#include "base/log.h"
#include "container/container_table.h"
#include "container/object.h"
#include "core/db.h"
#include "runtime/keeper_conn.h"

#define DELAY_FIRST_MS 1000
#define DELAY_MAX_MS 60000

static void on_retry(struct timer *t);

static void ack(struct container *c)
{
    if (c->unsaved.pid && c->parts->keeper)
        keeper_ack(c->parts->keeper, c->doc.id, c->unsaved.pid);
    c->unsaved.pid = 0;
}

static void wait_longer(struct container *c)
{
    struct unsaved *u = &c->unsaved;

    if (c->table->stopped)
        return;
    u->delay_ms = u->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : u->delay_ms * 2;
    timer_set(c->parts->loop, &u->retry, u->delay_ms, on_retry);
}

static void on_saved(void *ctx, struct err *err)
{
    struct container *c = container_of_ctx(ctx);

    if (c->unsaved.pid && !c->is_gone) {
        if (err) {
            wait_longer(c);
        } else {
            log_info("an exit is written down at last", KV("id", c->doc.id));
            ack(c);
        }
    }
    err_drop(err);
    container_unref(c);
}

static void on_retry(struct timer *t)
{
    struct container *c = container_of(t, struct container, unsaved.retry);
    autoarena struct arena *a = arena_create();

    db_put(c->parts->db, "container", c->doc.id, doc_encode(a, c), on_saved, container_ref(c));
}

void unsaved_keep(struct container *c, int pid)
{
    ack(c); /* of the run before: this one's document says more */
    c->unsaved.pid = pid;
    c->unsaved.delay_ms = DELAY_FIRST_MS;
    timer_set(c->parts->loop, &c->unsaved.retry, DELAY_FIRST_MS, on_retry);
}

void unsaved_drop(struct container *c)
{
    timer_clear(c->parts->loop, &c->unsaved.retry);
    ack(c);
}
