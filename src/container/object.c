/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container in memory: made, shared by references, freed with the last. What the rooms above have
 * hung onto it goes first, by their hook. Loop thread.
 */
#include "container/object.h"

#include "container/container_table.h"
#include "container/hooks.h"
#include "stream/hub.h"
#include "stream/log.h"

struct container *container_alloc(struct container_table *t, struct arena *a)
{
    struct container *c = mem_new(struct container);

    c->table = t;
    c->parts = t->parts;
    c->arena = a;
    c->refs = 1;
    c->pidfd = -1;
    lane_init(&c->lane);
    list_init(&c->settling);
    list_init(&c->settle);
    list_init(&c->draining);
    list_init(&c->waiters);
    list_init(&c->execs);
    return c;
}

void container_destroy(struct container *c)
{
    if (!c)
        return;
    ASSERT(list_is_empty(&c->waiters));
    timer_clear(c->parts->loop, &c->restart_timer);
    c->parts->container_hooks->destroying(c);
    hub_destroy(c->hub);
    if (c->log)
        log_destroy(c->log, NULL, NULL);
    if (c->pidfd >= 0)
        close(c->pidfd);
    free(c->doc.state.error);
    free(c->name);
    arena_destroy(c->run_arena);
    arena_destroy(c->networks_arena);
    arena_destroy(c->arena);
    free(c);
}

struct container *container_ref(struct container *c)
{
    c->refs++;
    return c;
}

void container_unref(struct container *c)
{
    if (c && --c->refs == 0)
        container_destroy(c);
}

/* ---- small accessors ---- */

bool container_has_tty(const struct container *c)
{
    return c->doc.config.tty;
}

bool container_is_running(const struct container *c)
{
    return state_is_running(c);
}

const char *container_id(const struct container *c)
{
    return c->doc.id;
}

const char *container_name(const struct container *c)
{
    return c->name;
}
