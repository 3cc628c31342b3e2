/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What upstream servers said, bounded in number and bytes; the least recently used goes
 * first. The key says everything an answer depends on: question, flags, servers. Loop thread.
 */
#include <string.h>

#include "base/clock.h"

#include "dns_inner.h"

struct dns_cache_entry {
    struct list link; /* least recently used first */
    char *key;
    int64_t stored_ns;
    uint32_t ttl_s;
    size_t n;
    uint8_t message[];
};
struct dns_cache {
    struct map *by_key;
    struct list all;
    size_t max_entries, max_bytes, bytes;
};

struct dns_cache *dns_cache_create(size_t max_entries, size_t max_bytes)
{
    struct dns_cache *c = mem_new(struct dns_cache);

    c->by_key = map_create();
    list_init(&c->all);
    c->max_entries = max_entries;
    c->max_bytes = max_bytes;
    return c;
}

static void drop(struct dns_cache *c, struct dns_cache_entry *e)
{
    map_take(c->by_key, e->key);
    list_remove(&e->link);
    c->bytes -= e->n;
    free(e->key);
    free(e);
}

void dns_cache_destroy(struct dns_cache *c)
{
    if (!c)
        return;
    list_each (e, &c->all, struct dns_cache_entry, link)
        drop(c, e);
    map_destroy(c->by_key);
    free(c);
}

size_t dns_cache_get(struct dns_cache *c, const char *key, int64_t now_ns, uint8_t *out)
{
    struct dns_cache_entry *e = map_get(c->by_key, key);
    int64_t age_s = e ? (now_ns - e->stored_ns) / NS_PER_S : 0;

    if (!e)
        return 0;
    if (age_s >= e->ttl_s) {
        drop(c, e);
        return 0;
    }
    list_remove(&e->link);
    list_append(&c->all, &e->link);
    memcpy(out, e->message, e->n);
    if (!dns_age(out, e->n, (uint32_t)age_s)) {
        drop(c, e);
        return 0;
    }
    return e->n;
}

void dns_cache_put(struct dns_cache *c, const char *key, int64_t now_ns, uint32_t ttl_s,
                   const uint8_t *p, size_t n)
{
    struct dns_cache_entry *e = map_get(c->by_key, key);

    if (e)
        drop(c, e);
    if (n > c->max_bytes)
        return;
    while (!list_is_empty(&c->all) &&
           (map_count(c->by_key) >= c->max_entries || c->bytes + n > c->max_bytes))
        drop(c, list_first(&c->all, struct dns_cache_entry, link));
    e = mem_alloc(sizeof(*e) + n);
    e->key = mem_strdup(key);
    e->stored_ns = now_ns;
    e->ttl_s = ttl_s;
    e->n = n;
    memcpy(e->message, p, n);
    map_put(c->by_key, key, e);
    list_append(&c->all, &e->link);
    c->bytes += n;
}

size_t dns_cache_count(const struct dns_cache *c)
{
    return map_count(c->by_key);
}
