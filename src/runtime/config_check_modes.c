/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modes (whose namespaces) and what contradicts them, in Docker's words. Pure.
 *
 * This is asked before the engine fills in a host name of its own: only a name the
 * user gave can conflict.
 */
#include "config_check.h"

#include <string.h>

#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN */

static bool is_host(const char *mode)
{
    return text_same(mode, "host");
}

static bool is_of_container(const char *mode)
{
    return mode && text_starts(mode, "container:");
}

static bool is_one_of(const char *mode, const char *const *list)
{
    for (; *list; list++)
        if (text_same(mode, *list))
            return true;
    return false;
}

static struct err *check_mode(const char *mode, const char *name, const char *const *allowed)
{
    if (is_of_container(mode) && strchr(mode, ':')[1])
        return NULL;
    if (is_one_of(mode, allowed))
        return NULL;
    return err_new(ERR_INVALID, "invalid %s mode: %s", name, mode);
}

static struct err *check_names(const struct config *c)
{
    uint8_t mac[6];

    if (c->hostname && strlen(c->hostname) > HOSTNAME_MAX)
        return err_new(ERR_INVALID, "invalid hostname: %s is longer than %d characters",
                       c->hostname, HOSTNAME_MAX);
    if (c->hostname && c->hostname[strspn(c->hostname, "abcdefghijklmnopqrstuvwxyz"
                                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       "0123456789.-_")])
        return err_new(ERR_INVALID, "invalid hostname: %s", c->hostname);
    if (c->domainname && strlen(c->domainname) > HOSTNAME_MAX)
        return err_new(ERR_INVALID, "invalid domain name: %s is longer than %d characters",
                       c->domainname, HOSTNAME_MAX);
    if (!text_is_empty(c->mac_address) && !text_to_mac(c->mac_address, mac))
        return err_new(ERR_INVALID, "invalid MAC address: %s", c->mac_address);
    return NULL;
}

static struct err *conflict(const char *what)
{
    return err_new(ERR_INVALID, "conflicting options: %s", what);
}

static struct err *check_shared_network(const struct config *c, const struct host_config *h)
{
    if (h->network_mode[strlen("container:")] == '\0')
        return err_new(ERR_INVALID, "Invalid network mode: invalid container format "
                                    "container:<name|id>");
    if (!text_is_empty(c->hostname))
        return conflict("hostname and the network mode");
    if (h->links.n)
        return conflict("container type network can't be used with links. This would result in "
                        "undefined behavior");
    if (h->dns.n)
        return conflict("dns and the network mode");
    if (h->extra_hosts.n)
        return conflict("custom host-to-IP mapping and the network mode");
    if (!text_is_empty(c->mac_address))
        return conflict("mac-address and the network mode");
    if (h->port_bindings.n || h->publish_all_ports)
        return conflict("port publishing and the container type network mode");
    if (c->exposed_ports.n)
        return conflict("port exposing and the container type network mode");
    return NULL;
}

static struct err *check_network(const struct config *c, const struct host_config *h)
{
    if (is_host(h->uts_mode) && !text_is_empty(c->hostname))
        return conflict("hostname and the UTS mode");
    if (is_host(h->network_mode) && h->links.n)
        return conflict("host type networking can't be used with links. This would result in "
                        "undefined behavior");
    return is_of_container(h->network_mode) ? check_shared_network(c, h) : NULL;
}

struct err *check_modes(const struct config *c, const struct host_config *h)
{
    static const char *const ipc[] = {"", "none", "private", "shareable", "host", NULL};
    static const char *const host_only[] = {"", "host", NULL};
    static const char *const userns[] = {"", "auto", "remap", "host", NULL};
    static const char *const pid[] = {"", "private", "host", NULL};
    static const char *const cgroup[] = {"", "private", "host", NULL};
    static const char *const isolation[] = {"", "default", NULL};
    static const char *const runtime[] = {"", "runc", "berth", "io.containerd.runc.v2", NULL};

    TRY(check_names(c));
    TRY(check_network(c, h));
    TRY(check_mode(h->ipc_mode, "IPC", ipc));
    TRY(check_mode(h->pid_mode, "PID", pid));
    if (!is_one_of(h->uts_mode, host_only))
        return err_new(ERR_INVALID, "invalid UTS mode: %s", h->uts_mode);
    if (!is_one_of(h->cgroupns_mode, cgroup))
        return err_new(ERR_INVALID, "invalid cgroup namespace mode: %s", h->cgroupns_mode);
    if (!is_one_of(h->userns_mode, userns))
        return err_new(ERR_INVALID, "invalid user namespace mode: %s", h->userns_mode);
    if (!is_one_of(h->isolation, isolation))
        return err_new(ERR_INVALID, "invalid isolation '%s' on linux", h->isolation);
    if (!is_one_of(h->runtime, runtime))
        return err_new(ERR_INVALID, "unknown or invalid runtime name: %s", h->runtime);
    return NULL;
}
