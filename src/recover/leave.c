/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the engine, which is none of the containers: streams, sockets and addresses are let
 * go of in this engine's memory only, the keeper and the documents keep them for the next one.
 * Loop thread.
 */
#include "base/map.h"
#include "container/container_table.h"
#include "container/orphan.h"
#include "container/wait.h"
#include "exec/exec.h"
#include "exec/health.h"
#include "net/dns.h"
#include "place/endpoints.h"
#include "place/published.h"
#include "place/sockets.h"
#include "recover/recover.h"
#include "stream/hub.h"
#include "stream/log.h"

static void stop_part_ended(void *ctx)
{
    struct container_table *t = ctx;

    ASSERT(t->n_stopping > 0);
    if (--t->n_stopping == 0)
        t->stopped(t->stopped_ctx);
}

/* What is closed here is this engine's duplicate of what the keeper holds. `done` comes when each
 * log has written what it has. */
void container_table_stop(struct container_table *t, void (*done)(void *ctx), void *ctx)
{
    size_t cursor = 0;
    void *value;

    ASSERT_LOOP();
    ASSERT(!t->stopped && done);
    t->stopped = done;
    t->stopped_ctx = ctx;
    t->n_stopping = 1;
    orphans_close(t);
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;
        struct log *log = steal_ptr(&c->log);

        timer_clear(t->parts->loop, &c->restart_timer);
        timer_clear(t->parts->loop, &c->unsaved.retry); /* the keeper tells the next engine */
        health_suspend(c);
        execs_close(c);
        hub_destroy(steal_ptr(&c->hub));
        sockets_stop_holding(c);
        ports_let_go(c);
        dns_host_close(steal_ptr(&c->dns));
        endpoints_drop(c); /* in this engine's memory only: the document keeps it */
        if (c->is_streaming)
            container_unref(c);
        c->is_streaming = false;
        if (log) {
            t->n_stopping++;
            log_destroy(log, stop_part_ended, t);
        }
    }
    stop_part_ended(t);
}

/* After the last turn of the loop: whoever still waits is answered, and references must come out
 * even (container_destroy). */
void container_table_close(struct container_table *t)
{
    size_t cursor = 0;
    void *value;

    if (!t)
        return;
    orphans_close(t);
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;

        waiters_notify(c, false);
        health_suspend(c);
        execs_close(c);
        hub_destroy(steal_ptr(&c->hub)); /* of a run that began after container_table_stop */
        if (c->is_streaming)
            container_unref(c);
        map_take(t->by_id, c->doc.id);
        container_unref(c);
    }
    table_destroy(t);
}
