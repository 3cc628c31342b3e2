/* SPDX-License-Identifier: Apache-2.0 */
/* GET /info: the host, the engine and what both can do. Loop thread, no I/O. */
#include <string.h>

#include "base/clock.h"
#include "cgroup/cgroup.h"
#include "core/settings.h"
#include "image/image.h"
#include "net/net.h"
#include "runtime/lsm.h"

#include "api.h"

static const struct {
    const char *key, *feature, *warning; /* warning: when it is missing; NULL: none */
} abilities[] = {
    {"MemoryLimit", "memory", "WARNING: No memory limit support"},
    {"SwapLimit", "memory.swap", "WARNING: No swap limit support"},
    {"CpuCfsPeriod", "cpu", "WARNING: No cpu cfs period support"},
    {"CpuCfsQuota", "cpu", "WARNING: No cpu cfs quota support"},
    {"CPUShares", "cpu", "WARNING: No cpu shares support"},
    {"CPUSet", "cpuset", "WARNING: No cpuset support"},
    {"PidsLimit", "pids", "WARNING: No pids limit support"},
    {"OomKillDisable", "memory.oom_control", NULL},
};

static void write_warnings(struct jw *w, const struct parts *p)
{
    const struct cgroup_tree *t = p->cgroups;
    const char *shut = net_forward_shut(p->net);
    autoarena struct arena *a = arena_create();

    jw_arr(w, "Warnings");
    for (size_t i = 0; i < ARRAY_LEN(abilities); i++)
        if (abilities[i].warning && !cgroup_has(t, abilities[i].feature))
            jw_str(w, NULL, abilities[i].warning);
    if (shut)
        jw_str(w, NULL,
               arena_printf(a,
                            "WARNING: forwarded packets of containers are dropped by the host's "
                            "firewall (%s)",
                            shut));
    jw_arr_end(w);
}

static void write_names(struct jw *w, const char *key, const char *const *names)
{
    jw_arr(w, key);
    for (; *names; names++)
        jw_str(w, NULL, *names);
    jw_arr_end(w);
}

static void write_counts(struct jw *w, const struct parts *p)
{
    struct container_counts n = container_counts(p->containers);

    jw_int(w, "Containers", n.total);
    jw_int(w, "ContainersRunning", n.running);
    jw_int(w, "ContainersPaused", n.paused);
    jw_int(w, "ContainersStopped", n.stopped);
    jw_int(w, "Images", (int64_t)image_count(p->images));
}

static void write_plugins(struct jw *w)
{
    static const char *const volume[] = {"local", NULL};
    static const char *const network[] = {"bridge", "host", "ipvlan", "macvlan", "null", NULL};
    static const char *const log[] = {"journald", "json-file", "local", "none", "syslog", NULL};

    jw_obj(w, "Plugins");
    write_names(w, "Volume", volume);
    write_names(w, "Network", network);
    jw_null(w, "Authorization");
    write_names(w, "Log", log);
    jw_obj_end(w);
}

static void write_storage(struct jw *w, const struct parts *p)
{
    jw_str(w, "Driver", "overlay2");
    jw_arr(w, "DriverStatus");
    jw_arr(w, NULL);
    jw_str(w, NULL, "Data Root");
    jw_str(w, NULL, p->settings->data_root);
    jw_arr_end(w);
    jw_arr_end(w);
    jw_str(w, "DockerRootDir", p->settings->data_root);
}

static void write_host(struct jw *w, const struct facts *f)
{
    jw_str(w, "KernelVersion", f->kernel);
    jw_str(w, "OperatingSystem", f->os_name);
    jw_str(w, "OSVersion", f->os_version);
    jw_str(w, "OSType", "linux");
    jw_str(w, "Architecture", f->architecture);
    jw_int(w, "NCPU", f->cpus);
    jw_int(w, "MemTotal", f->memory_bytes);
    jw_str(w, "Name", f->host_name);
}

static void write_index(struct jw *w, const char *name, bool secure, const struct strs *mirrors)
{
    jw_obj(w, name);
    jw_str(w, "Name", name);
    jw_strs(w, "Mirrors", mirrors);
    jw_bool(w, "Secure", secure);
    jw_bool(w, "Official", !strcmp(name, "docker.io"));
    jw_obj_end(w);
}

static struct strs mirrors_of(struct arena *a, const struct settings *s, const char *domain)
{
    struct strs out = {0};
    const char *url;
    char *of;

    for (size_t i = 0; i < s->registry_mirrors.n; i++)
        if (settings_mirror(a, s->registry_mirrors.v[i], &of, &url) && !strcmp(of, domain))
            strs_add(a, &out, url);
    return out;
}

/* The others that have mirrors; those that are insecure are told of as such. */
static void write_mirrored(struct jw *w, struct arena *a, const struct settings *s)
{
    struct strs told = {0};
    const char *url;
    char *of;

    for (size_t i = 0; i < s->registry_mirrors.n; i++) {
        struct strs mirrors;

        if (!settings_mirror(a, s->registry_mirrors.v[i], &of, &url) || !strcmp(of, "docker.io") ||
            strs_has(&told, of) || strs_has(&s->insecure_registries, of))
            continue;
        strs_add(a, &told, of);
        mirrors = mirrors_of(a, s, of);
        write_index(w, of, true, &mirrors);
    }
}

/* What counts: of the settings or the environment. */
static void write_proxy(struct jw *w, struct arena *a, const char *key, const char *upper,
                        const char *lower)
{
    const char *value = getenv(upper);

    if (text_is_empty(value))
        value = getenv(lower);
    jw_str(w, key, value ? settings_masked(a, value) : "");
}

static void write_registries(struct jw *w, const struct settings *s)
{
    static const struct strs no_mirrors = {0};
    autoarena struct arena *a = arena_create();
    struct strs of_hub = mirrors_of(a, s, "docker.io");

    jw_str(w, "IndexServerAddress", "https://index.docker.io/v1/");
    jw_obj(w, "RegistryConfig");
    jw_arr(w, "InsecureRegistryCIDRs");
    jw_str(w, NULL, "127.0.0.0/8");
    for (size_t i = 0; i < s->insecure_registries.n; i++)
        if (strchr(s->insecure_registries.v[i], '/'))
            jw_str(w, NULL, s->insecure_registries.v[i]);
    jw_arr_end(w);
    jw_obj(w, "IndexConfigs");
    write_index(w, "docker.io", true, &of_hub);
    write_mirrored(w, a, s);
    for (size_t i = 0; i < s->insecure_registries.n; i++)
        if (!strchr(s->insecure_registries.v[i], '/'))
            write_index(w, s->insecure_registries.v[i], false, &no_mirrors);
    jw_obj_end(w);
    jw_strs(w, "Mirrors", &of_hub);
    jw_obj_end(w);
    write_proxy(w, a, "HttpProxy", "HTTP_PROXY", "http_proxy");
    write_proxy(w, a, "HttpsProxy", "HTTPS_PROXY", "https_proxy");
    write_proxy(w, a, "NoProxy", "NO_PROXY", "no_proxy");
}

static void write_runtime(struct jw *w)
{
    static const char *const names[] = {"io.containerd.runc.v2", "runc"};

    jw_obj(w, "Runtimes"); /* clients look for these two; both are what is built in */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        jw_obj(w, names[i]);
        jw_str(w, "path", "berth-keeper");
        jw_obj_end(w);
    }
    jw_obj_end(w);
    jw_str(w, "DefaultRuntime", "runc");
    jw_obj(w, "FirewallBackend");
    jw_str(w, "Driver", "nftables");
    jw_obj_end(w);
    jw_str(w, "InitBinary", "berth-keeper");
}

static void write_swarm(struct jw *w)
{
    jw_obj(w, "Swarm");
    jw_str(w, "NodeID", "");
    jw_str(w, "NodeAddr", "");
    jw_str(w, "LocalNodeState", "inactive");
    jw_bool(w, "ControlAvailable", false);
    jw_str(w, "Error", "");
    jw_null(w, "RemoteManagers");
    jw_obj_end(w);
}

static void write_engine(struct request *r, struct jw *w)
{
    const struct parts *p = parts_of(r);
    const char *security[6] = {NULL};
    size_t n = 0;

    if (p->lsm->profile)
        security[n++] = "name=apparmor";
    security[n++] = arena_printf(
        r->arena, "name=seccomp,profile=%s",
        text_is_empty(p->settings->seccomp_profile) ? "builtin" : p->settings->seccomp_profile);
    if (p->lsm->sets_labels)
        security[n++] = "name=selinux";
    if (p->remap)
        security[n++] = "name=userns";
    if (cgroup_is_v2(p->cgroups))
        security[n++] = "name=cgroupns";
    jw_str(w, "ServerVersion", BERTH_VERSION);
    jw_bool(w, "Debug", p->settings->debug);
    jw_bool(w, "LiveRestoreEnabled", true);
    jw_bool(w, "ExperimentalBuild", false);
    jw_bool(w, "IPv4Forwarding", p->settings->ip_forward);
    jw_str(w, "LoggingDriver", p->settings->log_driver);
    jw_str(w, "CgroupDriver", "cgroupfs");
    jw_str(w, "CgroupVersion", cgroup_is_v2(p->cgroups) ? "2" : "1");
    write_names(w, "SecurityOptions", security);
    jw_strs(w, "Labels", &p->settings->labels);
    jw_time(w, "SystemTime", clock_wall_ns());
}

void handle_info(struct request *r)
{
    const struct parts *p = parts_of(r);
    struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "ID", p->engine_id);
    write_counts(&w, p);
    write_storage(&w, p);
    write_plugins(&w);
    for (size_t i = 0; i < ARRAY_LEN(abilities); i++)
        jw_bool(&w, abilities[i].key, cgroup_has(p->cgroups, abilities[i].feature));
    write_engine(r, &w);
    write_host(&w, &api_of(r)->facts);
    write_registries(&w, p->settings);
    write_runtime(&w);
    write_swarm(&w);
    write_warnings(&w, p);
    jw_obj_end(&w);
    reply_json(r, 200, &b);
}
