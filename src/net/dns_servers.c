/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to ask: the nameserver lines of the host's resolv.conf, read again in the background while
 * questions come, or a container's own list. And the life of what all containers share. Loop
 * thread.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include "dns_inner.h"

#define CACHE_ENTRIES 4096
#define CACHE_BYTES (2u << 20)
#define REREAD_NS (5 * NS_PER_S)
#define RESOLV_MAX 65536

bool dns_servers_add(struct dns_servers *s, const char *addr)
{
    struct sockaddr_in6 *v6 = (void *)&s->v[s->n];
    struct sockaddr_in *v4 = (void *)&s->v[s->n];
    const char *scope = strchr(addr, '%');
    char text[INET6_ADDRSTRLEN];

    if (s->n == DNS_SERVERS_MAX)
        return false;
    memset(&s->v[s->n], 0, sizeof(s->v[s->n]));
    snprintf(text, sizeof(text), "%.*s", scope ? (int)(scope - addr) : INET6_ADDRSTRLEN, addr);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(53);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(53);
        v6->sin6_scope_id = scope ? if_nametoindex(scope + 1) : 0;
    } else {
        return false;
    }
    s->n++;
    return true;
}

void dns_servers_parse(const char *text, struct dns_servers *out)
{
    autoarena struct arena *a = arena_create();
    struct strs lines = text_split(a, text, '\n');

    out->n = 0;
    for (size_t i = 0; i < lines.n; i++) {
        char *line = text_trim(lines.v[i]);

        if (!text_starts(line, "nameserver") || (line[10] != ' ' && line[10] != '\t'))
            continue;
        line = text_trim(line + 10);
        line[strcspn(line, " \t#;")] = '\0';
        dns_servers_add(out, line);
    }
}

struct reread {
    struct job job;
    struct dns *dns;
    struct dns_servers found;
    bool is_read;
};

static bool read_servers(struct dns_servers *out)
{
    autoarena struct arena *a = arena_create();
    char *text = NULL;
    size_t n;
    struct err *err = file_read(a, AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, &n);

    if (err) {
        err_drop(err);
        return false;
    }
    dns_servers_parse(text, out);
    return true;
}

static void reread(struct job *job)
{
    struct reread *r = container_of(job, struct reread, job);
    struct net *n = r->dns->net;

    r->is_read = read_servers(&r->found);
    net_job_ended(n);
}

static void on_reread(struct job *job)
{
    struct reread *r = container_of(job, struct reread, job);
    struct net *n = r->dns->net;

    r->dns->is_reading = false;
    r->dns->read_ns = clock_boot_ns();
    if (r->is_read)
        r->dns->servers = r->found;
    free(r);
    net_unref(n);
}

void dns_servers_refresh(struct dns *d)
{
    struct reread *r;

    if (d->is_reading || clock_boot_ns() - d->read_ns < REREAD_NS)
        return;
    r = mem_new(struct reread);
    r->dns = d;
    r->job.run = reread;
    r->job.done = on_reread;
    d->is_reading = true;
    net_ref(d->net);
    net_job_began(d->net);
    pool_submit(d->net->pools, POOL_DISK, &r->job);
}

struct dns *dns_create(struct net *n)
{
    struct dns *d = mem_new(struct dns);

    d->net = n;
    d->cache = dns_cache_create(CACHE_ENTRIES, CACHE_BYTES);
    d->asked = map_create();
    d->scratch = mem_alloc(DNS_MESSAGE_MAX + 2);
    d->read_ns = clock_boot_ns();
    if (!read_servers(&d->servers))
        log_debug("the host has no resolv.conf");
    return d;
}

void dns_destroy(struct dns *d)
{
    if (!d)
        return;
    map_destroy(d->asked);
    dns_cache_destroy(d->cache);
    free(d->scratch);
    free(d);
}
