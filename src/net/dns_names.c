/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is called what, as one container sees it: names count in the user-defined networks
 * it shares with the others, in the order of its endpoints. Always from the live lists, so
 * there is nothing to keep in step. Loop thread.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns_inner.h"
#include "network_inner.h"

#define ID_SHORT_TEXT 12

static bool has_names(const struct endpoint *e)
{
    return e->network && network_has_addresses(e->network) && !e->network->is_predefined;
}

static bool is_text(const char *name, size_t n, const char *text)
{
    return text && strncasecmp(name, text, n) == 0 && text[n] == '\0';
}

static bool is_called(const struct endpoint *e, const char *name, size_t n)
{
    if (is_text(name, n, e->container_name) || is_text(name, n, e->hostname) ||
        (n == ID_SHORT_TEXT && !strncasecmp(name, e->container_id, n)) ||
        is_text(name, n, e->container_id))
        return true;
    for (size_t i = 0; i < e->aliases.n; i++)
        if (is_text(name, n, e->aliases.v[i]))
            return true;
    return false;
}

/* "--link other:name": what only this container calls another one. */
static bool is_linked_as(const struct endpoint *own, const struct endpoint *other, const char *name)
{
    for (size_t i = 0; i < own->links.n; i++) {
        const char *link = own->links.v[i], *colon = strchr(link, ':');
        size_t n = colon ? (size_t)(colon - link) : strlen(link);

        if (!strcasecmp(colon ? colon + 1 : link, name) && is_called(other, link, n))
            return true;
    }
    return false;
}

/* "name" or "name.network". */
static size_t plain_length(const struct network *n, const char *name)
{
    size_t len = strlen(name), net = strlen(n->record.request.name);

    if (len > net + 1 && name[len - net - 1] == '.' &&
        !strcasecmp(name + len - net, n->record.request.name))
        return len - net - 1;
    return len;
}

static void add_addresses(const struct endpoint *e, struct dns_found *out)
{
    if (e->spec.addr && out->n4 < DNS_ADDRS_MAX)
        out->v4[out->n4++] = e->spec.addr;
    if (e->spec.bits6 && out->n6 < DNS_ADDRS_MAX)
        out->v6[out->n6++] = e->spec.addr6;
}

static bool find_in(const struct endpoint *own, const char *name, struct dns_found *out)
{
    size_t len = strlen(name), plain = plain_length(own->network, name);
    bool is_found = false;

    list_each (e, &own->network->endpoints, struct endpoint, link) {
        bool is_it = is_called(e, name, len) || (plain != len && is_called(e, name, plain)) ||
                     is_linked_as(own, e, name);

        if (is_it)
            add_addresses(e, out);
        is_found |= is_it;
    }
    return is_found;
}

bool dns_find_name(struct endpoint *const *own, size_t n_own, const char *name,
                   struct dns_found *out)
{
    bool is_found = false;

    out->n4 = out->n6 = 0;
    for (size_t i = 0; i < n_own && !is_found && *name; i++)
        if (has_names(own[i]))
            is_found = find_in(own[i], name, out);
    return is_found;
}

static void name_endpoint(const struct endpoint *e, char *out, size_t room)
{
    snprintf(out, room, "%s.%s", e->container_name, e->network->record.request.name);
}

bool dns_find_address(struct endpoint *const *own, size_t n_own, uint32_t addr, char *out,
                      size_t room)
{
    for (size_t i = 0; i < n_own; i++) {
        if (!has_names(own[i]) || !own[i]->network->ipam ||
            !subnet4_has(own[i]->network->subnet, addr))
            continue;
        list_each (e, &own[i]->network->endpoints, struct endpoint, link) {
            if (e->spec.addr != addr)
                continue;
            name_endpoint(e, out, room);
            return true;
        }
    }
    return false;
}

bool dns_find_address6(struct endpoint *const *own, size_t n_own, const struct in6_addr *addr,
                       char *out, size_t room)
{
    for (size_t i = 0; i < n_own; i++) {
        if (!has_names(own[i]) || !own[i]->network->ipam6 ||
            !subnet6_has(own[i]->network->subnet6, addr))
            continue;
        list_each (e, &own[i]->network->endpoints, struct endpoint, link) {
            if (!e->spec.bits6 || !addr6_is_equal(&e->spec.addr6, addr))
                continue;
            name_endpoint(e, out, room);
            return true;
        }
    }
    return false;
}

bool dns_may_forward(struct endpoint *const *own, size_t n_own)
{
    for (size_t i = 0; i < n_own; i++)
        if (own[i]->network && network_has_addresses(own[i]->network) &&
            !own[i]->network->bridge.internal)
            return true;
    return false;
}
