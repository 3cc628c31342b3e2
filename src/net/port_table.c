/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which host ports this engine has given out, per protocol and address; 0.0.0.0 stands
 * against every address. Lives in memory only and is rebuilt from what runs, so it
 * can never be stale. The lock of struct net is held by the callers.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

#include "inner.h"

#define BUCKETS 2048
#define RESERVED_MAX 65536

struct port_table {
    struct list buckets[BUCKETS];
    uint16_t first, last, next;
    uint8_t skip[65536 / 8]; /* net.ipv4.ip_local_reserved_ports */
};

static void skip_range(struct port_table *t, const char *range)
{
    char *end;
    unsigned long from = strtoul(range, &end, 10);
    unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;

    for (; from && from <= to && to < 65536; from++)
        t->skip[from / 8] |= (uint8_t)(1 << from % 8);
}

static void read_settings(struct port_table *t)
{
    autoarena struct arena *a = arena_create();
    unsigned long first, last;
    char *text, *end;
    size_t len;
    struct err *e;

    t->first = 49153; /* Docker's fallback */
    t->last = 65535;
    e = file_read(a, AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, &len);
    if (!e) {
        first = strtoul(text, &end, 10);
        last = strtoul(end, NULL, 10);
        if (first && first <= last && last < 65536) {
            t->first = (uint16_t)first;
            t->last = (uint16_t)last;
        }
    }
    err_drop(e);
    e = file_read(a, AT_FDCWD, "/proc/sys/net/ipv4/ip_local_reserved_ports", RESERVED_MAX, &text,
                  &len);
    if (!e) {
        struct strs ranges = text_split(a, text_trim(text), ',');
        for (size_t i = 0; i < ranges.n; i++)
            skip_range(t, ranges.v[i]);
    }
    err_drop(e);
}

struct port_table *port_table_create(void)
{
    struct port_table *t = mem_new(struct port_table);

    for (int i = 0; i < BUCKETS; i++)
        list_init(&t->buckets[i]);
    read_settings(t);
    t->next = t->first;
    return t;
}

void port_table_destroy(struct port_table *t)
{
    free(t); /* reservations are their owners' */
}

static bool is_any(const uint8_t ip[16])
{
    static const uint8_t any[16];

    return !memcmp(ip, any, 16);
}

static bool clashes(const struct port_map *have, const struct port_map *m, uint16_t port)
{
    return have->host_port == port && have->proto == m->proto && have->is_v6 == m->is_v6 &&
           (is_any(have->host_ip) || is_any(m->host_ip) || !memcmp(have->host_ip, m->host_ip, 16));
}

bool port_table_is_free(const struct port_table *t, const struct port_map *m, uint16_t port)
{
    const struct list *bucket = &t->buckets[port % BUCKETS];

    list_each (r, bucket, struct reservation, link)
        if (clashes(r->map, m, port))
            return false;
    return true;
}

void port_table_take(struct port_table *t, struct reservation *r, const struct port_map *m)
{
    r->map = m;
    list_append(&t->buckets[m->host_port % BUCKETS], &r->link);
}

void port_table_give_back(struct reservation *r)
{
    list_remove(&r->link);
}

uint32_t port_table_range(const struct port_table *t)
{
    return (uint32_t)(t->last - t->first) + 1;
}

uint16_t port_table_next(struct port_table *t)
{
    for (uint32_t i = 0; i <= port_table_range(t); i++) {
        uint16_t port = t->next;

        t->next = port == t->last ? t->first : (uint16_t)(port + 1);
        if (!(t->skip[port / 8] & 1 << port % 8))
            return port;
    }
    return t->next; /* every port of the range is reserved: let the bind decide */
}
