/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a health check's results mean: Docker's rules and defaults. Pure but for the
 * memory of the log. Trap: inside the start period a failure changes nothing, but a
 * success ends the period at once.
 */
#include "health_rules.h"

#include <string.h>

#include "base/clock.h"

static int64_t value_or(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

struct health_rules health_rules_of(const struct health_config *h)
{
    return (struct health_rules){
        .interval_ns = value_or(h->interval_ns, 30 * NS_PER_S),
        .timeout_ns = value_or(h->timeout_ns, 30 * NS_PER_S),
        .start_period_ns = h->start_period_ns,
        .start_interval_ns = value_or(h->start_interval_ns, 5 * NS_PER_S),
        .retries = h->retries > 0 ? h->retries : 3,
    };
}

static void add_from(struct arena *a, struct strs *out, const struct strs *list, size_t from)
{
    for (size_t i = from; i < list->n; i++)
        strs_add(a, out, list->v[i]);
}

bool health_command(struct arena *a, const struct config *c, struct strs *out)
{
    const struct strs *test = c->healthcheck ? &c->healthcheck->test : NULL;

    if (!test || test->n < 2)
        return false;
    if (strcmp(test->v[0], "CMD") == 0) {
        add_from(a, out, test, 1);
        return true;
    }
    if (strcmp(test->v[0], "CMD-SHELL") != 0)
        return false;
    if (c->shell.n > 0) {
        add_from(a, out, &c->shell, 0);
    } else {
        strs_add(a, out, "/bin/sh");
        strs_add(a, out, "-c");
    }
    add_from(a, out, test, 1);
    return true;
}

void health_log_add(struct health *h, const struct health_result *r)
{
    size_t n = h->state.log.n;

    if (n == HEALTH_LOG_MAX) {
        free(h->log[0].output);
        memmove(h->log, h->log + 1, --n * sizeof(h->log[0]));
    }
    h->log[n] = *r;
    h->log[n].output = mem_strdup(r->output ? r->output : "");
    h->state.log = (struct jlist){.v = h->log, .n = n + 1};
}

void health_judge(struct health *h, const struct health_rules *rules, const struct health_result *r,
                  int64_t run_ns)
{
    struct health_state *s = &h->state;

    health_log_add(h, r);
    if (r->exit_code == 0) {
        s->failing_streak = 0;
        s->status = HEALTH_HEALTHY;
        return;
    }
    if (s->status == HEALTH_STARTING && run_ns < rules->start_period_ns)
        return;
    s->failing_streak++;
    if (s->failing_streak >= rules->retries)
        s->status = HEALTH_UNHEALTHY;
}

int64_t health_pause_ns(const struct health *h, const struct health_rules *rules, int64_t run_ns)
{
    if (h->state.status == HEALTH_STARTING && run_ns < rules->start_period_ns)
        return rules->start_interval_ns;
    return rules->interval_ns;
}

int64_t health_phase_ns(const char *id, int64_t limit_ns)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 1099511628211u;
    hash ^= hash >> 32;
    return limit_ns > 0 ? (int64_t)(hash % (uint64_t)limit_ns) : 0;
}

const char *health_status_name(int status)
{
    static const char *const names[] = {
        [HEALTH_NONE] = "none",
        [HEALTH_STARTING] = "starting",
        [HEALTH_HEALTHY] = "healthy",
        [HEALTH_UNHEALTHY] = "unhealthy",
    };

    return status >= 0 && status < (int)ARRAY_LEN(names) ? names[status] : "none";
}
