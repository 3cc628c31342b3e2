/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request may ask of one interface. Docker's names: IPAMConfig.LinkLocalIPs, and the options
 * com.docker.network.endpoint.ifname and …endpoint.sysctls, in which IFNAME stands for the name.
 */
#include "place/endpoint_options.h"

#include <stdio.h>
#include <string.h>

#include "net/net.h"
#include "runtime/config.h"

#define PREFIX "com.docker.network.endpoint."
#define OPTION_IFNAME PREFIX "ifname"
#define OPTION_SYSCTLS PREFIX "sysctls"
#define IFNAME "IFNAME"

static const char *option(const struct endpoint_config *asked, const char *key)
{
    for (size_t i = 0; i < asked->driver_opts.n; i++)
        if (strcmp(asked->driver_opts.v[i].key, key) == 0)
            return asked->driver_opts.v[i].value;
    return NULL;
}

const char *endpoint_options_ifname(const struct endpoint_config *asked)
{
    const char *name = option(asked, OPTION_IFNAME);

    return text_is_empty(name) ? NULL : name;
}

/* dev_valid_name() of the kernel, and not the one that is there already. */
static struct err *check_ifname(const char *name)
{
    if (strlen(name) < 16 && !strpbrk(name, "/: \t\n\v\f\r") && strcmp(name, ".") != 0 &&
        strcmp(name, "..") != 0 && strcmp(name, "lo") != 0)
        return NULL;
    return err_new(ERR_INVALID, "invalid interface name: \"%s\"", name);
}

/* ---- sysctls: "net.ipv4.conf.IFNAME.log_martians=1,net.…" ---- */

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"

/* Of the interface's own folders alone; the value is one word. */
static bool is_sysctl(const char *s)
{
    static const char *const folders[] = {"net.ipv4.conf." IFNAME ".", "net.ipv4.neigh." IFNAME ".",
                                          "net.ipv6.conf." IFNAME ".", "net.ipv6.neigh." IFNAME ".",
                                          "net.mpls.conf." IFNAME "."};

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *name = s + strlen(folders[i]);
        size_t len;

        if (!text_starts(s, folders[i]))
            continue;
        len = strspn(name, NAME_CHARS);
        return len > 0 && name[len] == '=' && name[len + 1] && !strpbrk(name + len + 1, "=\n ");
    }
    return false;
}

static struct err *check_sysctls(const char *text)
{
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, text, ',');

    if (strlen(text) >= ENDPOINT_SYSCTLS_MAX)
        return err_new(ERR_INVALID, OPTION_SYSCTLS " has more than %d characters",
                       ENDPOINT_SYSCTLS_MAX - 1);
    for (size_t i = 0; i < list.n; i++)
        if (!is_sysctl(list.v[i]))
            return err_new(ERR_INVALID,
                           "invalid interface sysctl '%s': write it as net.X.Y." IFNAME ".Z=VALUE",
                           list.v[i]);
    return NULL;
}

/* ---- link-local addresses ---- */

static bool is_link_local4(uint32_t addr)
{
    return addr >> 16 == 0xa9fe;
}

static bool is_link_local6(const struct in6_addr *addr)
{
    return addr->s6_addr[0] == 0xfe && (addr->s6_addr[1] & 0xc0) == 0x80;
}

static struct err *check_link_local(const struct strs *list, bool has_ipv6)
{
    size_t n = 0, n6 = 0;

    for (size_t i = 0; i < list->n; i++) {
        const char *text = list->v[i];
        struct in6_addr addr6;
        uint32_t addr;

        if (addr4_parse(text, &addr) && is_link_local4(addr)) {
            n++;
            continue;
        }
        if (!addr6_parse(text, &addr6) || !is_link_local6(&addr6))
            return err_new(ERR_INVALID, "Invalid link-local IP address: %s", text);
        if (!has_ipv6)
            return err_new(ERR_INVALID,
                           "link-local IP address %s: the network has no IPv6 (enable_ipv6)", text);
        n6++;
    }
    if (n > ENDPOINT_MORE_MAX || n6 > ENDPOINT_MORE_MAX)
        return err_new(ERR_INVALID,
                       "an endpoint can have at most %d link-local addresses of a family",
                       ENDPOINT_MORE_MAX);
    return NULL;
}

static void fill_link_local(const struct strs *list, struct endpoint_spec *out)
{
    for (size_t i = 0; i < list->n; i++) {
        if (addr4_parse(list->v[i], &out->more[out->n_more]))
            out->n_more++;
        else if (addr6_parse(list->v[i], &out->more6[out->n_more6]))
            out->n_more6++;
    }
}

/* ---- all ---- */

struct err *endpoint_options_check(const struct endpoint_config *asked, bool has_ipv6)
{
    const char *ifname = endpoint_options_ifname(asked);
    const char *sysctls = option(asked, OPTION_SYSCTLS);

    if (ifname)
        TRY(check_ifname(ifname));
    if (!text_is_empty(sysctls))
        TRY(check_sysctls(sysctls));
    return asked->ipam ? check_link_local(&asked->ipam->link_local, has_ipv6) : NULL;
}

void endpoint_options_warn(const struct endpoint_config *asked, struct arena *a, struct strs *out)
{
    for (size_t i = 0; i < asked->driver_opts.n; i++) {
        const char *key = asked->driver_opts.v[i].key;

        if (strcmp(key, OPTION_IFNAME) != 0 && strcmp(key, OPTION_SYSCTLS) != 0)
            strs_add(a, out,
                     arena_printf(a, "DriverOpts %s has no effect: no driver knows it", key));
    }
}

/* As lines "net/ipv4/conf/eth0/log_martians=1": a name may have dots. */
static void fill_sysctls(const char *text, struct endpoint_spec *out)
{
    autoarena struct arena *a = arena_create();
    struct strs list = text_split(a, text, ',');
    size_t len = 0;

    for (size_t i = 0; i < list.n; i++) {
        char *at = strstr(list.v[i], IFNAME), *end = at + strlen(IFNAME);

        for (char *s = list.v[i]; *s && *s != '='; s++)
            if (*s == '.')
                *s = '/';
        len += (size_t)snprintf(out->sysctls + len, sizeof(out->sysctls) - len, "%.*s%s%s\n",
                                (int)(at - list.v[i]), list.v[i], out->ifname, end);
        if (len >= sizeof(out->sysctls))
            return;
    }
}

void endpoint_options_fill(const struct endpoint_config *asked, struct endpoint_spec *out)
{
    const char *sysctls = option(asked, OPTION_SYSCTLS);

    if (asked->ipam)
        fill_link_local(&asked->ipam->link_local, out);
    if (!text_is_empty(sysctls))
        fill_sysctls(sysctls, out);
}
