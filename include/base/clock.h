/* SPDX-License-Identifier: Apache-2.0 */
/* Durations use the boot clock, display uses wall time; both are int64 nanoseconds. */
#pragma once

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL

int64_t clock_wall_ns(void); /* CLOCK_REALTIME */
int64_t clock_boot_ns(void); /* CLOCK_BOOTTIME: for every duration */

#define RFC3339_MAX 40
/* RFC3339Nano as Go prints it (fraction without trailing zeros). wall_ns == 0
 * gives Go's zero time "0001-01-01T00:00:00Z". */
void clock_rfc3339(int64_t wall_ns, char out[RFC3339_MAX]);
/* Exactly nine fraction digits (log time stamps). */
void clock_rfc3339_fixed(int64_t wall_ns, char out[RFC3339_MAX]);
/* Accepts RFC3339 with any fraction and offset. Go's zero time gives 0. */
bool clock_from_rfc3339(const char *s, int64_t *out_ns);
/* "sec[.nanos]" as the API's since/until; "" and "0" give 0. */
bool clock_from_unix(const char *s, int64_t *out_ns);
#define DURATION_MAX 32
/* For people, of at most three digits below the second: "12ms", "2.5s", "1h2m3s". Returns out. */
const char *clock_duration(int64_t ns, char out[DURATION_MAX]);
/* Go duration "1m30s", "100ms". */
bool clock_from_duration(const char *s, int64_t *out_ns);
