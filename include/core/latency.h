/* SPDX-License-Identifier: Apache-2.0 */
/* How long commands take, as a histogram for each of their names. Loop thread. */
#pragma once

#include <stdint.h>

struct buf;
struct latencies;

struct latencies *latencies_create(void);
void latencies_destroy(struct latencies *l);
/* `result` is one of few words; a name beyond those that there is room for counts as "other". */
void latencies_note(struct latencies *l, const char *name, const char *result, int64_t ns);
/* Prometheus' families berth_command_duration_seconds and berth_commands_total. */
void latencies_write(const struct latencies *l, struct buf *out);
