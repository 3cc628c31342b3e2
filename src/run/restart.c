/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restart policy: Docker's back-off (100 ms, doubled up to a minute, fresh after
 * ten seconds of running). Loop thread.
 */
#include "run/restart.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/container_table.h"
#include "container/object.h"
#include "container/wait.h"

#include "start.h"

#define DELAY_FIRST_MS 100
#define DELAY_MAX_MS 60000
#define RAN_WELL_NS (10 * NS_PER_S)

/* `always` starts again at boot even what a user has stopped, `unless-stopped` does not: that is
 * the whole difference between the two (docs of `docker run --restart`). */
bool restart_policy_wants(const struct container *c, bool at_boot)
{
    const struct restart_policy *r = &c->doc.host.restart;
    const struct container_state *s = &c->doc.state;

    if (text_same(r->name, "always"))
        return at_boot || !s->was_stopped;
    if (text_same(r->name, "unless-stopped"))
        return !s->was_stopped;
    if (text_same(r->name, "on-failure"))
        return !s->was_stopped && s->exit_code != 0 &&
               (r->max_retry == 0 || s->restart_count < r->max_retry);
    return false;
}

/* The start that the policy asked for failed: it counts as a run that ended, but for what is no
 * fault of the container's, and the policy is asked again. */
static void on_restarted(struct op *op, struct err *err, void *ctx)
{
    struct container *c = container_of_ctx(ctx);

    if (err) {
        log_warn("the restart policy could not start a container", KV("id", c->doc.id),
                 KV("error", err_text(err)));
        if (start_note_failure(c, op, err)) {
            if (err_kind(err) == ERR_UNAVAILABLE) /* no fault of the container's */
                c->doc.state.restart_count--;
            if (restart_policy_wants(c, false)) {
                c->doc.state.status = STATUS_RESTARTING;
                restart_policy_apply(c);
            } else {
                waiters_notify(c, false); /* of the runs before: none follows */
            }
            container_save(c);
        }
        err_drop(err);
    }
    container_unref(c);
}

/* The count is what `on-failure:N` is limited by; it is saved with the document of the start. */
static void on_restart_due(struct timer *t)
{
    struct container *c = container_of(t, struct container, restart_timer);

    ASSERT(c->magic == CONTAINER_MAGIC);
    if (c->is_gone || c->doc.state.status != STATUS_RESTARTING)
        return;
    c->doc.state.restart_count++;
    op_start_in(start_op(c), &c->lane, on_restarted, container_ref(c));
}

/* Doubles the delay, up to a minute, unless the container ran for ten seconds: then what went wrong
 * is not the start. A run counts once: starts that fail behind a long one are not each the first.
 */
void restart_policy_apply(struct container *c)
{
    int64_t run_ns = c->last_run_ns;

    ASSERT_LOOP();
    ASSERT(c->doc.state.status == STATUS_RESTARTING && !c->is_exiting);
    if (c->table->stopped) /* the next engine goes on from the document */
        return;
    c->last_run_ns = 0;
    if (c->restart_delay_ms == 0 || run_ns >= RAN_WELL_NS)
        c->restart_delay_ms = DELAY_FIRST_MS;
    else
        c->restart_delay_ms =
            c->restart_delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : c->restart_delay_ms * 2;
    timer_set(c->parts->loop, &c->restart_timer, c->restart_delay_ms, on_restart_due);
}
