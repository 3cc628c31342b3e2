/* SPDX-License-Identifier: Apache-2.0 */
/* --network, short or long, and what Docker's client refuses in it before the engine is asked.
 * Pure. */
#include "options.h"

#include <string.h>

static struct err *set_priority(struct network_choice *n, const char *value)
{
    if (!text_to_i64(value, &n->gw_priority.value))
        return err_new(ERR_INVALID, "invalid gw-priority: %s", value);
    n->gw_priority.is_set = true;
    return NULL;
}

static struct err *set_network_field(struct arena *a, struct network_choice *n, const char *field)
{
    const char *value = strchr(field, '=');
    size_t len = value ? (size_t)(value - field) : strlen(field);
    const char *key = arena_strndup(a, field, len);

    if (!value)
        return err_new(ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
    value++;
    if (strcmp(key, "name") == 0)
        n->name = arena_strdup(a, value);
    else if (strcmp(key, "alias") == 0)
        strs_add(a, &n->aliases, value);
    else if (strcmp(key, "ip") == 0)
        n->ip = arena_strdup(a, value);
    else if (strcmp(key, "ip6") == 0)
        n->ip6 = arena_strdup(a, value);
    else if (strcmp(key, "mac-address") == 0)
        n->mac = arena_strdup(a, value);
    else if (strcmp(key, "link-local-ip") == 0)
        strs_add(a, &n->link_local, value);
    else if (strcmp(key, "driver-opt") == 0)
        pairs_set_text(a, &n->driver_options, value);
    else if (strcmp(key, "gw-priority") == 0)
        return set_priority(n, value);
    else
        return err_new(ERR_INVALID, "invalid field key %s", key);
    return NULL;
}

struct err *network_parse(struct arena *a, const char *spec, struct network_choice *out)
{
    struct strs fields;

    if (!strchr(spec, '=')) {
        out->name = arena_strdup(a, spec);
        return NULL;
    }
    fields = csv_split(a, spec);
    for (size_t i = 0; i < fields.n; i++)
        TRY(set_network_field(a, out, fields.v[i]));
    if (text_is_empty(out->name))
        return err_new(ERR_INVALID, "no name set for network");
    return NULL;
}

bool network_is_user_defined(const struct network_choice *n)
{
    static const char *const others[] = {"default", "bridge", "host", "none"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (!n->name || strcmp(n->name, others[i]) == 0)
            return false;
    return !text_starts(n->name, "container:");
}

struct err *network_check(const struct network_choice *n)
{
    uint8_t unused[6];

    if (!network_is_user_defined(n) && n->aliases.n)
        return err_new(ERR_INVALID,
                       "network-scoped aliases are only supported for user-defined networks");
    if (!network_is_user_defined(n) && n->links.n)
        return err_new(ERR_INVALID, "links are only supported for user-defined networks");
    if (n->mac && !text_to_mac(n->mac, unused))
        return err_new(ERR_INVALID, "%s is not a valid mac address", n->mac);
    return NULL;
}

/* The members of an EndpointSettings object that is open. */
void network_write(struct jw *w, const struct network_choice *n)
{
    if (n->ip || n->ip6 || n->link_local.n) {
        jw_obj(w, "IPAMConfig");
        if (n->ip)
            jw_str(w, "IPv4Address", n->ip);
        if (n->ip6)
            jw_str(w, "IPv6Address", n->ip6);
        if (n->link_local.n)
            jw_strs(w, "LinkLocalIPs", &n->link_local);
        jw_obj_end(w);
    }
    if (n->links.n)
        jw_strs(w, "Links", &n->links);
    if (n->aliases.n)
        jw_strs(w, "Aliases", &n->aliases);
    if (n->mac)
        jw_str(w, "MacAddress", n->mac);
    if (n->driver_options.n)
        jw_pairs(w, "DriverOpts", &n->driver_options);
    if (n->gw_priority.is_set)
        jw_int(w, "GwPriority", n->gw_priority.value);
}
