/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes into /etc/hosts and /etc/resolv.conf of a container is text from a request: judged
 * here, so that no value becomes two lines. Pure.
 */
#include "place/resolver.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "runtime/config.h"

#define ADDRESS_MAX 64

static bool is_address(const char *s)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, s, ignored) == 1 || inet_pton(AF_INET6, s, ignored) == 1;
}

/* One word: no space, no control character. */
static bool is_word(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return *s != '\0';
}

static struct err *check_words(const struct strs *list, const char *what)
{
    for (size_t i = 0; i < list->n; i++)
        if (!is_word(list->v[i]))
            return err_new(ERR_INVALID, "invalid %s: \"%s\"", what, list->v[i]);
    return NULL;
}

/* "name:1.2.3.4", "name:[::1]", "name=::1", "name:host-gateway" */
static struct err *check_host(const char *spec)
{
    const char *cut = strpbrk(spec, ":=");
    char address[ADDRESS_MAX];
    size_t n;

    if (!cut || cut == spec || !is_word(spec))
        return err_new(ERR_INVALID, "bad format for add-host: \"%s\"", spec);
    cut++;
    n = strlen(cut);
    if (n > 2 && cut[0] == '[' && cut[n - 1] == ']') {
        cut++;
        n -= 2;
    }
    if (n < sizeof(address)) {
        memcpy(address, cut, n);
        address[n] = '\0';
        if (strcmp(address, "host-gateway") == 0 || is_address(address))
            return NULL;
    }
    return err_new(ERR_INVALID, "invalid IP address in add-host: \"%s\"", spec);
}

struct err *resolver_check(const struct config *c, const struct host_config *h)
{
    for (size_t i = 0; i < h->dns.n; i++)
        if (!is_address(h->dns.v[i]))
            return err_new(ERR_INVALID, "invalid DNS server: \"%s\" is not an IP address",
                           h->dns.v[i]);
    for (size_t i = 0; i < h->extra_hosts.n; i++)
        TRY(check_host(h->extra_hosts.v[i]));
    TRY(check_words(&h->dns_search, "DNS search domain"));
    TRY(check_words(&h->dns_options, "DNS option"));
    if (!text_is_empty(c->domainname) && !is_word(c->domainname))
        return err_new(ERR_INVALID, "invalid domain name: \"%s\"", c->domainname);
    return NULL;
}
