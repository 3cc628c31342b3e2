/* SPDX-License-Identifier: Apache-2.0 */
/* -p [ip:][host[-end]:]container[-end][/proto], with IPv6 addresses in brackets. Pure. */
#include "options.h"

#include <arpa/inet.h>
#include <string.h>

struct port_range {
    uint32_t first, last;
};

static bool parse_range(struct arena *a, const char *s, struct port_range *out)
{
    const char *dash = strchr(s, '-');
    const char *first = dash ? arena_strndup(a, s, (size_t)(dash - s)) : s;
    struct port_range r;

    if (!text_to_u32(first, &r.first) || !text_to_u32(dash ? dash + 1 : first, &r.last))
        return false;
    if (r.first > 65535 || r.last > 65535 || r.last < r.first)
        return false;
    *out = r;
    return true;
}

static struct err *take_protocol(struct arena *a, char *spec, const char **out)
{
    char *slash = strrchr(spec, '/');
    char *protocol = slash ? slash + 1 : arena_strdup(a, "tcp");

    if (slash)
        *slash = '\0';
    text_lower(protocol);
    if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
        strcmp(protocol, "sctp") != 0)
        return err_new(ERR_INVALID, "invalid proto: %s", protocol);
    *out = protocol;
    return NULL;
}

static bool is_address(const char *s)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

/* Splits from the right: container port, host port, the rest is the address. */
static void split_spec(char *spec, char **ip, char **host, char **container)
{
    char *colon = strrchr(spec, ':');
    size_t len;

    *ip = *host = spec + strlen(spec);
    *container = spec;
    if (!colon)
        return;
    *colon = '\0';
    *container = colon + 1;
    *host = spec;
    colon = strrchr(spec, ':');
    if (!colon)
        return;
    *colon = '\0';
    *host = colon + 1;
    *ip = spec;
    len = strlen(spec);
    if (len > 1 && spec[0] == '[' && spec[len - 1] == ']') {
        spec[len - 1] = '\0';
        *ip = spec + 1;
    }
}

/* The room is the power of two that n has reached. */
static void add(struct arena *a, struct port_options *list, struct port_option b)
{
    if ((list->n & (list->n - 1)) == 0) {
        struct port_option *grown = arena_array(a, list->n ? list->n * 2 : 1, sizeof(b));

        if (list->n)
            memcpy(grown, list->v, list->n * sizeof(b));
        list->v = grown;
    }
    list->v[list->n++] = b;
}

/* target=80,published=8080,protocol=udp */
static struct err *from_long_form(struct arena *a, const char *spec, char **out)
{
    struct strs fields = csv_split(a, spec);
    const char *target = NULL, *published = "", *protocol = "tcp";

    for (size_t i = 0; i < fields.n; i++) {
        char *key = fields.v[i], *value = strchr(key, '=');

        if (!value)
            return err_new(ERR_INVALID, "invalid field %s", key);
        *value++ = '\0';
        if (strcmp(key, "target") == 0)
            target = value;
        else if (strcmp(key, "published") == 0)
            published = value;
        else if (strcmp(key, "protocol") == 0)
            protocol = value;
        else if (strcmp(key, "mode") != 0)
            return err_new(ERR_INVALID, "invalid field key %s", key);
    }
    if (!target)
        return err_new(ERR_INVALID, "missing mandatory field: target");
    *out = arena_printf(a, "%s%s%s/%s", published, published[0] ? ":" : "", target, protocol);
    return NULL;
}

struct err *port_parse(struct arena *a, const char *spec, struct port_options *out)
{
    char *text = arena_strdup(a, spec), *ip, *host, *container;
    struct port_range inside, outside = {0};
    const char *protocol = NULL;
    bool spread;

    if (strchr(spec, '='))
        TRY(from_long_form(a, spec, &text));
    TRY(take_protocol(a, text, &protocol));
    split_spec(text, &ip, &host, &container);
    if (!container[0])
        return err_new(ERR_INVALID, "no port specified: %s<empty>", spec);
    if (ip[0] && !is_address(ip))
        return err_new(ERR_INVALID, "invalid IP address: %s", ip);
    if (!parse_range(a, container, &inside))
        return err_new(ERR_INVALID, "invalid containerPort: %s", container);
    if (host[0] && !parse_range(a, host, &outside))
        return err_new(ERR_INVALID, "invalid hostPort: %s", host);
    spread = host[0] && outside.last - outside.first == inside.last - inside.first;
    if (host[0] && !spread && inside.last != inside.first)
        return err_new(ERR_INVALID,
                       "invalid ranges specified for container and host Ports: %s and %s",
                       container, host);
    for (uint32_t i = 0; i <= inside.last - inside.first; i++)
        add(a, out,
            (struct port_option){
                .port = arena_printf(a, "%u/%s", inside.first + i, protocol),
                .ip = arena_strdup(a, ip),
                .host_port =
                    spread ? arena_printf(a, "%u", outside.first + i) : arena_strdup(a, host),
            });
    return NULL;
}

struct err *port_expose(struct arena *a, const char *spec, struct strs *out)
{
    char *text = arena_strdup(a, spec);
    const char *protocol = NULL;
    struct port_range r;

    if (strchr(spec, ':'))
        return err_new(ERR_INVALID, "invalid port format for --expose: %s", spec);
    TRY(take_protocol(a, text, &protocol));
    if (!parse_range(a, text, &r))
        return err_new(ERR_INVALID, "invalid range format for --expose: %s", spec);
    for (uint32_t p = r.first; p <= r.last; p++)
        strs_add(a, out, arena_printf(a, "%u/%s", p, protocol));
    return NULL;
}
