/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of ${x#p}, ${x%p} and ${x/p/r}: '*' and '?' are wild, neither takes a line's end. */
#pragma once

#include "base/text.h"

#define PATTERN_MAX 4096             /* bytes of one */
#define PATTERN_STEPS_MAX (1u << 24) /* of one substitution */

struct pattern;
/* ERR_INVALID "invalid escape '\a'"; ERR_TOO_LARGE. */
struct err *pattern_compile(struct arena *a, const char *text, struct pattern **out) must_check;
/* The value without the shortest or longest beginning (end) that matches. ERR_TOO_LARGE, as below:
 * it takes too many steps. */
struct err *pattern_trim(struct arena *a, const struct pattern *p, const char *value, bool at_end,
                         bool is_longest, char **out) must_check;
struct err *pattern_replace(struct arena *a, const struct pattern *p, const char *value,
                            const char *replacement, bool is_all, char **out) must_check;
