/* SPDX-License-Identifier: Apache-2.0 */
/* The network interfaces of a container, as its first process sees them. Workers. */
#pragma once

#include "base/text.h"

struct interface_counts {
    const char *name;
    int64_t values[8]; /* received bytes, packets, errors, drops; sent the same */
};

/* /proc/PID/net/dev shows the namespace of that process, so nobody enters it; but for lo. None when
 * the process has ended: its number may be another's by then. */
void interfaces_read(struct arena *a, int pid, int pidfd, struct interface_counts **out,
                     size_t *out_n);
