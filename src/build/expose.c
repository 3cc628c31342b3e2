/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXPOSE: "[[ip:]port[-port]:]port[-port][/proto]" as Docker reads it; what stands for the host is
 * judged and left out. Pure, any thread.
 */
#include "reader.h"

#include <arpa/inet.h>
#include <string.h>

static bool take_port(const char *s, size_t n, unsigned *out)
{
    *out = 0;
    if (!n || n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(s[i] - '0');
    }
    return *out <= 65535;
}

static bool take_range(const char *s, unsigned *first, unsigned *last)
{
    const char *dash = strchr(s, '-');

    if (!dash) {
        bool is_port = take_port(s, strlen(s), first);

        *last = *first;
        return is_port;
    }
    return take_port(s, (size_t)(dash - s), first) && take_port(dash + 1, strlen(dash + 1), last) &&
           *first <= *last;
}

static bool is_ip(const char *s)
{
    struct in6_addr a;
    size_t n = strlen(s);
    char bare[INET6_ADDRSTRLEN + 1];

    if (*s == '[' && n > 2 && s[n - 1] == ']') {
        s++;
        n -= 2;
    }
    if (n > INET6_ADDRSTRLEN)
        return false;
    memcpy(bare, s, n);
    bare[n] = '\0';
    return inet_pton(AF_INET, bare, &a) == 1 || inet_pton(AF_INET6, bare, &a) == 1;
}

static struct err *check_host(char *host, unsigned n_ports, const char *container)
{
    char *colon = strrchr(host, ':'), *port = colon ? colon + 1 : host;
    unsigned first, last;

    if (colon) {
        *colon = '\0';
        if (*host && !is_ip(host))
            return err_new(ERR_INVALID, "invalid IP address: %s", host);
    }
    if (!*port)
        return NULL;
    if (!take_range(port, &first, &last))
        return err_new(ERR_INVALID, "invalid hostPort: %s", port);
    if (n_ports > 1 && last - first + 1 != n_ports)
        return err_new(ERR_INVALID,
                       "invalid ranges specified for container and host Ports: %s and "
                       "%s",
                       container, port);
    return NULL;
}

struct err *expose_parse(struct arena *a, const char *spec, struct strs *out)
{
    char *copy = arena_strdup(a, spec), *colon = strrchr(copy, ':');
    char *container = colon ? colon + 1 : copy, *proto = strchr(container, '/');
    unsigned first, last;

    if (proto)
        *proto++ = '\0';
    if (!*container)
        return err_new(ERR_INVALID, "no port specified: %s<empty>", spec);
    if (text_is_empty(proto))
        proto = arena_strdup(a, "tcp");
    text_lower(proto);
    if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
        return err_new(ERR_INVALID, "invalid proto: %s", proto);
    if (!take_range(container, &first, &last))
        return err_new(ERR_INVALID, "invalid containerPort: %s", container);
    if (colon) {
        *colon = '\0';
        TRY(check_host(copy, last - first + 1, container));
    }
    if (out->n + (last - first) >= DOCKERFILE_PORTS_MAX)
        return err_new(ERR_TOO_LARGE, "EXPOSE has more than %d ports", DOCKERFILE_PORTS_MAX);
    for (unsigned port = first; port <= last; port++)
        strs_add(a, out, arena_printf(a, "%u/%s", port, proto));
    return NULL;
}
