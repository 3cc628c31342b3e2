/* SPDX-License-Identifier: Apache-2.0 */
/* The health of one container: rules (pure, health_rules.c), probes (probe.c), timing (health.c).
 */
#pragma once

#include "container/object.h"

#define HEALTH_LOG_MAX 5
#define HEALTH_OUTPUT_MAX 4096

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health_result {
    int64_t start_ns, end_ns;
    int exit_code;
    char *output; /* heap */
};

struct health_state { /* in the saved document; log.v is the array of struct health */
    int status, failing_streak;
    int64_t due_ns; /* of the next probe, boot clock; 0: none is due */
    struct jlist log;
};
extern const struct jtable health_state_json;

struct probe;
struct health {
    struct health_state state;
    struct health_result log[HEALTH_LOG_MAX];
    struct container *c;
    struct timer timer;
    struct probe *probe; /* of this run, perhaps judged already */
    int64_t saved_ns;    /* boot clock */
};

/* ---- health_rules.c: pure ---- */
/* Docker's defaults where the configuration says nothing. */
struct health_rules {
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int retries;
};
struct health_rules health_rules_of(const struct health_config *h);
/* The command of the check; false: there is none (NONE, nothing, an unknown kind). */
bool health_command(struct arena *a, const struct config *c, struct strs *out);
/* Takes the result (its output is copied) into the log and judges. started_ns: of the run. */
void health_judge(struct health *h, const struct health_rules *rules, const struct health_result *r,
                  int64_t started_ns);
/* From the end of a probe, or the start of the run, to the next one. */
int64_t health_pause_ns(const struct health *h, const struct health_rules *rules, int64_t run_ns);
/* Something between 0 and limit that is the container's own: probes of many do not coincide. */
int64_t health_phase_ns(const char *id, int64_t limit_ns);
const char *health_status_name(int status);
void health_log_add(struct health *h, const struct health_result *r);

/* ---- probe.c ---- */
/* judged: once, with the result, not after probe_forget. over: its process is gone and p with it.
 */
struct probe_hooks {
    void (*judged)(struct health *h, const struct health_result *r);
    void (*over)(struct health *h, struct probe *p);
};
struct probe *probe_start(struct health *h, const struct strs *cmd, int64_t timeout_ns,
                          const struct probe_hooks *hooks);
/* Its end is of no interest any more: it is killed, no hook is called. */
void probe_forget(struct probe *p); /* accepts NULL */
