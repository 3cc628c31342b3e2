/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include "base/clock.h"

void metric_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void begin_sample(struct buf *out, const char *name, const char *labels)
{
    buf_puts(out, name);
    if (*labels)
        buf_printf(out, "{%s}", labels);
}

void metric_int(struct buf *out, const char *name, const char *labels, int64_t value)
{
    begin_sample(out, name, labels);
    buf_printf(out, " %lld\n", (long long)value);
}

static void put_seconds(struct buf *out, int64_t ns)
{
    buf_printf(out, "%s%lld.%09lld", ns < 0 ? "-" : "", (long long)llabs(ns / NS_PER_S),
               (long long)llabs(ns % NS_PER_S));
}

void metric_seconds(struct buf *out, const char *name, const char *labels, int64_t ns)
{
    begin_sample(out, name, labels);
    buf_putc(out, ' ');
    put_seconds(out, ns);
    buf_putc(out, '\n');
}

void metric_label(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "%s%s=\"", out->len ? "," : "", key);
    for (; *value; value++) {
        if (*value == '\n') {
            buf_puts(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *value);
    }
    buf_putc(out, '"');
}

void metric_histogram(struct buf *out, const char *name, const char *labels, const int64_t *bounds,
                      const uint64_t *counts, size_t n, int64_t sum_ns)
{
    const char *comma = *labels ? "," : "";
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += counts[i];
        buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        if (i + 1 < n)
            put_seconds(out, bounds[i]);
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %llu\n", (unsigned long long)total);
    }
    buf_printf(out, "%s_sum", name);
    metric_seconds(out, "", labels, sum_ns);
    buf_printf(out, "%s_count", name);
    metric_int(out, "", labels, (int64_t)total);
}
