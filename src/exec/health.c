/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a container is probed, and who hears of it. One timer a container, from the
 * end of a probe to the next; the first comes a little early, by a phase of the
 * container's own, so that a thousand started together are not probed together. Loop
 * thread. Trap: the saved due time is what a restarted engine goes on from; a due time
 * that has passed meanwhile is made up for soon, but not by all at once.
 */
#include "exec/health.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/event.h"
#include "container/object.h"

#include "health_rules.h"
#include "probe.h"

#define MAKE_UP_NS (5 * NS_PER_S)     /* overdue probes are spread over that */
#define SAVE_EVERY_NS (60 * NS_PER_S) /* when nothing but the log changes */

static void on_due(struct timer *t);

static struct health_rules rules_of(const struct health *h)
{
    return health_rules_of(h->c->doc.config.healthcheck);
}

static void arm(struct health *h, int64_t delay_ns)
{
    ASSERT(delay_ns >= 0);
    h->state.due_ns = clock_boot_ns() + delay_ns;
    timer_set(h->c->parts->loop, &h->timer, delay_ns / NS_PER_MS, on_due);
}

static int64_t pause_ns(const struct health *h)
{
    struct health_rules rules = rules_of(h);

    return health_pause_ns(h, &rules, state_run_ns(h->c));
}

static void save(struct health *h)
{
    h->saved_ns = clock_boot_ns();
    container_save(h->c);
}

/* The process is dead though its exit has not been worked off: what a probe says now says nothing.
 */
static bool is_dying(const struct container *c)
{
    struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

    return c->pidfd < 0 || c->is_exiting || c->exit.is_set || poll(&p, 1, 0) > 0;
}

#define OUTPUT_SHOWN 200 /* of a probe, in the log */

static void tell_log(const struct health *h, int before, const struct health_result *r)
{
    const struct container *c = h->c;
    bool is_bad = h->state.status == HEALTH_UNHEALTHY;
    autofree char *output = NULL;

    if (!log_is_on(is_bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO))
        return;
    output = mem_printf("%.*s", OUTPUT_SHOWN, is_bad && r->output ? r->output : "");
    log_write(is_bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "a container's health has changed",
              (const struct log_kv[]){KV("name", c->name),
                                      KV("id", c->doc.id),
                                      KV("image", c->doc.image_name),
                                      KV("health", health_status_name(h->state.status)),
                                      KV("was", health_status_name(before)),
                                      KV_INT("streak", h->state.failing_streak),
                                      KV("output", output),
                                      {0}});
}

/* Saved when it changes what is shown; the log alone is saved once in SAVE_EVERY_NS, since a
 * thousand checks a second would be a thousand writes. */
static void note_result(struct health *h, const struct health_result *r)
{
    struct health_rules rules = rules_of(h);
    int before = h->state.status, streak = h->state.failing_streak;

    ASSERT(h->c->health == h);
    if (is_dying(h->c))
        return;
    health_judge(h, &rules, r, state_run_ns(h->c) - (clock_boot_ns() - h->probed_ns));
    arm(h, pause_ns(h));
    if (before != h->state.status) {
        autobuf struct buf action = {0};

        buf_printf(&action, "health_status: %s", health_status_name(h->state.status));
        container_event(h->c, action.data, NULL, NULL);
        tell_log(h, before, r);
    }
    if (before != h->state.status || streak != h->state.failing_streak || r->exit_code != 0 ||
        clock_boot_ns() - h->saved_ns > SAVE_EVERY_NS)
        save(h);
}

static void on_over(struct health *h, struct probe *p)
{
    if (h->probe == p)
        h->probe = NULL;
}

static const struct probe_hooks probe_hooks = {note_result, on_over};

/* The one before was killed at its deadline and is still there (in the kernel): a failure too. */
static void note_hung(struct health *h)
{
    int64_t now = clock_wall_ns();
    struct health_result r = {
        .start_ns = now,
        .end_ns = now,
        .exit_code = -1,
        .output = (char *)"the health check before has not ended though it was killed",
    };

    note_result(h, &r);
}

static void on_due(struct timer *t)
{
    struct health *h = container_of(t, struct health, timer);
    autoarena struct arena *a = NULL;
    struct strs cmd = {0};

    ASSERT(h->c->magic == CONTAINER_MAGIC && h->c->health == h);
    if (is_dying(h->c))
        return;
    if (h->c->is_pausing) { /* and when that fails, the next one is due in its time */
        arm(h, pause_ns(h));
        return;
    }
    if (h->probe) {
        note_hung(h);
        return;
    }
    a = arena_create();
    if (!health_command(a, &h->c->doc.config, &cmd))
        return;
    h->probed_ns = clock_boot_ns();
    probe_start(h, &cmd, rules_of(h).timeout_ns, &probe_hooks);
}

static struct health *health_of(struct container *c)
{
    if (!c->health) {
        c->health = mem_new(struct health);
        c->health->c = c;
        c->doc.state.health = &c->health->state;
    }
    return c->health;
}

static bool has_check(const struct container *c)
{
    autoarena struct arena *a = arena_create();
    struct strs cmd = {0};

    return c->doc.config.healthcheck && health_command(a, &c->doc.config, &cmd);
}

/* A probe on its way is cut off: what it says is of a run that is over, or of processes that are
 * frozen. */
static void rest(struct health *h)
{
    timer_clear(h->c->parts->loop, &h->timer);
    h->state.due_ns = 0;
    probe_forget(steal_ptr(&h->probe));
}

/* The first probe comes up to an eighth of the pause early, by a phase that follows from the id:
 * containers of one composition are not probed all at once. */
static void begin(struct health *h)
{
    int64_t pause = pause_ns(h);

    arm(h, pause - health_phase_ns(h->c->doc.id, pause / 8));
}

void health_start(struct container *c)
{
    struct health *h;

    ASSERT_LOOP();
    if (!has_check(c))
        return;
    h = health_of(c);
    rest(h);
    h->state.status = HEALTH_STARTING;
    h->state.failing_streak = 0;
    begin(h);
}

void health_stop(struct container *c)
{
    if (!c->health)
        return;
    rest(c->health);
    c->health->state.status = HEALTH_UNHEALTHY; /* as Docker has it */
}

void health_pause(struct container *c, bool is_paused)
{
    if (!c->health)
        return;
    rest(c->health);
    if (!is_paused)
        begin(c->health);
}

/* From the document of another engine: the log moves to memory of ours. */
void health_load(struct container *c)
{
    const struct health_state *saved = c->doc.state.health;
    struct health *h;

    if (!saved)
        return;
    h = health_of(c);
    h->state.status = saved->status;
    h->state.failing_streak = saved->failing_streak;
    h->state.due_ns = saved->due_ns;
    for (size_t i = 0; i < saved->log.n; i++)
        health_log_add(h, &((const struct health_result *)saved->log.v)[i]);
}

void health_resume(struct container *c)
{
    struct health *h = c->health;
    int64_t pause, left;

    if (!h || c->doc.state.status == STATUS_PAUSED || !has_check(c))
        return;
    pause = pause_ns(h);
    left = h->state.due_ns - clock_boot_ns();
    if (left <= 0)
        left = health_phase_ns(c->doc.id, pause / 2 < MAKE_UP_NS ? pause / 2 : MAKE_UP_NS);
    arm(h, left < pause ? left : pause);
}

/* The engine ends: the due time is in the document, the next one goes on from there. */
void health_suspend(struct container *c)
{
    if (!c->health)
        return;
    timer_clear(c->parts->loop, &c->health->timer);
    probe_forget(steal_ptr(&c->health->probe));
    if (state_is_running(c))
        container_save(c);
}

void health_free(struct container *c)
{
    struct health *h = c->health;

    if (!h)
        return;
    rest(h);
    for (size_t i = 0; i < h->state.log.n; i++)
        free(h->log[i].output);
    free(h);
    c->health = NULL;
    c->doc.state.health = NULL;
}

/* ---- views ---- */

const char *health_name(const struct container *c)
{
    return c->health ? health_status_name(c->health->state.status) : "none";
}

void health_write(const struct container *c, struct jw *w)
{
    const struct health *h = c->health;

    if (!h)
        return;
    jw_obj(w, "Health");
    jw_str(w, "Status", health_name(c));
    jw_int(w, "FailingStreak", h->state.failing_streak);
    jw_arr(w, "Log");
    for (size_t i = 0; i < h->state.log.n; i++) {
        jw_obj(w, NULL);
        jw_time(w, "Start", h->log[i].start_ns);
        jw_time(w, "End", h->log[i].end_ns);
        jw_int(w, "ExitCode", h->log[i].exit_code);
        jw_str(w, "Output", h->log[i].output);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

void health_write_summary(const struct container *c, struct jw *w)
{
    if (!c->health)
        return;
    jw_obj(w, "Health");
    jw_str(w, "Status", health_name(c));
    jw_int(w, "FailingStreak", c->health->state.failing_streak);
    jw_obj_end(w);
}
