/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up and shutdown: the parts are made bottom up and closed top down. Blocking
 * is allowed here and only here. The order matters once: the containers are loaded
 * before the keeper is asked what it has, and clients are served last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/commands.h"
#include "api/trail.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "builder/builder.h"
#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/id_pool.h"
#include "container/mcs_pool.h"
#include "core/db.h"
#include "core/debug.h"
#include "core/events.h"
#include "core/latency.h"
#include "core/loop.h"
#include "core/op.h"
#include "core/turn.h"
#include "image/image.h"
#include "net/net.h"
#include "net/network.h"
#include "recover/recover.h"
#include "recover/salvage.h"
#include "run/file_binds.h"
#include "runtime/policy.h"
#include "runtime/risk.h"
#include "runtime/sandbox.h"
#include "runtime/subid.h"
#include "storage/layer.h"
#include "storage/volume.h"
#include "stream/log.h"
#include "view/metrics.h"
#include "view/stats.h"

#include "engine.h"
#include "settings_reload.h"

#define KERNEL_WORKERS 4
#define DISK_WORKERS 4
#define FDS_MIN 1024     /* open files: itself, some containers and clients */
#define FIRST_GIVEN_FD 3 /* sd_listen_fds(3) */
#define GIVEN_SOCKETS_MAX 16
#define DEFAULT_DATA_ROOT "/var/lib/berth"
#define DEFAULT_EXEC_ROOT "/run/berth"

/* Only then may names in the kernel be the plain ones: a second engine has a tag in all of its. */
static bool has_default_roots(const struct settings *s)
{
    return strcmp(s->data_root, DEFAULT_DATA_ROOT) == 0 &&
           strcmp(s->exec_root, DEFAULT_EXEC_ROOT) == 0;
}

/* Engines with different roots must not meet in the kernel's name spaces. */
static void make_tag(struct engine *e)
{
    autobuf struct buf text = {0};
    char digest[DIGEST_MAX];

    buf_printf(&text, "%s\n%s", e->settings.data_root, e->settings.exec_root);
    digest_of(text.data, text.len, digest);
    snprintf(e->tag, sizeof(e->tag), "%.6s", digest_hex(digest));
}

/* flock(2) on the data root: two engines on one would ruin its database. The lock ends with the
 * process. */
static struct err *make_roots(struct engine *e)
{
    const struct settings *s = &e->settings;
    char *lock = path_join(e->arena, s->data_root, "berthd.lock");

    TRY(dir_make_all(s->data_root, 0710));
    TRY(dir_make_all(s->exec_root, 0711));
    e->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (e->lock_fd < 0)
        return err_sys("open %s", lock);
    if (flock(e->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_new(ERR_CONFLICT, "another engine uses the data root %s", s->data_root);
    return NULL;
}

/* Whoever raises the number of containers hits this limit first: take what we may have. With less
 * than FDS_MIN the engine would say that it is ready and serve nobody. */
static struct err *raise_fd_limit(void)
{
    struct rlimit r, now;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return err_sys("read the limit of open files");
    now = r;
    now.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &now) != 0) {
        log_warn("the limit of open files cannot be raised", KV_INT("limit", (int64_t)r.rlim_cur));
        now = r;
    }
    if (now.rlim_cur >= FDS_MIN)
        return NULL;
    return err_new(ERR_INVALID,
                   "at most %llu files may be open, and the engine needs %d: raise the limit "
                   "(LimitNOFILE= of the service, ulimit -n)",
                   (unsigned long long)now.rlim_cur, FDS_MIN);
}

/* When the host is out of memory a container shall die, not who serves all of them: the keeper has
 * -900, the engine this, and a container what it asked for, else 0. What a service manager has set
 * lower stays; without the privilege nothing is changed. */
static void protect_from_oom(int score)
{
    char text[16] = "";
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    if (read(fd, text, sizeof(text) - 1) > 0 && strtol(text, NULL, 10) > score) {
        int n = snprintf(text, sizeof(text), "%d", score);

        if (pwrite(fd, text, (size_t)n, 0) != n)
            log_warn("the engine is not protected from the OOM killer",
                     KV("error", strerror(errno)));
    }
    close(fd);
}

/* A container that sees one of these sockets, or these folders, has the engine. Of sockets that
 * were given to us (fd://) only the kernel knows the path. */
static void make_risk_host(struct engine *e)
{
    struct risk_host *h = arena_new(e->arena, struct risk_host);
    const struct strs *hosts = &e->settings.hosts;
    const char *given = getenv("LISTEN_FDS");
    uint32_t n = 0;

    for (size_t i = 0; i < hosts->n; i++)
        if (text_starts(hosts->v[i], "unix://"))
            strs_add(e->arena, &h->sockets, hosts->v[i] + strlen("unix://"));
    if (given && !text_to_u32(given, &n))
        n = 0;
    for (uint32_t i = 0; i < n && i < GIVEN_SOCKETS_MAX; i++) {
        struct sockaddr_un address = {0};
        socklen_t len = sizeof(address) - 1;

        if (getsockname(FIRST_GIVEN_FD + (int)i, (struct sockaddr *)&address, &len) == 0 &&
            address.sun_family == AF_UNIX && address.sun_path[0] == '/')
            strs_add(e->arena, &h->sockets, address.sun_path);
    }
    strs_add(e->arena, &h->sockets, path_join(e->arena, e->settings.exec_root, "keeper.sock"));
    h->data_root = e->settings.data_root;
    h->exec_root = e->settings.exec_root;
    e->parts.risk_host = h;
}

/* Clients tell engines apart by it (GET /info, "ID"), so it outlives them. */
static struct err *read_engine_id(struct engine *e)
{
    autoclose int dir = open(e->settings.data_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *text = NULL, id[ID_MAX];
    size_t n;
    struct err *err = file_read(e->arena, dir, "engine-id", ID_MAX, &text, &n);

    if (!err && id_is_valid(text)) {
        e->parts.engine_id = text;
        return NULL;
    }
    err_drop(err);
    id_random(id);
    TRY(file_write_atomic(dir, "engine-id", id, strlen(id), 0600, true));
    e->parts.engine_id = arena_strdup(e->arena, id);
    return NULL;
}

/* A history that cannot be kept is no reason not to serve. */
static void keep_events(struct engine *e)
{
    const char *dir = path_join(e->arena, e->settings.data_root, "events");
    struct err *err = events_keep(e->parts.events, e->parts.loop, e->parts.pools, dir);

    if (err)
        log_warn("the history of events will end with the engine", KV("error", err_text(err)));
    err_drop(err);
}

/* What everything else stands on: loop, workers, operations, databases. */
static struct err *open_core(struct engine *e)
{
    struct parts *p = &e->parts;

    p->started_ns = clock_wall_ns();
    p->settings = &e->settings;
    p->loop = loop_create();
    p->pools = pools_create(p->loop, KERNEL_WORKERS, DISK_WORKERS);
    p->ops = ops_create(p->loop, p->pools, e->settings.max_inflight);
    p->debug = debug_create();
    debug_register(p->debug, "turns", turns_dump, p->loop);
    p->events = events_create();
    keep_events(e);
    TRY(db_open(p->loop, path_join(e->arena, e->settings.data_root, "state.db"), &p->db));
    return db_open_volatile(p->loop, path_join(e->arena, e->settings.exec_root, "execs.db"),
                            &p->exec_db);
}

static struct err *open_network(struct engine *e)
{
    struct parts *p = &e->parts;
    const struct settings *s = &e->settings;
    char *bridge = s->bridge
                       ? s->bridge
                       : arena_printf(e->arena, has_default_roots(s) ? "berth0" : "br-%s", e->tag);
    struct net_pools pools;

    TRY(net_pools_parse(e->arena, &s->address_pools, &pools));

    struct net_settings net = {
        .tag = e->tag,
        .pools = pools,
        .bridge = bridge,
        .forwarding_file = path_join(e->arena, s->exec_root, "forwarding"),
        .mtu = s->mtu,
        .ip_forward = s->ip_forward,
        .ip_masq = s->ip_masq,
        .accept_forward = s->ip_forward_accept,
        .userland_proxy = s->userland_proxy,
        .publish_by_proxy = !strcmp(s->publish_mode, "proxy"),
    };
    struct network_settings networks = {
        .bip = s->bip,
        .bridge_ifname = bridge,
        .engine_id = p->engine_id,
        .ipv6 = s->ipv6,
        .fixed_cidr_v6 = s->fixed_cidr_v6,
        .fixed_cidr = s->fixed_cidr,
        .default_gateway = s->default_gateway,
        .default_gateway6 = s->default_gateway_v6,
        .driver_opts = &s->network_opts,
        .icc = s->icc,
        .ip_masq = s->ip_masq,
        .mtu = s->mtu,
    };

    TRY(net_open(p->loop, p->pools, &net, &p->net));
    debug_register(p->debug, "net", net_dump, p->net);
    TRY(network_table_open(p->net, p->ops, p->db, p->events, &networks, &p->networks));
    debug_register(p->debug, "networks", network_table_dump, p->networks);
    return NULL;
}

static struct err *open_mechanisms(struct engine *e)
{
    struct parts *p = &e->parts;
    const struct settings *s = &e->settings;
    bool is_slice = s->cgroup_parent && text_ends(s->cgroup_parent, ".slice");
    char *own = s->cgroup_parent && !is_slice
                    ? s->cgroup_parent
                    : arena_printf(e->arena, has_default_roots(s) ? "berth" : "berth-%s", e->tag);

    ASSERT(p->db && p->ops);
    TRY(cgroup_tree_open(own, &p->cgroups));
    TRY(cgroup_tree_give_realtime(p->cgroups, s->cpu_rt_period, s->cpu_rt_runtime));
    if (is_slice) /* containers that name no other are there: run/create.c */
        TRY(cgroup_parent_check(p->cgroups, e->arena, s->cgroup_parent));
    TRY(layer_store_open(s->data_root, &p->layers));
    TRY(open_network(e));
    TRY(volume_table_open(s->data_root, p->ops, p->db, p->events, &p->volumes));
    return image_table_open(p->layers, p->loop, p->pools, p->ops, p->db, p->events, s, s->data_root,
                            &p->images);
}

/* Beside this program, as in the build, or where the installation has put it; unless the
 * environment says otherwise. */
static char *keeper_binary(struct arena *a)
{
    char self[4096], *beside;
    const char *chosen = getenv("BERTH_KEEPER");
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (chosen)
        return arena_strdup(a, chosen);
    self[n < 0 ? 0 : n] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    beside = path_join(a, self, "berth-keeper");
    return access(beside, X_OK) < 0 && access(BERTH_KEEPER_INSTALLED, X_OK) == 0
               ? arena_strdup(a, BERTH_KEEPER_INSTALLED)
               : beside;
}

/* What the settings' own reader does not know: log drivers, risks, pools, limits, filters. */
struct err *engine_read_settings(struct arena *a, int argc, char **argv, struct settings *out)
{
    enum risk_telling telling;
    struct net_pools pools;
    struct jlist ulimits;

    TRY(settings_parse(a, argc, argv, out));
    if (out->only_help || out->only_version || out->only_list_steps)
        return NULL;
    TRY(risk_telling_from_text(out->risk_warnings, &telling));
    TRY(net_pools_parse(a, &out->address_pools, &pools));
    TRY(ulimits_parse(a, &out->ulimits, &ulimits));
    TRY(sandbox_read_seccomp(a, out->seccomp_profile, &out->seccomp_option));
    return log_check(out->log_driver, &out->log_opts);
}

struct err *engine_validate(const struct engine *e)
{
    const char *spec = e->settings.userns_remap;
    struct id_map ignored;

    if (!text_is_empty(spec))
        TRY(subid_remap(spec, &ignored));
    return e->settings.selinux_enabled ? lsm_check_selinux() : NULL;
}

/* Whose ids containers get. The lines of /etc/subuid and /etc/subgid are read once. */
static struct err *open_ids(struct engine *e)
{
    const char *spec = e->settings.userns_remap;
    struct id_map pool, *remap = NULL;

    if (!text_is_empty(spec)) {
        remap = arena_new(e->arena, struct id_map);
        TRY(subid_remap(spec, remap));
        log_info("containers get the ids of a user namespace", KV("of", spec),
                 KV_INT("first_uid", id_map_uid(remap, 0)),
                 KV_INT("first_gid", id_map_gid(remap, 0)));
    }
    TRY(subid_pool(&pool));
    e->parts.remap = remap;
    e->parts.id_pool = id_pool_create(&pool, remap);
    return NULL;
}

static struct err *open_lsm(struct engine *e)
{
    struct lsm *l = arena_new(e->arena, struct lsm);

    TRY(lsm_open(e->arena, e->settings.selinux_enabled, l));
    e->parts.lsm = l;
    if (!l->sets_labels)
        return NULL;
    e->parts.mcs = mcs_pool_create();
    return layers_label(e->parts.layers, l->labels.layer);
}

/* The documents, then what the keeper has, then what the two say together. */
static struct err *open_containers(struct engine *e)
{
    static const struct keeper_hooks hooks = {container_table_exited, container_table_keeper_lost,
                                              container_table_settled, container_table_land};
    struct parts *p = &e->parts;

    ASSERT(p->images && p->volumes && p->networks);
    p->stats = stats_sampler_create(p);
    p->metrics = metrics_create(p);
    p->latencies = latencies_create();
    p->keeper_binary = keeper_binary(e->arena);
    TRY(open_ids(e));
    TRY(open_lsm(e));
    p->file_binds = file_binds_create(p);
    TRY(container_table_open(p, &p->containers));
    TRY(keeper_open(p->loop, e->settings.exec_root, p->keeper_binary, &hooks, p->containers,
                    container_table_adopt, &p->keeper));
    TRY(container_table_open_landing(p->containers));
    container_table_reconcile(p->containers);
    TRY(builder_open(p, &p->builder));
    image_table_sweep(p->images);
    return NULL;
}

/* The first container should not wait for the compilation of the default filter. */
static void warm_run(struct job *job)
{
    (void)job;
    sandbox_warm();
}

static void warm_done(struct job *job)
{
    free(job);
}

static void warm_up(struct parts *p)
{
    struct job *job = mem_new(struct job);

    job->run = warm_run;
    job->done = warm_done;
    pool_submit(p->pools, POOL_KERNEL, job);
}

struct err *engine_recover(struct engine *e)
{
    TRY(make_roots(e));
    return salvage_data_root(e->settings.data_root);
}

/* Bottom up. What fails is said on stderr by whoever called, and the process ends. */
struct err *engine_open(struct engine *e)
{
    ASSERT(e->lock_fd < 0 && e->arena);
    make_tag(e);
    TRY(raise_fd_limit());
    protect_from_oom(e->settings.oom_score_adjust);
    TRY(make_roots(e));
    make_risk_host(e);
    TRY(read_engine_id(e));
    TRY(salvage_check_presence(e->settings.data_root));
    TRY(open_core(e));
    TRY(open_mechanisms(e));
    TRY(open_containers(e));
    if (!text_is_empty(e->settings.policy)) {
        TRY(policy_read(e->settings.policy, &e->parts.policy));
        TRY(commands_check(e->parts.policy));
    }
    TRY(trail_open(&e->parts));
    TRY(server_open(&e->parts, &e->server));
    warm_up(&e->parts);
    return NULL;
}

/* Down the same ladder. What a worker may still hold (images being pulled) waits for the pools. */
void engine_close(struct engine *e)
{
    struct parts *p = &e->parts;
    struct container_counts n = container_counts(p->containers);

    ASSERT_LOOP();
    ASSERT(p->containers && p->keeper);
    builder_stop(p->builder);
    image_table_stop(p->images);
    metrics_stop(p->metrics);
    container_table_close(p->containers);
    id_pool_destroy(p->id_pool);
    mcs_pool_destroy(p->mcs);
    volume_table_close(p->volumes);
    network_table_close(p->networks);
    net_close(p->net, n.running == 0 && n.paused == 0);
    db_close(p->exec_db);
    db_close(p->db);
    ops_destroy(p->ops);
    pools_stop(p->pools);
    loop_settle(p->loop); /* results of the last jobs, while what they speak to is there */
    pools_destroy(steal_ptr(&p->pools));
    trail_close(p);
    stats_sampler_destroy(p->stats);
    metrics_destroy(p->metrics);
    latencies_destroy(p->latencies);
    file_binds_close(p->file_binds);
    builder_close(p->builder);
    image_table_close(p->images);
    layer_store_close(p->layers);
    cgroup_tree_close(p->cgroups);
    policy_unref(p->policy);
    events_destroy(p->events);
    debug_destroy(p->debug);
    /* Late, and the landing memory is not let go: from here on the outputs are the keeper's. */
    keeper_close(p->keeper);
    loop_destroy(p->loop);
    close(e->lock_fd);
    settings_reload_forget(e);
    arena_destroy(e->arena);
}
