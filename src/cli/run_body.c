/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request body of create: Config at the top, HostConfig, NetworkingConfig. Pure but for the
 * files that options name. What is not given is left out, so that the engine's defaults apply.
 */
#include "base/json.h"
#include "base/map.h"

#include "options.h"
#include "run_options.h"

#include <arpa/inet.h>
#include <string.h>

struct run_body {
    struct arena *a;
    const struct run_options *o;
    struct jw w;
    struct port_options ports;
    struct strs exposed, binds, volumes, env, security, extra_hosts;
    struct pairs labels;
    bool unmasks;
};

struct err *run_streams(const struct run_options *o, struct run_streams *out)
{
    struct run_streams s = {.in = o->interactive && !o->attach.n && !o->detach,
                            .out = !o->attach.n && !o->detach,
                            .err = !o->attach.n && !o->detach};

    for (size_t i = 0; i < o->attach.n; i++) {
        char name[8] = "";

        if (strlen(o->attach.v[i]) < sizeof(name))
            memcpy(name, o->attach.v[i], strlen(o->attach.v[i]));
        text_lower(name);
        if (strcmp(name, "stdin") == 0)
            s.in = true;
        else if (strcmp(name, "stdout") == 0)
            s.out = true;
        else if (strcmp(name, "stderr") == 0)
            s.err = true;
        else
            return err_new(ERR_INVALID,
                           "invalid argument \"%s\" for \"-a, --attach\" flag: valid streams are "
                           "STDIN, STDOUT and STDERR",
                           o->attach.v[i]);
    }
    *out = s;
    return NULL;
}

static void write_texts(struct jw *w, const char *key, const struct strs *s)
{
    if (s->n)
        jw_strs(w, key, s);
}

static void write_text(struct jw *w, const char *key, const char *s)
{
    if (s)
        jw_str(w, key, s);
}

static void write_number(struct jw *w, const char *key, const struct number *n)
{
    if (n->is_set)
        jw_int(w, key, n->value);
}

/* A set in Docker's JSON is an object of empty objects: "ExposedPorts": {"80/tcp": {}}. */
static void write_set(struct jw *w, const char *key, const struct strs *s)
{
    if (!s->n)
        return;
    jw_obj(w, key);
    for (size_t i = 0; i < s->n; i++) {
        jw_obj(w, s->v[i]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* Docker's client refuses these itself, with these words; the engine is not asked. */
static struct err *check_conflicts(const struct run_options *o)
{
    TRY(trust_check(o->skips_trust));
    if (o->rm && o->restart && strcmp(o->restart, "no") != 0 && o->restart[0])
        return err_new(ERR_INVALID, "conflicting options: cannot specify both --restart and --rm");
    if (o->no_healthcheck && (o->health_cmd || o->health_interval.is_set ||
                              o->health_timeout.is_set || o->health_retries.is_set))
        return err_new(ERR_INVALID, "--no-healthcheck conflicts with --health-* options");
    if (o->swappiness.is_set && (o->swappiness.value < -1 || o->swappiness.value > 100))
        return err_new(ERR_INVALID, "invalid value: %lld. Valid memory swappiness range is 0-100",
                       (long long)o->swappiness.value);
    return NULL;
}

/* What -p names is exposed as well. A map, since ranges may hold thousands of ports. */
static void expose_published(struct run_body *b)
{
    struct map *known = map_create();

    for (size_t i = 0; i < b->exposed.n; i++)
        map_put(known, b->exposed.v[i], b);
    for (size_t i = 0; i < b->ports.n; i++)
        if (!map_put(known, b->ports.v[i].port, b))
            strs_add(b->a, &b->exposed, b->ports.v[i].port);
    map_destroy(known);
}

/* In the words of the library that Docker's client parses flags with (pflag). */
static struct err *refused(struct err *e, const char *flag, const char *value)
{
    struct err *named = err_new(ERR_INVALID, "invalid argument \"%s\" for \"%s\" flag: %s", value,
                                flag, err_text(e));

    err_drop(e);
    return named;
}

/* Modes of namespaces that are neither a known word nor another container's. */
static bool is_mode(const char *mode, const char *known, bool shares)
{
    return text_is_empty(mode) || strcmp(mode, known) == 0 ||
           (shares && text_starts(mode, "container:") && mode[strlen("container:")]);
}

static struct err *check_modes(const struct run_options *o)
{
    if (!is_mode(o->pid, "host", true))
        return err_new(ERR_INVALID, "--pid: invalid PID mode");
    if (!is_mode(o->uts, "host", false))
        return err_new(ERR_INVALID, "--uts: invalid UTS mode");
    if (!is_mode(o->userns, "host", false) && strcmp(o->userns, "auto") != 0 &&
        strcmp(o->userns, "remap") != 0)
        return err_new(ERR_INVALID, "--userns: invalid USER mode");
    return NULL;
}

static struct err *check_addresses(const struct run_options *o)
{
    unsigned char bytes[16];

    for (size_t i = 0; i < o->dns.n; i++) {
        if (inet_pton(AF_INET, o->dns.v[i], bytes) != 1 &&
            inet_pton(AF_INET6, o->dns.v[i], bytes) != 1)
            return err_new(ERR_INVALID,
                           "invalid argument \"%s\" for \"--dns\" flag: IP address is not "
                           "correctly formatted: %s",
                           o->dns.v[i], o->dns.v[i]);
    }
    return NULL;
}

static struct err *parse_hosts(struct run_body *b)
{
    for (size_t i = 0; i < b->o->hosts.n; i++) {
        struct err *e = host_parse(b->a, b->o->hosts.v[i], &b->extra_hosts);

        if (e)
            return refused(e, "--add-host", b->o->hosts.v[i]);
    }
    return NULL;
}

static struct err *blamed(struct err *e, const char *flag, const char *value)
{
    return e ? refused(e, flag, value) : NULL;
}

/* Everything that can be refused, before a byte is written. */
static struct err *parse_values(struct run_body *b)
{
    const struct run_options *o = b->o;

    TRY(check_conflicts(o));
    for (size_t i = 0; i < o->publish.n; i++)
        TRY(blamed(port_parse(b->a, o->publish.v[i], &b->ports), "-p, --publish", o->publish.v[i]));
    for (size_t i = 0; i < o->expose.n; i++)
        TRY(blamed(port_expose(b->a, o->expose.v[i], &b->exposed), "--expose", o->expose.v[i]));
    expose_published(b);
    for (size_t i = 0; i < o->volumes.n; i++)
        TRY(volume_parse(b->a, o->volumes.v[i], &b->binds, &b->volumes));
    TRY(check_modes(o));
    TRY(check_addresses(o));
    TRY(parse_hosts(b));
    TRY(env_parse(b->a, &o->env_files, &o->env, &b->env));
    TRY(labels_parse(b->a, &o->label_files, &o->labels, &b->labels));
    return security_parse(b->a, &o->security, &b->security, &b->unmasks);
}

static void write_health(struct run_body *b)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    if (o->no_healthcheck) {
        jw_obj(w, "Healthcheck");
        jw_arr(w, "Test");
        jw_str(w, NULL, "NONE");
        jw_arr_end(w);
        jw_obj_end(w);
        return;
    }
    if (!o->health_cmd && !o->health_interval.is_set && !o->health_timeout.is_set &&
        !o->health_start.is_set && !o->health_start_interval.is_set && !o->health_retries.is_set)
        return;
    jw_obj(w, "Healthcheck");
    if (o->health_cmd) {
        jw_arr(w, "Test");
        jw_str(w, NULL, "CMD-SHELL");
        jw_str(w, NULL, o->health_cmd);
        jw_arr_end(w);
    }
    write_number(w, "Interval", &o->health_interval);
    write_number(w, "Timeout", &o->health_timeout);
    write_number(w, "StartPeriod", &o->health_start);
    write_number(w, "StartInterval", &o->health_start_interval);
    write_number(w, "Retries", &o->health_retries);
    jw_obj_end(w);
}

static void write_command(struct run_body *b, struct strs args)
{
    struct jw *w = &b->w;

    jw_str(w, "Image", args.v[0]);
    if (args.n > 1) {
        jw_arr(w, "Cmd");
        for (size_t i = 1; i < args.n; i++)
            jw_str(w, NULL, args.v[i]);
        jw_arr_end(w);
    } else {
        jw_null(w, "Cmd");
    }
    if (b->o->entrypoint) {
        jw_arr(w, "Entrypoint");
        jw_str(w, NULL, b->o->entrypoint);
        jw_arr_end(w);
    }
}

static void write_config(struct run_body *b, const struct run_streams *s, struct strs args)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    jw_str(w, "Hostname", o->hostname);
    jw_str(w, "Domainname", o->domainname);
    jw_str(w, "User", o->user);
    jw_bool(w, "AttachStdin", s->in);
    jw_bool(w, "AttachStdout", s->out);
    jw_bool(w, "AttachStderr", s->err);
    write_set(w, "ExposedPorts", &b->exposed);
    jw_bool(w, "Tty", o->tty);
    jw_bool(w, "OpenStdin", o->interactive);
    jw_bool(w, "StdinOnce", o->interactive && s->in);
    jw_strs(w, "Env", &b->env);
    write_command(b, args);
    write_set(w, "Volumes", &b->volumes);
    jw_str(w, "WorkingDir", o->workdir);
    jw_pairs(w, "Labels", &b->labels);
    write_text(w, "StopSignal", o->stop_signal);
    write_number(w, "StopTimeout", &o->stop_timeout);
    write_text(w, "MacAddress", o->mac);
    write_health(b);
}

static void write_ports(struct run_body *b)
{
    size_t *next = arena_array(b->a, b->ports.n + 1, sizeof(*next)); /* of the same port; 0: none */
    struct map *last = map_create(), *first = map_create();
    struct jw *w = &b->w;
    size_t cursor = 0;
    const char *port;
    void *at;

    for (size_t i = 0; i < b->ports.n; i++) {
        size_t before = (size_t)map_put(last, b->ports.v[i].port, (void *)(i + 1));

        if (before)
            next[before - 1] = i;
        else
            map_put(first, b->ports.v[i].port, (void *)(i + 1));
    }
    jw_obj(w, "PortBindings");
    while (map_next(first, &cursor, &port, &at)) {
        jw_arr(w, port);
        for (size_t i = (size_t)at - 1;; i = next[i]) {
            jw_obj(w, NULL);
            jw_str(w, "HostIp", b->ports.v[i].ip);
            jw_str(w, "HostPort", b->ports.v[i].host_port);
            jw_obj_end(w);
            if (!next[i])
                break;
        }
        jw_arr_end(w);
    }
    jw_obj_end(w);
    map_destroy(last);
    map_destroy(first);
}

typedef struct err *(*item_fn)(struct arena *a, const char *spec, struct jw *out);

static struct err *bytes_rate(struct arena *a, const char *spec, struct jw *out)
{
    return device_rate_parse(a, spec, true, out);
}

static struct err *operations_rate(struct arena *a, const char *spec, struct jw *out)
{
    return device_rate_parse(a, spec, false, out);
}

static struct err *write_items(struct run_body *b, const char *key, const char *flag,
                               const struct strs *s, item_fn fn)
{
    if (!s->n)
        return NULL;
    jw_arr(&b->w, key);
    for (size_t i = 0; i < s->n; i++) {
        struct err *e = fn(b->a, s->v[i], &b->w);

        if (e)
            return refused(e, flag, s->v[i]);
    }
    jw_arr_end(&b->w);
    return NULL;
}

static struct err *write_map(struct run_body *b, const char *key, const struct strs *s)
{
    struct pairs p = {0};

    if (!s->n)
        return NULL;
    TRY(pairs_parse(b->a, s, key, &p));
    jw_pairs(&b->w, key, &p);
    return NULL;
}

static void write_tmpfs(struct run_body *b)
{
    struct pairs p = {0};

    for (size_t i = 0; i < b->o->tmpfs.n; i++) {
        char *path = arena_strdup(b->a, b->o->tmpfs.v[i]), *colon = strchr(path, ':');

        if (colon)
            *colon++ = '\0';
        pairs_set(b->a, &p, path, colon ? colon : "");
    }
    if (p.n)
        jw_pairs(&b->w, "Tmpfs", &p);
}

static struct err *write_limits(struct run_body *b)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    write_number(w, "Memory", &o->memory);
    write_number(w, "MemorySwap", &o->memory_swap);
    write_number(w, "MemoryReservation", &o->memory_reservation);
    write_number(w, "KernelMemory", &o->kernel_memory);
    jw_int(w, "MemorySwappiness", o->swappiness.is_set ? o->swappiness.value : -1);
    write_number(w, "ShmSize", &o->shm_size);
    write_number(w, "NanoCpus", &o->cpus);
    write_number(w, "CpuShares", &o->cpu_shares);
    write_number(w, "CpuPeriod", &o->cpu_period);
    write_number(w, "CpuQuota", &o->cpu_quota);
    write_number(w, "CpuRealtimePeriod", &o->cpu_rt_period);
    write_number(w, "CpuRealtimeRuntime", &o->cpu_rt_runtime);
    write_text(w, "CpusetCpus", o->cpuset_cpus);
    write_text(w, "CpusetMems", o->cpuset_mems);
    jw_int(w, "PidsLimit", o->pids_limit.value);
    write_number(w, "OomScoreAdj", &o->oom_score);
    jw_bool(w, "OomKillDisable", o->oom_kill_disable);
    write_number(w, "BlkioWeight", &o->blkio_weight);
    TRY(write_items(b, "BlkioWeightDevice", "--blkio-weight-device", &o->blkio_devices,
                    device_weight_parse));
    TRY(write_items(b, "BlkioDeviceReadBps", "--device-read-bps", &o->read_bps, bytes_rate));
    TRY(write_items(b, "BlkioDeviceWriteBps", "--device-write-bps", &o->write_bps, bytes_rate));
    TRY(write_items(b, "BlkioDeviceReadIOps", "--device-read-iops", &o->read_iops,
                    operations_rate));
    TRY(write_items(b, "BlkioDeviceWriteIOps", "--device-write-iops", &o->write_iops,
                    operations_rate));
    TRY(write_items(b, "Hugetlbs", "--hugetlb-limit", &o->hugetlbs, hugetlb_parse));
    return write_items(b, "Ulimits", "--ulimit", &o->ulimits, ulimit_parse);
}

/* "vendor.com/class=name" is a name for the engine to look up, all else a path. */
static bool is_device_name(const char *s)
{
    const char *slash = strchr(s, '/'), *end = strchr(s, '=');

    return slash && slash != s && end > slash && !strchr(s, ':');
}

/* "all", "2", "device=0,1", "capabilities=utility": who has no driver for them, the engine says. */
static struct err *write_gpus(struct run_body *b, const char *text)
{
    struct strs parts = text_split(b->a, text, ','), ids = {0}, caps = {0};
    const char *driver = "", *key = "count";
    int64_t count = 0;

    strs_add(b->a, &caps, "gpu");
    for (size_t i = 0; i < parts.n; i++) {
        char *value = strchr(parts.v[i], '=');

        if (value)
            key = arena_strndup(b->a, parts.v[i], (size_t)(value - parts.v[i]));
        value = value ? value + 1 : parts.v[i]; /* a further one of the same */
        if (!strcmp(key, "device"))
            strs_add(b->a, &ids, value);
        else if (!strcmp(key, "capabilities"))
            strs_add(b->a, &caps, value);
        else if (!strcmp(key, "driver"))
            driver = value;
        else if (strcmp(key, "count"))
            return err_new(ERR_INVALID, "unexpected key '%s' in '%s'", key, text);
        else if (!strcmp(value, "all"))
            count = -1;
        else if (!text_to_i64(value, &count))
            return err_new(ERR_INVALID, "invalid argument \"%s\" for \"--gpus\" flag", text);
    }
    jw_obj(&b->w, NULL);
    jw_str(&b->w, "Driver", driver);
    jw_int(&b->w, "Count", ids.n ? 0 : count ? count : 1);
    jw_strs(&b->w, "DeviceIDs", &ids);
    jw_arr(&b->w, "Capabilities");
    jw_strs(&b->w, NULL, &caps);
    jw_arr_end(&b->w);
    jw_obj_end(&b->w);
    return NULL;
}

static struct err *write_devices(struct run_body *b)
{
    const struct strs *all = &b->o->devices;
    struct strs paths = {0}, names = {0};
    struct err *e = NULL;

    for (size_t i = 0; i < all->n; i++)
        strs_add(b->a, is_device_name(all->v[i]) ? &names : &paths, all->v[i]);
    if (names.n || b->o->gpus)
        jw_arr(&b->w, "DeviceRequests");
    if (b->o->gpus)
        e = write_gpus(b, b->o->gpus);
    if (names.n) {
        jw_obj(&b->w, NULL);
        jw_str(&b->w, "Driver", "cdi");
        jw_strs(&b->w, "DeviceIDs", &names);
        jw_obj_end(&b->w);
    }
    if (names.n || b->o->gpus)
        jw_arr_end(&b->w);
    return e ? e : write_items(b, "Devices", "--device", &paths, device_parse);
}

static struct err *write_isolation(struct run_body *b)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    jw_bool(w, "Privileged", o->privileged);
    write_texts(w, "CapAdd", &o->cap_add);
    write_texts(w, "CapDrop", &o->cap_drop);
    write_texts(w, "SecurityOpt", &b->security);
    if (b->unmasks) {
        const struct strs none = {0};

        jw_strs(w, "MaskedPaths", &none);
        jw_strs(w, "ReadonlyPaths", &none);
    }
    write_text(w, "PidMode", o->pid);
    write_text(w, "IpcMode", o->ipc);
    write_text(w, "UTSMode", o->uts);
    write_text(w, "UsernsMode", o->userns);
    write_text(w, "CgroupnsMode", o->cgroupns);
    write_text(w, "CgroupParent", o->cgroup_parent);
    write_text(w, "Systemd", o->systemd);
    write_text(w, "Runtime", o->runtime);
    write_texts(w, "GroupAdd", &o->groups);
    write_texts(w, "DeviceCgroupRules", &o->device_rules);
    TRY(write_devices(b));
    for (size_t i = 0; i < o->sysctls.n; i++)
        if (!strchr(o->sysctls.v[i], '='))
            return refused(err_new(ERR_INVALID, "sysctl '%s' is not allowed", o->sysctls.v[i]),
                           "--sysctl", o->sysctls.v[i]);
    TRY(write_map(b, "Sysctls", &o->sysctls));
    TRY(write_map(b, "TimeOffsets", &o->time_offsets));
    return write_map(b, "Annotations", &o->annotations);
}

static struct err *write_storage(struct run_body *b)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    write_texts(w, "Binds", &b->binds);
    write_texts(w, "VolumesFrom", &o->volumes_from);
    write_text(w, "VolumeDriver", o->volume_driver);
    jw_bool(w, "ReadonlyRootfs", o->read_only);
    write_tmpfs(b);
    TRY(write_items(b, "Mounts", "--mount", &o->mounts, mount_parse));
    return write_map(b, "StorageOpt", &o->storage_options);
}

static struct err *write_host_config(struct run_body *b, const struct network_choice *first)
{
    const struct run_options *o = b->o;
    struct jw *w = &b->w;

    jw_obj(w, "HostConfig");
    write_text(w, "ContainerIDFile", o->cidfile);
    jw_bool(w, "AutoRemove", o->rm);
    TRY(restart_parse(b->a, o->restart ? o->restart : "no", w));
    jw_obj(w, "LogConfig");
    jw_str(w, "Type", o->log_driver);
    TRY(write_map(b, "Config", &o->log_options));
    jw_obj_end(w);
    if (o->init)
        jw_bool(w, "Init", true);
    jw_str(w, "NetworkMode", first->name ? first->name : "default");
    write_ports(b);
    jw_bool(w, "PublishAllPorts", o->publish_all);
    write_texts(w, "Links", &o->links);
    write_texts(w, "ExtraHosts", &b->extra_hosts);
    write_texts(w, "Dns", &o->dns);
    write_texts(w, "DnsOptions", &o->dns_options);
    write_texts(w, "DnsSearch", &o->dns_search);
    TRY(write_isolation(b));
    TRY(write_storage(b));
    TRY(write_limits(b));
    jw_obj_end(w);
    return NULL;
}

static void write_networks(struct run_body *b, const struct network_choice *all, size_t n)
{
    const struct network_choice *first = &all[0];
    struct jw *w = &b->w;
    bool says_more = first->ip || first->ip6 || first->mac || first->aliases.n || first->links.n ||
                     first->link_local.n || first->driver_options.n || first->gw_priority.is_set;

    jw_obj(w, "NetworkingConfig");
    jw_obj(w, "EndpointsConfig");
    for (size_t i = 0; i < n; i++) {
        if (!all[i].name && !says_more)
            continue;
        jw_obj(w, all[i].name ? all[i].name : "default");
        network_write(w, &all[i]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

static struct err *said_twice(const char *flag, const char *what)
{
    return err_new(ERR_INVALID, "conflicting options: cannot specify both %s and per-network %s",
                   flag, what);
}

/* Options such as --ip and --network-alias belong to the first network. */
static struct err *add_to_first(struct run_body *b, struct network_choice *n)
{
    const struct run_options *o = b->o;

    if (o->ip && n->ip)
        return said_twice("--ip", "IPv4 address");
    if (o->ip6 && n->ip6)
        return said_twice("--ip6", "IPv6 address");
    if (o->mac && n->mac)
        return said_twice("--mac-address", "MAC address");
    if (o->aliases.n && n->aliases.n)
        return said_twice("--network-alias", "alias");
    n->ip = o->ip ? o->ip : n->ip;
    n->ip6 = o->ip6 ? o->ip6 : n->ip6;
    n->mac = o->mac ? o->mac : n->mac;
    for (size_t i = 0; i < o->aliases.n; i++)
        strs_add(b->a, &n->aliases, o->aliases.v[i]);
    for (size_t i = 0; i < o->link_local.n; i++)
        strs_add(b->a, &n->link_local, o->link_local.v[i]);
    return NULL;
}

/* One at least: without --network it has no name. */
static struct err *choose_networks(struct run_body *b, struct network_choice **out, size_t *out_n)
{
    size_t n = b->o->networks.n ? b->o->networks.n : 1, user_defined = 0;
    struct network_choice *all = arena_array(b->a, n, sizeof(*all));

    for (size_t i = 0; i < n; i++) {
        struct err *e = b->o->networks.n ? network_parse(b->a, b->o->networks.v[i], &all[i]) : NULL;

        if (e)
            return refused(e, "--network", b->o->networks.v[i]);
        if (i == 0)
            TRY(add_to_first(b, &all[0]));
        TRY(network_check(&all[i]));
        user_defined += network_is_user_defined(&all[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(all[k].name, all[i].name) == 0)
                return err_new(ERR_INVALID, "network \"%s\" is specified multiple times",
                               all[i].name);
    }
    if (user_defined && user_defined < n)
        return err_new(ERR_INVALID, "conflicting options: cannot attach both user-defined and "
                                    "non-user-defined network-modes");
    *out = all;
    *out_n = n;
    return NULL;
}

struct err *run_body(struct arena *a, const struct run_options *o, const struct run_streams *s,
                     struct strs args, char **out)
{
    autobuf struct buf text = {0};
    struct run_body b = {.a = a, .o = o, .w = {.out = &text}};
    struct network_choice *networks = NULL;
    size_t n = 0;

    TRY(parse_values(&b));
    TRY(choose_networks(&b, &networks, &n));
    jw_obj(&b.w, NULL);
    write_config(&b, s, args);
    TRY(write_host_config(&b, &networks[0]));
    write_networks(&b, networks, n);
    jw_obj_end(&b.w);
    *out = arena_strndup(a, text.data, text.len);
    return NULL;
}
