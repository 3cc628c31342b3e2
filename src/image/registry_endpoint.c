/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a registry's name to its addresses. Pure, any thread. A CIDR of
 * --insecure-registry is compared with literal addresses only: a name would have
 * to be looked up, and what it points to is for someone else to decide.
 */
#include "registry_endpoint.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HUB "docker.io"
#define HUB_URL "https://registry-1.docker.io"

struct address {
    int family;
    unsigned char bytes[16];
};

static bool address_parse(const char *s, struct address *out)
{
    *out = (struct address){.family = strchr(s, ':') ? AF_INET6 : AF_INET};
    return inet_pton(out->family, s, out->bytes) == 1;
}

/* "host:5000" → "host", "[::1]:5000" → "::1". */
static bool host_of(const char *domain, char out[256])
{
    size_t n;

    if (*domain == '[') {
        domain++;
        n = strcspn(domain, "]");
    } else {
        n = strcspn(domain, ":");
    }
    if (n >= 256)
        return false;
    memcpy(out, domain, n);
    out[n] = '\0';
    return true;
}

bool domain_is_loopback(const char *domain)
{
    static const unsigned char one[16] = {[15] = 1};
    char host[256];
    struct address ip;

    if (!host_of(domain, host))
        return false;
    if (!strcasecmp(host, "localhost"))
        return true;
    if (!address_parse(host, &ip))
        return false;
    return ip.family == AF_INET ? ip.bytes[0] == 127 : !memcmp(ip.bytes, one, sizeof(one));
}

static bool cidr_has(const char *cidr, const char *host)
{
    const char *slash = strchr(cidr, '/');
    struct address net, ip;
    char text[INET6_ADDRSTRLEN] = "";
    int64_t bits;

    if (!slash || (size_t)(slash - cidr) >= sizeof(text) || !text_to_i64(slash + 1, &bits))
        return false;
    memcpy(text, cidr, (size_t)(slash - cidr));
    if (!address_parse(text, &net) || !address_parse(host, &ip) || net.family != ip.family)
        return false;
    if (bits < 0 || bits > (net.family == AF_INET ? 32 : 128))
        return false;
    for (int64_t i = 0; i < bits; i++)
        if ((net.bytes[i / 8] ^ ip.bytes[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return true;
}

/* What people write may carry a scheme and a slash. */
static bool entry_names(const char *entry, const char *domain, const char *host)
{
    size_t n;

    if (text_starts(entry, "http://"))
        entry += 7;
    else if (text_starts(entry, "https://"))
        entry += 8;
    n = strcspn(entry, "/");
    if (entry[n] && entry[n + 1])
        return false; /* a bad CIDR, or a path */
    return (strlen(domain) == n && !strncasecmp(entry, domain, n)) ||
           (strlen(host) == n && !strncasecmp(entry, host, n));
}

bool domain_is_insecure(const char *domain, const struct strs *insecure)
{
    char host[256];

    if (!host_of(domain, host))
        return false;
    for (size_t i = 0; i < insecure->n; i++)
        if (cidr_has(insecure->v[i], host) || entry_names(insecure->v[i], domain, host))
            return true;
    return false;
}

/* DIR/HOST[:PORT] of each of --certs-dir. */
static struct strs certs_of(struct arena *a, const char *base, const struct settings *s)
{
    const char *host = strstr(base, "://") + 3;
    struct strs out = {0};

    host = arena_strndup(a, host, strcspn(host, "/"));
    if (text_starts(base, "https://") && strcmp(host, ".") != 0 && strcmp(host, "..") != 0)
        for (size_t i = 0; i < s->certs_dirs.n; i++)
            strs_add(a, &out, arena_printf(a, "%s/%s", s->certs_dirs.v[i], host));
    return out;
}

static void add(struct arena *a, struct registry_endpoints *e, const struct settings *s,
                const char *url, struct registry_endpoint like)
{
    size_t n;

    like.base = arena_strdup(a, url);
    n = strlen(like.base);
    while (n && like.base[n - 1] == '/')
        like.base[--n] = '\0';
    like.certs = certs_of(a, like.base, s);
    e->v[e->n++] = like;
}

static void add_mirrors(struct arena *a, struct registry_endpoints *e, const char *domain,
                        const struct settings *s)
{
    for (size_t i = 0; i < s->registry_mirrors.n; i++) {
        const char *url, *rest;
        char *of;

        if (!settings_mirror(a, s->registry_mirrors.v[i], &of, &url) || strcasecmp(of, domain) != 0)
            continue;
        rest = strstr(url, "://");
        rest = rest ? rest + 3 : url;
        add(a, e, s, rest == url ? arena_printf(a, "https://%s", url) : url,
            (struct registry_endpoint){.is_mirror = true,
                                       .is_loopback = domain_is_loopback(rest),
                                       .is_insecure =
                                           domain_is_insecure(rest, &s->insecure_registries)});
    }
}

struct registry_endpoints registry_endpoints_of(struct arena *a, const char *domain,
                                                const struct settings *s)
{
    struct registry_endpoints e = {
        .v = arena_array(a, s->registry_mirrors.n + 2, sizeof(struct registry_endpoint))};
    bool is_insecure = domain_is_insecure(domain, &s->insecure_registries);
    char *plain = arena_printf(a, "http://%s", domain),
         *tls = arena_printf(a, "https://%s", domain);

    add_mirrors(a, &e, domain, s);
    if (!strcmp(domain, HUB)) {
        add(a, &e, s, HUB_URL, (struct registry_endpoint){0});
    } else if (domain_is_loopback(domain)) {
        struct registry_endpoint local = {.is_loopback = true, .is_insecure = true};

        add(a, &e, s, plain, local);
        add(a, &e, s, tls, local);
    } else {
        add(a, &e, s, tls, (struct registry_endpoint){.is_insecure = is_insecure});
        if (is_insecure)
            add(a, &e, s, plain, (struct registry_endpoint){.is_insecure = true});
    }
    return e;
}
