/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a health check. Loop thread. */
#pragma once

#include <stdint.h>

struct health;
struct health_result;
struct probe;
struct strs;

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
