/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hosts and /etc/resolv.conf of a container, in Docker's words. resolv.conf starts
 * from the host's file; what the container or the engine was told replaces it kind
 * by kind (nameserver, search, options). Pure.
 */
#include "net/hosts.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/map.h"
#include "net/dns.h"
#include "net/ipam.h"

static const char localhost_lines[] = "127.0.0.1\tlocalhost\n"
                                      "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                      "fe00::\tip6-localnet\n"
                                      "ff00::\tip6-mcastprefix\n"
                                      "ff02::1\tip6-allnodes\n"
                                      "ff02::2\tip6-allrouters\n";
#define SEARCH_MAX 64

static void add_entries(struct buf *b, const struct hosts_entry *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s\t%s\n", v[i].addr, v[i].names);
}

char *hosts_text(struct arena *a, const struct hosts_entry *own, size_t n_own,
                 const struct hosts_entry *extra, size_t n_extra)
{
    autobuf struct buf b = {0};

    buf_puts(&b, localhost_lines);
    add_entries(&b, own, n_own);
    add_entries(&b, extra, n_extra);
    return arena_strndup(a, b.data, b.len);
}

/* names → its entry. */
static struct map *index_entries(const struct hosts_entry *v, size_t n)
{
    struct map *m = map_create();

    for (size_t i = 0; i < n; i++)
        map_put(m, v[i].names, (void *)(uintptr_t)&v[i]);
    return m;
}

/* The entry that is this line's, by its names. A look-up, since both may be many. */
static const struct hosts_entry *entry_of(const struct map *by_names, const char *line, size_t len,
                                          struct buf *names)
{
    const char *tab = memchr(line, '\t', len);

    if (!tab || memchr(line, '\0', len))
        return NULL;
    names->len = 0;
    buf_add(names, tab + 1, len - (size_t)(tab + 1 - line));
    return map_get(by_names, names->len ? names->data : "");
}

char *hosts_update(struct arena *a, const char *text, size_t len, const struct hosts_entry *v,
                   size_t n, size_t *out_len)
{
    autobuf struct buf b = {0}, names = {0};
    bool *is_there = arena_array(a, n + 1, sizeof(*is_there));
    struct map *by_names = index_entries(v, n);

    for (const char *line = text, *end = text + len; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_len = (size_t)((newline ? newline : end) - line);
        const struct hosts_entry *e = entry_of(by_names, line, line_len, &names);

        if (e) {
            is_there[e - v] = true;
            add_entries(&b, e, 1);
        } else {
            buf_add(&b, line, line_len);
            buf_add(&b, "\n", 1);
        }
        line += line_len + 1;
    }
    map_destroy(by_names);
    for (size_t i = 0; i < n; i++)
        if (!is_there[i])
            add_entries(&b, &v[i], 1);
    *out_len = b.len;
    buf_puts(&b, ""); /* with its end, also when it is empty */
    return arena_memdup(a, b.data, b.len + 1);
}

struct err *hosts_parse_extra(struct arena *a, const char *s, const char *gateway,
                              struct hosts_entry *out)
{
    size_t at = strcspn(s, ":=");
    struct hosts_entry e;
    struct in6_addr v6;
    uint32_t v4;
    char *addr;

    if (!at || !s[at] || !s[at + 1])
        return err_new(ERR_INVALID, "bad format for add-host: \"%s\"", s);
    addr = arena_strdup(a, s + at + 1);
    if (addr[0] == '[' && text_ends(addr, "]")) {
        addr[strlen(addr) - 1] = '\0';
        addr++;
    }
    if (!strcmp(addr, "host-gateway")) {
        if (text_is_empty(gateway))
            return err_new(ERR_INVALID, "unable to derive the IP value for host-gateway");
        addr = arena_strdup(a, gateway);
    }
    if (!addr4_parse(addr, &v4) && inet_pton(AF_INET6, addr, &v6) != 1)
        return err_new(ERR_INVALID, "invalid IP address in add-host: \"%s\"", addr);
    e = (struct hosts_entry){.addr = addr, .names = arena_strndup(a, s, at)};
    if (strpbrk(e.names, " \t\n#"))
        return err_new(ERR_INVALID, "bad format for add-host: \"%s\"", s);
    *out = e;
    return NULL;
}

/* ---- resolv.conf ---- */

struct resolv {
    struct strs servers, search, options;
    bool stripped;
};

static bool is_loopback(const char *server)
{
    return text_starts(server, "127.") || !strcmp(server, "::1") || text_starts(server, "::1%");
}

static struct strs words_of(struct arena *a, const char *line)
{
    static const char blank[] = " \t\r";
    struct strs out = {0};

    for (line += strspn(line, blank); *line; line += strspn(line, blank)) {
        size_t n = strcspn(line, blank);

        strs_add(a, &out, arena_strndup(a, line, n));
        line += n;
    }
    return out;
}

static void read_line(struct arena *a, char *line, struct resolv *r)
{
    struct strs w;

    line[strcspn(line, "#;")] = '\0';
    w = words_of(a, line);
    if (w.n < 2)
        return;
    if (!strcmp(w.v[0], "nameserver")) {
        strs_add(a, &r->servers, w.v[1]);
    } else if (!strcmp(w.v[0], "search") || !strcmp(w.v[0], "domain")) {
        r->search = (struct strs){0}; /* the last one counts: resolv.conf(5) */
        for (size_t i = 1; i < w.n && i <= SEARCH_MAX; i++)
            strs_add(a, &r->search, w.v[i]);
    } else if (!strcmp(w.v[0], "options")) {
        for (size_t i = 1; i < w.n; i++)
            strs_add(a, &r->options, w.v[i]);
    }
}

static struct strs reachable(struct arena *a, const struct strs *servers, bool has_ipv6)
{
    struct strs out = {0};

    for (size_t i = 0; i < servers->n; i++)
        if (!is_loopback(servers->v[i]) && (has_ipv6 || !strchr(servers->v[i], ':')))
            strs_add(a, &out, servers->v[i]);
    return out;
}

static void add_line(struct arena *a, struct buf *b, const char *word, const struct strs *v)
{
    if (v->n)
        buf_printf(b, "%s %s\n", word, strs_join(a, v, " "));
}

/* Every name is tried as it is first: neighbours have no dots. */
static struct strs with_ndots(struct arena *a, const struct strs *options)
{
    struct strs out = strs_copy(a, options);

    for (size_t i = 0; i < options->n; i++)
        if (text_starts(options->v[i], "ndots:"))
            return out;
    strs_add(a, &out, "ndots:0");
    return out;
}

char *resolv_text(struct arena *a, const char *host_text, const struct resolv_options *o)
{
    autobuf struct buf b = {0};
    struct resolv r = {0};
    struct strs lines = text_split(a, host_text ? host_text : "", '\n');
    bool has_dns = o->dns && o->dns->n;
    bool is_fallback = false;

    for (size_t i = 0; i < lines.n; i++)
        read_line(a, lines.v[i], &r);
    if (o->has_resolver) {
        r.servers = (struct strs){0};
        strs_add(a, &r.servers, DNS_ADDRESS);
    } else if (has_dns)
        r.servers = *o->dns;
    else if (o->strip_loopback)
        r.servers = reachable(a, &r.servers, o->has_ipv6);
    if (!r.servers.n && o->strip_loopback) {
        is_fallback = true;
        strs_add(a, &r.servers, "8.8.8.8");
        strs_add(a, &r.servers, "8.8.4.4");
        if (o->has_ipv6) {
            strs_add(a, &r.servers, "2001:4860:4860::8888");
            strs_add(a, &r.servers, "2001:4860:4860::8844");
        }
    }
    if (o->search && o->search->n)
        r.search = *o->search;
    if (r.search.n == 1 && !strcmp(r.search.v[0], ".")) /* "--dns-search .": none */
        r.search = (struct strs){0};
    if (o->options && o->options->n)
        r.options = *o->options;
    if (o->has_resolver)
        r.options = with_ndots(a, &r.options);

    buf_puts(&b, "# Generated by berth.\n# This file can be edited; berth will not make further "
                 "changes once it has been modified.\n\n");
    for (size_t i = 0; i < r.servers.n; i++)
        buf_printf(&b, "nameserver %s\n", r.servers.v[i]);
    add_line(a, &b, "search", &r.search);
    add_line(a, &b, "options", &r.options);
    buf_printf(&b, "\n# Based on host file: '/etc/resolv.conf' (%s)\n",
               o->has_resolver ? "internal resolver"
               : has_dns       ? "nameservers were given"
               : is_fallback   ? "legacy: no usable nameserver, defaults added"
                               : "internal resolver not used");
    return arena_strndup(a, b.data, b.len);
}
