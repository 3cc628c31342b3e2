/* SPDX-License-Identifier: Apache-2.0 */
/* How long commands take, or wait, as a histogram for each of their names. Loop thread. */
#pragma once

#include <stdint.h>

struct buf;
struct jw;
struct latencies;

struct latencies *latencies_create(void);
void latencies_destroy(struct latencies *l);
/* `result` is one of few words; a name beyond those that there is room for counts as "other". */
void latencies_note(struct latencies *l, const char *name, const char *result, int64_t ns);
/* The histograms alone, as a Prometheus family whose label is the name. */
void latencies_write_family(const struct latencies *l, struct buf *out, const char *family,
                            const char *label, const char *help);
/* An array: name, count, and 50, 95 and 99 of 100 as the bound of their bucket, ms; -1: beyond the
 * last bound. */
void latencies_write_json(const struct latencies *l, struct jw *w, const char *key);
/* Prometheus' families berth_command_duration_seconds and berth_commands_total. */
void latencies_write(const struct latencies *l, struct buf *out);
