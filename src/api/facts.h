/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the host that do not change while we run, read once at start. */
#pragma once

#include "base/text.h"

struct facts {
    struct arena *arena;
    const char *kernel, *os_name, *os_version, *architecture /* x86_64 */, *go_arch /* amd64 */;
    const char *host_name;
    int cpus;
    int64_t memory_bytes;
};
void facts_read(struct facts *f);
void facts_finish(struct facts *f);
