/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published ports of a run as the document has them: ports that follow one another are
 * one entry, so that a range of ten thousand costs a document no more than one port. Pure.
 */
#include "place/published.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "container/doc.h"

const char *published_proto(int proto)
{
    return proto == PORT_UDP ? "udp" : proto == PORT_SCTP ? "sctp" : "tcp";
}

/* 0 in documents of before there were runs: one port. */
int published_span(const struct port_record *p)
{
    return p->n ? p->n : 1;
}

static uint32_t port_key(int proto, int port)
{
    return (uint32_t)proto << 16 | (uint32_t)port;
}

static int by_key(const void *a, const void *b)
{
    const struct published_entry *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->run < y->run ? -1 : x->run > y->run;
}

struct published_index published_index(struct arena *a, const struct jlist *published)
{
    const struct port_record *p = published->v;
    struct published_index x = {0};

    for (size_t i = 0; i < published->n; i++)
        x.n += (size_t)published_span(&p[i]);
    x.v = arena_array(a, x.n + 1, sizeof(*x.v));
    x.n = 0;
    for (size_t i = 0; i < published->n; i++)
        for (int k = 0; k < published_span(&p[i]); k++)
            x.v[x.n++] = (struct published_entry){port_key(p[i].proto, p[i].port + k), (uint32_t)i};
    if (x.n)
        qsort(x.v, x.n, sizeof(*x.v), by_key);
    return x;
}

const struct published_entry *published_find(const struct published_index *x, int proto, int port)
{
    uint32_t key = port_key(proto, port);
    size_t low = 0, high = x->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (x->v[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->n && x->v[low].key == key ? &x->v[low] : NULL;
}

const struct published_entry *published_by_spec(const struct published_index *x, const char *spec)
{
    static const int protos[] = {PORT_TCP, PORT_UDP, PORT_SCTP};
    int port = (int)strtol(spec, NULL, 10); /* "80/tcp": checked at create */
    const char *slash = strchr(spec, '/'), *name = slash ? slash + 1 : "tcp";

    for (size_t i = 0; i < ARRAY_LEN(protos); i++)
        if (!strcmp(name, published_proto(protos[i])))
            return published_find(x, protos[i], port);
    return NULL;
}

/* Whether the map is the next port of a run of ports: all but the numbers is the same, and both
 * numbers are one higher. */
static bool goes_on(const struct port_record *run, const struct port_map *m, const char *ip)
{
    return run->proto == (int)m->proto && run->is_v6 == m->is_v6 && m->port == run->port + run->n &&
           m->host_port == run->host_port + run->n && !strcmp(run->host_ip, ip);
}

struct jlist published_note(struct arena *a, const struct ports *ports)
{
    size_t n = ports_count(ports), n_runs = 0;
    struct port_record *runs = mem_array(n + 1, sizeof(*runs)), *kept;

    for (size_t i = 0; i < n; i++) {
        const struct port_map *m = ports_at(ports, i);
        char ip[INET6_ADDRSTRLEN];
        size_t back = 1; /* IPv4 and IPv6 take turns */

        inet_ntop(m->is_v6 ? AF_INET6 : AF_INET, m->host_ip, ip, sizeof(ip));
        while (back <= 2 && back <= n_runs && !goes_on(&runs[n_runs - back], m, ip))
            back++;
        if (back <= 2 && back <= n_runs) {
            runs[n_runs - back].n++;
            continue;
        }
        runs[n_runs++] = (struct port_record){.proto = (int)m->proto,
                                              .port = m->port,
                                              .host_port = m->host_port,
                                              .n = 1,
                                              .is_v6 = m->is_v6,
                                              .host_ip = arena_strdup(a, ip)};
    }
    kept = arena_array(a, n_runs + 1, sizeof(*kept));
    memcpy(kept, runs, n_runs * sizeof(*kept));
    free(runs);
    return (struct jlist){.v = kept, .n = n_runs};
}

bool port_target_is_none(const struct port_target *t)
{
    return !t->addr && addr6_is_none(&t->addr6);
}

void port_target_fill(const struct port_target *t, struct port_map *m)
{
    m->addr = t->addr;
    memcpy(m->addr6, &t->addr6, sizeof(m->addr6));
}

static int compare_maps(const void *a, const void *b)
{
    const struct port_map *x = a, *y = b;

    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    if (x->host_port != y->host_port)
        return x->host_port < y->host_port ? -1 : 1;
    return x->is_v6 - y->is_v6;
}

struct port_map *published_maps(const struct jlist *published, const struct port_target *target,
                                size_t *out_n)
{
    const struct port_record *runs = published->v;
    size_t n = 0;
    struct port_map *maps;

    for (size_t i = 0; i < published->n; i++)
        n += (size_t)published_span(&runs[i]);
    maps = mem_array(n + 1, sizeof(*maps));
    n = 0;
    for (size_t i = 0; i < published->n; i++) {
        struct port_map first = {
            .proto = (enum port_proto)runs[i].proto,
            .is_v6 = runs[i].is_v6,
            .is_routed = runs[i].host_port == 0,
        };

        port_target_fill(target, &first);

        inet_pton(first.is_v6 ? AF_INET6 : AF_INET, runs[i].host_ip, first.host_ip);
        for (int k = 0; k < published_span(&runs[i]); k++) {
            maps[n] = first;
            if (!first.is_routed)
                maps[n].host_port = (uint16_t)(runs[i].host_port + k);
            maps[n++].port = (uint16_t)(runs[i].port + k);
        }
    }
    /* what shares a number is side by side, as it was when it was published */
    qsort(maps, n, sizeof(*maps), compare_maps);
    *out_n = n;
    return maps;
}
