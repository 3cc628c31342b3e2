/* SPDX-License-Identifier: Apache-2.0 */
/* The health of one container, and the rules it is judged by (pure but for the log's memory). */
#pragma once

#include "container/doc.h"
#include "core/loop.h"

#define HEALTH_LOG_MAX 5
#define HEALTH_OUTPUT_MAX 4096

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct probe;
struct health {
    struct health_state state;
    struct health_result log[HEALTH_LOG_MAX];
    struct container *c;
    struct timer timer;
    struct probe *probe;         /* of this run, perhaps judged already */
    int64_t saved_ns, probed_ns; /* boot clock: last saved; the last probe began */
};

/* Docker's defaults where the configuration says nothing. */
struct health_rules {
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int retries;
};
struct health_rules health_rules_of(const struct health_config *h);
/* The command of the check; false: there is none (NONE, nothing, an unknown kind). */
bool health_command(struct arena *a, const struct config *c, struct strs *out);
/* Takes the result (its output is copied) into the log and judges. run_ns: how long the container
 * ran when the probe began. */
void health_judge(struct health *h, const struct health_rules *rules, const struct health_result *r,
                  int64_t run_ns);
/* From the end of a probe, or the start of the run, to the next one. */
int64_t health_pause_ns(const struct health *h, const struct health_rules *rules, int64_t run_ns);
/* Something between 0 and limit that is the container's own: probes of many do not coincide. */
int64_t health_phase_ns(const char *id, int64_t limit_ns);
const char *health_status_name(int status);
void health_log_add(struct health *h, const struct health_result *r);
