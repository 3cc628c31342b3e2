/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): a
 * family's head once, then all of its samples. Pure.
 */
#pragma once

#include "base/text.h"

#include <stdint.h>

#define METRIC_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* type: "counter", "gauge", "histogram". help: one line. */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
/* labels: what metric_label has written, "" none. */
void metric_int(struct buf *out, const char *name, const char *labels, int64_t value);
void metric_seconds(struct buf *out, const char *name, const char *labels, int64_t ns);
/* key="value", escaped, behind a comma when there is something before it. */
void metric_label(struct buf *out, const char *key, const char *value);
/* n buckets, each of what is above the bound (ns) of the one before and at or below its own; the
 * last one has no bound. */
void metric_histogram(struct buf *out, const char *name, const char *labels, const int64_t *bounds,
                      const uint64_t *counts, size_t n, int64_t sum_ns);
