/* SPDX-License-Identifier: Apache-2.0 */
/* What the payload is started with: argv, environment, resource limits, sysctls. Pure. */
#pragma once

#include "runtime/sandbox.h"

struct process_limit {
    int resource; /* RLIMIT_* */
    uint64_t soft, hard;
};

/* entrypoint + cmd. ERR_INVALID "no command specified". */
struct err *process_argv(struct arena *a, const struct config *c, struct strs *out) must_check;
/* `extra` goes over the container's own environment; NULL for the container itself. */
struct strs process_env(struct arena *a, const struct config *c, const char *hostname,
                        const struct strs *extra, bool has_tty, const char *home);
struct err *process_limits(struct arena *a, const struct jlist *ulimits, struct process_limit **out)
    must_check;
enum sysctl_space { SYSCTL_NONE, SYSCTL_IPC, SYSCTL_NET, SYSCTL_UTS };
/* Which namespace a sysctl belongs to; SYSCTL_NONE: to the whole machine. */
enum sysctl_space sysctl_space(const char *key);
/* "net.ipv4.conf.eth0/1.x" → "net/ipv4/conf/eth0.1/x" as sysctl(8) reads it. */
char *sysctl_path(struct arena *a, const char *key);
