/* SPDX-License-Identifier: Apache-2.0 */
#include "core/latency.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/metric.h"
#include "core/loop.h"

#define NAMES_MAX 256
#define RESULTS_MAX 8
#define MS(n) ((int64_t)((n)*NS_PER_MS))

static const int64_t bounds[] = {MS(1),    MS(2),    MS(5),     MS(10),    MS(20),
                                 MS(50),   MS(100),  MS(200),   MS(500),   MS(1000),
                                 MS(2000), MS(5000), MS(10000), MS(30000), MS(60000)};
enum { BUCKETS = ARRAY_LEN(bounds) + 1 };

struct latency {
    uint64_t counts[BUCKETS];
    int64_t sum_ns;
    struct {
        const char *word; /* a literal of the caller's */
        uint64_t n;
    } results[RESULTS_MAX];
};

struct latencies {
    struct map *by_name; /* struct latency */
    size_t n;
};

struct latencies *latencies_create(void)
{
    struct latencies *l = mem_new(struct latencies);

    l->by_name = map_create();
    return l;
}

void latencies_destroy(struct latencies *l)
{
    size_t cursor = 0;
    void *value;

    if (!l)
        return;
    while (map_next(l->by_name, &cursor, NULL, &value))
        free(value);
    map_destroy(l->by_name);
    free(l);
}

static struct latency *find(struct latencies *l, const char *name)
{
    struct latency *found = map_get(l->by_name, name);

    if (found || l->n == NAMES_MAX)
        return found ? found : map_get(l->by_name, "other");
    found = mem_new(struct latency);
    l->n++;
    map_put(l->by_name, l->n == NAMES_MAX ? "other" : name, found);
    return found;
}

void latencies_note(struct latencies *l, const char *name, const char *result, int64_t ns)
{
    struct latency *at = find(l, name);
    size_t bucket = 0, i = 0;

    ASSERT_LOOP();
    while (bucket < ARRAY_LEN(bounds) && ns > bounds[bucket])
        bucket++;
    at->counts[bucket]++;
    at->sum_ns += ns;
    while (i < RESULTS_MAX - 1 && at->results[i].word && at->results[i].word != result)
        i++;
    at->results[i].word = result;
    at->results[i].n++;
}

void latencies_write_family(const struct latencies *l, struct buf *out, const char *family,
                            const char *label, const char *help)
{
    size_t cursor = 0;
    const char *name;
    void *value;

    ASSERT_LOOP();
    if (l->n)
        metric_head(out, family, "histogram", help);
    while (map_next(l->by_name, &cursor, &name, &value)) {
        const struct latency *at = value;
        autobuf struct buf labels = {0};

        metric_label(&labels, label, name);
        metric_histogram(out, family, labels.data, bounds, at->counts, BUCKETS, at->sum_ns);
    }
}

/* The bound, in ms, below which `percent` of them are. */
static int64_t percentile_ms(const struct latency *at, uint64_t n, unsigned percent)
{
    uint64_t below = 0;

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        below += at->counts[i];
        if (below * 100 >= n * percent)
            return bounds[i] / NS_PER_MS;
    }
    return -1;
}

void latencies_write_json(const struct latencies *l, struct jw *w, const char *key)
{
    size_t cursor = 0;
    const char *name;
    void *value;

    ASSERT_LOOP();
    jw_arr(w, key);
    while (map_next(l->by_name, &cursor, &name, &value)) {
        const struct latency *at = value;
        uint64_t n = 0;

        for (size_t i = 0; i < BUCKETS; i++)
            n += at->counts[i];
        jw_obj(w, NULL);
        jw_str(w, "name", name);
        jw_int(w, "count", (int64_t)n);
        jw_int(w, "p50_ms", percentile_ms(at, n, 50));
        jw_int(w, "p95_ms", percentile_ms(at, n, 95));
        jw_int(w, "p99_ms", percentile_ms(at, n, 99));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void latencies_write(const struct latencies *l, struct buf *out)
{
    size_t cursor = 0;
    const char *name;
    void *value;

    ASSERT_LOOP();
    if (!l->n)
        return;
    latencies_write_family(l, out, "berth_command_duration_seconds", "command",
                           "How long commands take, from the request to the end of the answer.");
    metric_head(out, "berth_commands_total", "counter", "Commands by what became of them.");
    while (map_next(l->by_name, &cursor, &name, &value)) {
        const struct latency *at = value;

        for (size_t i = 0; i < RESULTS_MAX && at->results[i].word; i++) {
            autobuf struct buf labels = {0};

            metric_label(&labels, "command", name);
            metric_label(&labels, "result", at->results[i].word);
            metric_int(out, "berth_commands_total", labels.data, (int64_t)at->results[i].n);
        }
    }
}
