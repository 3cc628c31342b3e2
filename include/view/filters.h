/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `filters` parameter of every list, prune and events: {"k":["v"]} or {"k":{"v":true}}, else
 * ERR_INVALID. Values of one key are alternatives (labels: all must match), keys add up.
 * What containers are matched by is in view/container_filter.c. Pure.
 */
#pragma once

#include "base/text.h"

#define FILTER_VALUES_MAX 256 /* in all keys together: each is compared with each object */

struct filter {
    char *key;
    struct strs values;
};
struct filters {
    struct filter *v;
    size_t n;
};

/* json: "" for none. known: names that end with NULL. ERR_INVALID "invalid filter 'x'". */
struct err *filters_parse(struct arena *a, const char *json, const char *const *known,
                          struct filters *out) must_check;
const struct strs *filters_get(const struct filters *f, const char *key); /* NULL when absent */
/* Absent or without values: true. */
bool filters_has(const struct filters *f, const char *key, const char *value);
bool filters_has_prefix_of(const struct filters *f, const char *key, const char *value);
/* "label" and "label!": k or k=v. */
bool filters_match_labels(const struct filters *f, const struct pairs *labels);
/* A filter that is a boolean: *out is left alone when absent. ERR_INVALID otherwise. */
struct err *filters_bool(const struct filters *f, const char *key, bool *out) must_check;
/* "until": a duration before now, unix seconds, or RFC3339. 0 when absent. */
struct err *filters_until(const struct filters *f, int64_t *out_ns) must_check;
