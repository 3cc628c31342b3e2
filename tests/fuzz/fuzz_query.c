/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Any bytes as query string, filters, event filters, path with version. */
#include "event_filter.h"
#include "query.h"
#include "router.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route table[] = {
    {"GET", "/images/{*}/json", NULL, 0},
    {"GET", "/containers/{}/checkpoints/{}", NULL, 0},
    {"GET", "/{*}", NULL, 0},
    {0},
};

static void parse_query(struct arena *a, const char *s)
{
    struct query q;
    int64_t n;
    struct err *e = query_parse(a, s, &q);

    if (!e) {
        ASSERT(q.n <= QUERY_PARAMS_MAX);
        for (size_t i = 0; i < q.n; i++) {
            ASSERT(!strcmp(query_get(&q, q.v[0].key), q.v[0].value));
            ASSERT(query_all(a, &q, q.v[i].key).n > 0);
            err_drop(query_i64(&q, q.v[i].key, 0, &n));
            err_drop(query_time(&q, q.v[i].key, &n));
        }
    }
    err_drop(e);
}

static void parse_filters(struct arena *a, const char *s)
{
    struct event event = {.type = "container", .action = "start", .id = "abc"};
    struct filters f;
    int64_t ns;
    bool b;
    struct err *e = event_filters_parse(a, s, &f);

    if (!e) {
        (void)event_matches(&event, &f);
        err_drop(filters_bool(&f, "label", &b));
        err_drop(filters_until(&f, &ns));
    }
    err_drop(e);
}

static void parse_path(struct arena *a, const char *path)
{
    struct route_match m;
    int version;

    err_drop(router_version(&path, 124, 151, &version));
    (void)router_match(a, table, "GET", path, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create();
    const char *s = arena_strndup(a, (const char *)data, size);

    if (size < 65536) {
        parse_query(a, s);
        parse_filters(a, s);
        parse_path(a, s);
    }
    arena_destroy(a);
    return 0;
}
