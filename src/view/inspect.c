/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients see of a container: inspect. Docker's names, order and quirks, at the
 * version the client speaks. Loop thread, no I/O.
 */
#include <string.h>

#include "base/fd.h"
#include "container/object.h"
#include "exec/exec.h"
#include "exec/health.h"
#include "place/legacy_links.h"
#include "place/published.h"
#include "storage/rootfs.h"
#include "stream/log.h"
#include "view/view.h"

#include "runtime/sandbox.h"

#include "view_parts.h"

/* Docker's "Running" is true between two runs of a restart policy as well. */
static void write_state(struct container *c, struct jw *w)
{
    const struct container_state *s = &c->doc.state;

    jw_obj(w, "State");
    jw_str(w, "Status", status_name(c));
    jw_bool(w, "Running", container_is_up(c));
    jw_bool(w, "Paused", s->status == STATUS_PAUSED);
    jw_bool(w, "Restarting", s->status == STATUS_RESTARTING);
    jw_bool(w, "OOMKilled", s->oom_killed);
    jw_bool(w, "Dead", s->status == STATUS_DEAD);
    jw_int(w, "Pid", s->pid);
    jw_int(w, "ExitCode", s->exit_code);
    jw_str(w, "Error", s->error);
    jw_time(w, "StartedAt", s->started_ns);
    jw_time(w, "FinishedAt", s->finished_ns);
    health_write(c, w);
    jw_obj_end(w);
}

void view_write_mounts(const struct container *c, struct jw *w)
{
    const struct mount_point *m = c->doc.mounts.v;

    ASSERT(c->magic == CONTAINER_MAGIC);
    jw_arr(w, "Mounts");
    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        if (m[i].is_plain_tmpfs)
            continue; /* it is in HostConfig.Tmpfs */
        jw_obj(w, NULL);
        jw_str(w, "Type", m[i].type);
        if (!text_is_empty(m[i].name))
            jw_str(w, "Name", m[i].name);
        jw_str(w, "Source", m[i].source);
        jw_str(w, "Destination", m[i].destination);
        if (!text_is_empty(m[i].driver))
            jw_str(w, "Driver", m[i].driver);
        jw_str(w, "Mode", m[i].mode);
        jw_bool(w, "RW", m[i].rw);
        jw_str(w, "Propagation", m[i].propagation);
        if (m[i].is_replaced) /* ours: said only when there is something to say */
            jw_bool(w, "SourceReplaced", true);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* ---- network settings ---- */

static void addr_or_empty(int64_t addr, char out[ADDR4_TEXT])
{
    out[0] = '\0';
    if (addr)
        addr4_text((uint32_t)addr, out);
}

/* null when nothing was asked for, as Docker writes it. */
static void write_ipam(const struct endpoint_config *asked, struct jw *w)
{
    if (!asked->ipam) {
        jw_null(w, "IPAMConfig");
        return;
    }
    jw_obj(w, "IPAMConfig");
    if (!text_is_empty(asked->ipam->ipv4))
        jw_str(w, "IPv4Address", asked->ipam->ipv4);
    if (!text_is_empty(asked->ipam->ipv6))
        jw_str(w, "IPv6Address", asked->ipam->ipv6);
    if (asked->ipam->link_local.n)
        jw_strs(w, "LinkLocalIPs", &asked->ipam->link_local);
    jw_obj_end(w);
}

static bool has_names(const struct endpoint_record *at)
{
    return strcmp(at->network, "bridge") != 0 && endpoint_record_has_address(at);
}

/* Before 1.45 the names that a container has by itself stood here: docker-compose in Python looks
 * for the short id, and connects a container anew without it. */
static void write_aliases(const struct container *c, const struct endpoint_record *at, struct jw *w,
                          int api_version)
{
    if (api_version >= 145 || !has_names(at)) {
        jw_strs_or_null(w, "Aliases", &at->asked.aliases);
        return;
    }
    jw_arr(w, "Aliases");
    for (size_t i = 0; i < at->asked.aliases.n; i++)
        jw_str(w, NULL, at->asked.aliases.v[i]);
    jw_strn(w, NULL, c->doc.id, ID_SHORT);
    if (strncmp(c->doc.config.hostname, c->doc.id, ID_SHORT) != 0)
        jw_str(w, NULL, c->doc.config.hostname);
    jw_arr_end(w);
}

/* Null and empty where Docker has null and empty: clients in typed languages mind. */
static void write_endpoint(const struct container *c, const struct endpoint_record *at,
                           struct jw *w, int api_version)
{
    char addr[ADDR4_TEXT], gateway[ADDR4_TEXT];

    ASSERT(at->network);
    addr_or_empty(at->addr, addr);
    addr_or_empty(at->gateway, gateway);
    jw_obj(w, at->network);
    write_ipam(&at->asked, w);
    jw_strs_or_null(w, "Links", &at->asked.links);
    write_aliases(c, at, w, api_version);
    jw_str(w, "MacAddress", text_is_empty(at->mac) ? at->asked.mac_address : at->mac);
    if (at->asked.driver_opts.n)
        jw_pairs(w, "DriverOpts", &at->asked.driver_opts);
    else
        jw_null(w, "DriverOpts");
    jw_int(w, "GwPriority", at->asked.gw_priority);
    jw_str(w, "NetworkID", at->network_id);
    jw_str(w, "EndpointID", at->endpoint_id);
    jw_str(w, "Gateway", gateway);
    jw_str(w, "IPAddress", addr);
    jw_int(w, "IPPrefixLen", at->bits);
    jw_str(w, "IPv6Gateway", at->gateway6);
    jw_str(w, "GlobalIPv6Address", at->addr6);
    jw_int(w, "GlobalIPv6PrefixLen", at->bits6);
    if (!has_names(at)) {
        jw_null(w, "DNSNames");
    } else {
        jw_arr(w, "DNSNames");
        jw_str(w, NULL, c->name);
        for (size_t i = 0; i < at->asked.aliases.n; i++)
            jw_str(w, NULL, at->asked.aliases.v[i]);
        jw_strn(w, NULL, c->doc.id, ID_SHORT);
        jw_arr_end(w);
    }
    jw_obj_end(w);
}

void view_write_networks(const struct container *c, struct jw *w, int api_version)
{
    const struct endpoint_record *list = c->doc.networks.v;

    ASSERT(c->magic == CONTAINER_MAGIC);
    jw_obj(w, "Networks");
    for (size_t i = 0; i < c->doc.networks.n; i++)
        write_endpoint(c, &list[i], w, api_version);
    jw_obj_end(w);
}

/* All bindings of one port, from its first entry on. */
static void write_bindings(const struct port_record *p, const struct published_index *x,
                           const struct published_entry *first, struct jw *w)
{
    int number = (int)(first->key & 0xffff);
    char name[24], port[8];

    snprintf(name, sizeof(name), "%d/%s", number, published_proto(p[first->run].proto));
    jw_arr(w, name);
    for (const struct published_entry *e = first; e < x->v + x->n && e->key == first->key; e++) {
        const struct port_record *run = &p[e->run];

        port[0] = '\0'; /* a routed one has none */
        if (run->host_port)
            snprintf(port, sizeof(port), "%d", (run->host_port + number - run->port) & 0xffff);
        jw_obj(w, NULL);
        jw_str(w, "HostIp", run->host_ip);
        jw_str(w, "HostPort", port);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_ports(const struct container *c, struct jw *w)
{
    const struct port_record *p = c->doc.published.v;
    const struct strs *exposed = &c->doc.config.exposed_ports;
    autoarena struct arena *a = arena_create();
    const struct published_index x = published_index(a, &c->doc.published);

    jw_obj(w, "Ports");
    for (size_t i = 0; state_is_running(c) && i < exposed->n; i++)
        if (!published_by_spec(&x, exposed->v[i]))
            jw_null(w, exposed->v[i]);
    for (size_t i = 0; i < c->doc.published.n; i++) {
        for (int k = 0; k < published_span(&p[i]); k++) {
            const struct published_entry *first = published_find(&x, p[i].proto, p[i].port + k);

            if (first->run == i) /* others of the port are in the same array */
                write_bindings(p, &x, first, w);
        }
    }
    jw_obj_end(w);
}

/* The copies of the default bridge's endpoint that clients of the older API read. */
static void write_legacy_endpoint(const struct container *c, struct jw *w)
{
    const struct endpoint_record *list = c->doc.networks.v, none = {.endpoint_id = "", .mac = ""},
                                 *at = &none;
    char addr[ADDR4_TEXT], gateway[ADDR4_TEXT];

    for (size_t i = 0; i < c->doc.networks.n; i++)
        if (strcmp(list[i].network, "bridge") == 0)
            at = &list[i];
    addr_or_empty(at->addr, addr);
    addr_or_empty(at->gateway, gateway);
    jw_bool(w, "HairpinMode", false);
    jw_str(w, "LinkLocalIPv6Address", "");
    jw_int(w, "LinkLocalIPv6PrefixLen", 0);
    jw_null(w, "SecondaryIPAddresses");
    jw_null(w, "SecondaryIPv6Addresses");
    jw_str(w, "EndpointID", endpoint_record_has_address(at) ? at->endpoint_id : "");
    jw_str(w, "Gateway", gateway);
    jw_str(w, "GlobalIPv6Address", at->addr6);
    jw_int(w, "GlobalIPv6PrefixLen", at->bits6);
    jw_str(w, "IPAddress", addr);
    jw_int(w, "IPPrefixLen", at->bits);
    jw_str(w, "IPv6Gateway", at->gateway6);
    jw_str(w, "MacAddress", at->mac);
}

/* Since API 1.52 the copies of the default bridge's endpoint are gone. */
static void write_network_settings(const struct container *c, struct jw *w, int api_version)
{
    autobuf struct buf key = {0};

    if (state_is_running(c))
        buf_printf(&key, "/proc/%d/ns/net", c->doc.state.pid);
    jw_obj(w, "NetworkSettings");
    if (api_version < 152)
        jw_str(w, "Bridge", "");
    jw_str(w, "SandboxID", state_is_running(c) ? c->doc.id : "");
    jw_str(w, "SandboxKey", key.data);
    write_ports(c, w);
    if (api_version < 152)
        write_legacy_endpoint(c, w);
    view_write_networks(c, w, api_version);
    jw_obj_end(w);
}

/* ---- the whole ---- */

static void write_command(const struct config *cfg, struct jw *w)
{
    size_t skip = cfg->entrypoint.n > 0 ? 0 : 1;

    jw_str(w, "Path", cfg->entrypoint.n ? cfg->entrypoint.v[0] : cfg->cmd.n ? cfg->cmd.v[0] : "");
    jw_arr(w, "Args");
    for (size_t i = 1; i < cfg->entrypoint.n; i++)
        jw_str(w, NULL, cfg->entrypoint.v[i]);
    for (size_t i = skip; i < cfg->cmd.n; i++)
        jw_str(w, NULL, cfg->cmd.v[i]);
    jw_arr_end(w);
}

/* The lists of runtime/plan.c, which end with NULL. */
static struct strs path_defaults(struct arena *a, const char *const *list)
{
    struct strs out = {0};

    for (; *list; list++)
        strs_add(a, &out, *list);
    return out;
}

/* What applies is shown, so the defaults of masked paths are written out. */
static void write_host_config(const struct container *c, struct jw *w)
{
    autoarena struct arena *a = arena_create();
    struct host_config shown = c->doc.host;

    if (!shown.masked_paths.v && !shown.privileged)
        shown.masked_paths = path_defaults(a, sandbox_masked_paths);
    if (!shown.readonly_paths.v && !shown.privileged)
        shown.readonly_paths = path_defaults(a, sandbox_readonly_paths);
    shown.links = (struct strs){0};
    legacy_links_show(c, a, &shown.links);
    jw_struct(w, "HostConfig", &host_config_json, &shown);
}

static void write_exec_ids(struct container *c, struct jw *w)
{
    struct strs ids = {0};
    autoarena struct arena *a = arena_create();

    execs_running(c, a, &ids);
    jw_strs_or_null(w, "ExecIDs", &ids);
}

void container_write_inspect(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root)
{
    autoarena struct arena *a = arena_create();
    const char *dir = rootfs_dir(c->parts->layers, a, c->doc.id);
    struct config shown = c->doc.config;

    ASSERT_LOOP();
    container_check(c);
    shown.image = c->doc.image_name;
    jw_obj(w, NULL);
    jw_str(w, "Id", c->doc.id);
    jw_time(w, "Created", c->doc.created_ns);
    write_command(&c->doc.config, w);
    write_state(c, w);
    jw_str(w, "Image", c->doc.image_id);
    jw_str(w, "ResolvConfPath", path_join(a, dir, "resolv.conf"));
    jw_str(w, "HostnamePath", path_join(a, dir, "hostname"));
    jw_str(w, "HostsPath", path_join(a, dir, "hosts"));
    jw_str(w, "LogPath", c->log ? log_path(c->log) : "");
    jw_str(w, "Name", arena_printf(a, "/%s", c->name));
    jw_int(w, "RestartCount", c->doc.state.restart_count);
    jw_str(w, "Driver", "overlay2");
    jw_str(w, "Platform", "linux");
    jw_str(w, "MountLabel", c->doc.mount_label ? c->doc.mount_label : "");
    jw_str(w, "ProcessLabel", c->doc.process_label ? c->doc.process_label : "");
    jw_str(w, "AppArmorProfile", lsm_profile(a, c->parts->lsm, &c->doc.host));
    write_exec_ids(c, w);
    write_host_config(c, w);
    jw_obj(w, "GraphDriver");
    jw_str(w, "Name", "overlay2");
    jw_obj(w, "Data");
    jw_str(w, "UpperDir", path_join(a, dir, "upper"));
    jw_str(w, "WorkDir", path_join(a, dir, "work"));
    jw_obj_end(w);
    jw_obj_end(w);
    if (size_rw >= 0)
        jw_int(w, "SizeRw", size_rw);
    if (size_root >= 0)
        jw_int(w, "SizeRootFs", size_root);
    view_write_mounts(c, w);
    jw_struct(w, "Config", &config_json, &shown);
    write_network_settings(c, w, api_version);
    jw_obj_end(w);
}
