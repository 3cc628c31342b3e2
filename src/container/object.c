/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container in memory: made, shared by references, freed with the last. What the rooms above have
 * hung onto it goes first, by their hook. Loop thread.
 */
#include "container/object.h"

#include "base/map.h"
#include "cgroup/cgroup.h"
#include "container/container_table.h"
#include "container/hooks.h"
#include "container/ids.h"
#include "container/labels.h"
#include "stream/hub.h"
#include "stream/log.h"

struct container *container_alloc(struct container_table *t, struct arena *a)
{
    struct container *c = mem_new(struct container);

    c->magic = CONTAINER_MAGIC;
    c->table = t;
    c->parts = t->parts;
    c->arena = a;
    c->refs = 1;
    c->pidfd = -1;
    lane_init(&c->lane);
    lane_init(&c->freezer);
    root_gate_init(&c->root);
    list_init(&c->settling);
    list_init(&c->settle);
    list_init(&c->draining);
    list_init(&c->waiters);
    list_init(&c->execs);
    list_init(&c->exec_starts);
    return c;
}

void container_destroy(struct container *c)
{
    if (!c)
        return;
    ASSERT(list_is_empty(&c->waiters));
    ASSERT(list_is_empty(&c->root.lenders));
    timer_clear(c->parts->loop, &c->restart_timer);
    timer_clear(c->parts->loop, &c->unsaved.retry);
    c->parts->container_hooks->destroying(c);
    ids_give_back(c);
    labels_give_back(c);
    for (int kind = 0; kind < SOCKETS_KINDS; kind++)
        ASSERT(!c->holding[kind]); /* else the keeper's answer would find freed memory */
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
    c->magic = 0;
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

/* ---- what is always true ---- */

static bool is_in_table(const struct container *c)
{
    return map_get(c->table->by_id, c->doc.id) == c;
}

/* One that was given up between its clone and the end of its start has a process and does not run:
 * killed, its exit is on its way. So pidfd >= 0 does not mean that it runs, but the reverse holds.
 */
void container_check(const struct container *c)
{
    bool is_going = c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD;

    ASSERT_DEBUG(c->magic == CONTAINER_MAGIC && c->refs > 0);
    ASSERT_DEBUG(c->doc.name == c->name);
    ASSERT_DEBUG(!c->is_gone || !is_in_table(c));
    ASSERT_DEBUG(!state_is_running(c) || c->pidfd >= 0);
    ASSERT_DEBUG(c->pidfd < 0 || c->doc.state.pid > 0);
    ASSERT_DEBUG(!is_going || (c->pidfd < 0 && !c->is_exiting && !c->exit.is_set));
    ASSERT_DEBUG(!c->exit.is_set || c->is_starting || c->is_exiting);
    ASSERT_DEBUG(!c->is_streaming || c->hub);
    /* connect may add to the document while an exit is on its way: that run gets no endpoint more
     */
    ASSERT_DEBUG(c->n_endpoints <= c->doc.networks.n);
    ASSERT_DEBUG(list_is_empty(&c->draining) || c->is_exiting);
    ASSERT_DEBUG(list_is_empty(&c->settling) || c->pidfd >= 0 || c->is_exiting || c->exit.is_set);
    ASSERT_DEBUG((c->n_execs == 0) == list_is_empty(&c->execs));
    ASSERT_DEBUG(c->n_exec_starts > 0 || list_is_empty(&c->exec_starts));
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

bool container_is_up(const struct container *c)
{
    return state_is_running(c) || c->doc.state.status == STATUS_RESTARTING;
}

const char *container_id(const struct container *c)
{
    return c->doc.id;
}

const char *container_name(const struct container *c)
{
    return c->name;
}

char *container_cgroup(struct arena *a, const struct container *c)
{
    return cgroup_place(c->parts->cgroups, a, c->doc.host.cgroup_parent, c->doc.id);
}
