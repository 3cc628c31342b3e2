/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory in a container that goes on: the kernel has killed a child or an exec, and the
 * first process lives. Clients get an `oom` event for each time, and inspect says OOMKilled, at
 * once and after the exit, until the next start (as Docker has it).
 *
 * Only containers with a memory limit are watched: two descriptors each. The container decides how
 * often there is a notice, so after one nothing is read for a while.
 */
#include "run/oom.h"

#include "base/log.h"
#include "cgroup/oom.h"
#include "container/event.h"
#include "container/object.h"
#include "core/loop.h"

#define SETTLE_MS 100 /* the notice of v1 comes before the kill; and the bound a turn */

struct oom_watch {
    struct container *c;
    struct cgroup_oom oom;
    struct watch *watch;
    struct timer timer;
    int64_t told;
    bool is_waiting; /* told that nobody is killed, and all wait */
};

static int events_of(const struct oom_watch *o)
{
    return o->oom.notice >= 0 ? UV_READABLE : UV_PRIORITIZED;
}

static void tell(struct oom_watch *o, int64_t kills)
{
    if (kills <= o->told)
        return;
    o->told = kills;
    o->c->doc.state.oom_killed = true;
    container_event(o->c, "oom", NULL, NULL);
}

/* With --oom-kill-disable nothing dies: it is told when the waiting begins. */
static void tell_waiting(struct oom_watch *o)
{
    bool was_waiting = o->is_waiting;

    o->is_waiting = cgroup_oom_is_waiting(&o->oom);
    if (o->is_waiting && !was_waiting)
        container_event(o->c, "oom", NULL, NULL);
}

static void on_settled(struct timer *t)
{
    struct oom_watch *o = container_of(t, struct oom_watch, timer);
    int64_t before = o->told;

    tell(o, cgroup_oom_count(&o->oom));
    if (o->c->doc.host.oom_kill_disable > 0)
        tell_waiting(o);
    watch_set(o->watch, events_of(o));
    if (o->told != before)
        container_save(o->c);
}

static void on_notice(void *arg, int events)
{
    struct oom_watch *o = arg;

    (void)events;
    watch_set(o->watch, 0);
    timer_set(o->c->parts->loop, &o->timer, SETTLE_MS, on_settled);
}

void oom_watch_begin(struct container *c)
{
    autoarena struct arena *a = arena_create();
    struct cgroup_oom oom;
    struct oom_watch *o;
    struct err *e;

    if (c->oom || c->doc.host.memory <= 0 || c->pidfd < 0)
        return;
    e = cgroup_oom_open(c->parts->cgroups, container_cgroup(a, c), &oom);
    if (e) {
        log_warn("out of memory will not be noticed", KV("id", c->doc.id),
                 KV("error", err_text(e)));
        err_drop(e);
        return;
    }
    o = c->oom = mem_new(struct oom_watch);
    o->c = c;
    o->oom = oom;
    if (c->doc.state.oom_killed) /* an engine before has told it */
        o->told = cgroup_oom_count(&oom);
    else
        tell(o, cgroup_oom_count(&oom)); /* of the time without an engine */
    o->watch = watch_open(c->parts->loop, oom.notice >= 0 ? oom.notice : oom.counter, events_of(o),
                          on_notice, o);
}

void oom_watch_end(struct container *c, int64_t kills)
{
    struct oom_watch untold = {.c = c};
    int64_t seen = c->oom ? cgroup_oom_count(&c->oom->oom) : 0;

    tell(c->oom ? c->oom : &untold, seen > kills ? seen : kills);
    oom_watch_drop(c);
}

void oom_watch_drop(struct container *c)
{
    struct oom_watch *o = c->oom;

    if (!o)
        return;
    c->oom = NULL;
    timer_clear(c->parts->loop, &o->timer);
    watch_close(o->watch);
    cgroup_oom_close(&o->oom);
    free(o);
}
