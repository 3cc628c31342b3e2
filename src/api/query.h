/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Query strings of request targets. Names may repeat: query_get gives the first (as Go's
 * FormValue does), query_all every one. Pure.
 */
#pragma once

#include "base/text.h"

#define QUERY_PARAMS_MAX 1024

struct query {
    struct pair *v; /* in order, repeated names kept */
    size_t n;
};

/* text: what follows '?'; may be "". ERR_INVALID on bad escapes and too many parameters. */
struct err *query_parse(struct arena *a, const char *text, struct query *out) must_check;
const char *query_get(const struct query *q, const char *name); /* "" when absent */
struct strs query_all(struct arena *a, const struct query *q, const char *name);
/* Docker's rule: "", 0, no, false, none are false, everything else is true. */
bool query_is_true(const struct query *q, const char *name);
/* Absent or empty: if_absent. ERR_INVALID for anything but a decimal number. */
struct err *query_i64(const struct query *q, const char *name, int64_t if_absent, int64_t *out)
    must_check;
/* "sec[.nanos]"; absent, "" and "0" give 0. */
struct err *query_time(const struct query *q, const char *name, int64_t *out_ns) must_check;
