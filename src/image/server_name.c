/* SPDX-License-Identifier: Apache-2.0 */
#include "server_name.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

enum { HOST_MAX = 255 };

static bool is_hub(const char *host)
{
    return !*host || !strcmp(host, "docker.io") || !strcmp(host, "index.docker.io") ||
           !strcmp(host, "registry-1.docker.io");
}

static bool is_port(const char *s)
{
    uint32_t port;

    return text_to_u32(s, &port) && port >= 1 && port <= 65535;
}

/* A name or an IPv4 address, or an IPv6 one in brackets, perhaps with a port. */
static bool is_host(const char *s)
{
    size_t n = *s == '[' ? strspn(s + 1, "0123456789abcdefABCDEF:.") + 1 : 0;

    if (*s == '[') {
        if (s[n] != ']')
            return false;
        n++;
    } else {
        while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-._", s[n])))
            n++;
    }
    return n > 0 && n <= HOST_MAX && (!s[n] || (s[n] == ':' && is_port(s + n + 1)));
}

struct err *server_name_domain(struct arena *a, const char *server, char **out)
{
    const char *s = server ? server : "";
    char *host;

    if (text_starts(s, "https://"))
        s += 8;
    else if (text_starts(s, "http://"))
        s += 7;
    host = arena_strndup(a, s, strcspn(s, "/"));
    text_lower(host);
    if (!is_hub(host) && !is_host(host)) {
        /* not told again: there may be a password in it */
        return err_new(ERR_INVALID, "unable to parse server address: it is not like "
                                    "registry.example.com:5000");
    }
    *out = is_hub(host) ? arena_strdup(a, "docker.io") : host;
    return NULL;
}
