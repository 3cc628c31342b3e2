/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's JSON of a container's CPU, memory, block I/O, processes and networks. Workers.
 */
#include "stats_sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "cgroup/cgroup.h"
#include "container/object.h"
#include "place/networks.h"

#include "interfaces.h"

#define PROC_TEXT_MAX 65536
#define HOST_AGE_NS (2 * NS_PER_MS)

void stats_cpu_finish(struct stats_cpu *c)
{
    free(c->cpus);
    *c = (struct stats_cpu){0};
}

void stats_look_begin(struct stats_look *l, const struct container *c)
{
    autoarena struct arena *a = arena_create();
    bool is_running = state_is_running(c) && !c->is_exiting && !c->exit.is_set;

    ASSERT_LOOP();
    *l = (struct stats_look){
        .cgroups = c->parts->cgroups,
        .id = mem_strdup(c->doc.id),
        .name = mem_printf("/%s", c->name),
        .place = mem_strdup(container_cgroup(a, c)),
        .pid = c->doc.state.pid,
        .pidfd = is_running ? fcntl(c->pidfd, F_DUPFD_CLOEXEC, 0) : -1,
        .has_networks =
            !network_mode_is(&c->doc.host, "host") && !network_mode_is(&c->doc.host, "none"),
    };
}

void stats_look_finish(struct stats_look *l)
{
    free(l->id);
    free(l->name);
    free(l->place);
    if (l->pidfd >= 0)
        close(l->pidfd);
    cgroup_kept_destroy(l->kept);
    stats_cpu_finish(&l->before);
    stats_cpu_finish(&l->now);
    buf_finish(&l->json);
}

/* ---- the host ---- */

/* proc(5): user nice system idle iowait irq softirq, in ticks; what Docker adds up. */
static int64_t host_cpu_ns(struct arena *a)
{
    long long v[7] = {0}, sum = 0;
    char *text = NULL;
    size_t n;
    struct err *e = file_read(a, AT_FDCWD, "/proc/stat", PROC_TEXT_MAX * 64, &text, &n);

    if (!e)
        sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld", &v[0], &v[1], &v[2], &v[3], &v[4],
               &v[5], &v[6]);
    err_drop(e);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        sum += v[i];
    return sum * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

/* Each of them is files of proc and sysfs. Those of a round are not much older than its looks. */
static void look_at_host(struct stats_host *h, struct arena *a)
{
    int64_t now = clock_boot_ns();

    if (h->at_ns && now - h->at_ns < HOST_AGE_NS)
        return;
    if (!h->at_ns) {
        h->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
        h->n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    }
    h->cpu_ns = host_cpu_ns(a);
    h->at_ns = now;
}

/* ---- writing ---- */

static void write_cpu(struct jw *w, const char *key, const struct stats_cpu *c, int64_t n_cpus)
{
    jw_obj(w, key);
    jw_obj(w, "cpu_usage");
    jw_int(w, "total_usage", c->total_ns);
    if (c->cpus) {
        jw_arr(w, "percpu_usage");
        for (size_t i = 0; i < c->n_cpus; i++)
            jw_int(w, NULL, c->cpus[i]);
        jw_arr_end(w);
    }
    jw_int(w, "usage_in_kernelmode", c->kernel_ns);
    jw_int(w, "usage_in_usermode", c->user_ns);
    jw_obj_end(w);
    if (c->is_set) {
        jw_int(w, "system_cpu_usage", c->host_ns);
        jw_int(w, "online_cpus", n_cpus);
    }
    jw_obj(w, "throttling_data");
    jw_int(w, "periods", c->periods);
    jw_int(w, "throttled_periods", c->throttled_periods);
    jw_int(w, "throttled_time", c->throttled_ns);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_io(struct jw *w, const char *key, const struct cgroup_io *v, size_t n)
{
    if (!n) {
        jw_null(w, key);
        return;
    }
    jw_arr(w, key);
    for (size_t i = 0; i < n; i++) {
        jw_obj(w, NULL);
        jw_int(w, "major", v[i].major);
        jw_int(w, "minor", v[i].minor);
        jw_str(w, "op", v[i].op);
        jw_int(w, "value", v[i].value);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_block_io(struct jw *w, const struct cgroup_detail *d)
{
    static const char *const absent[] = {"io_queue_recursive",     "io_service_time_recursive",
                                         "io_wait_time_recursive", "io_merged_recursive",
                                         "io_time_recursive",      "sectors_recursive"};

    jw_obj(w, "blkio_stats");
    write_io(w, "io_service_bytes_recursive", d->io_bytes, d->n_io_bytes);
    write_io(w, "io_serviced_recursive", d->io_count, d->n_io_count);
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        jw_null(w, absent[i]);
    jw_obj_end(w);
}

static void write_memory(struct jw *w, const struct cgroup_detail *d, bool is_v2, int64_t of_host)
{
    jw_obj(w, "memory_stats");
    jw_int(w, "usage", d->usage.memory_bytes);
    if (!is_v2)
        jw_int(w, "max_usage", d->usage.memory_max_bytes);
    jw_obj(w, "stats");
    for (size_t i = 0; i < d->memory.n; i++)
        jw_raw(w, d->memory.v[i].key, d->memory.v[i].value);
    jw_obj_end(w);
    if (!is_v2 && d->memory_failures)
        jw_int(w, "failcnt", d->memory_failures);
    jw_int(w, "limit", d->usage.memory_limit ? d->usage.memory_limit : of_host);
    jw_obj_end(w);
}

static void write_networks(struct stats_look *l, struct arena *a, struct jw *w)
{
    static const char *const keys[] = {"rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
                                       "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"};
    struct interface_counts *v;
    size_t n;

    interfaces_read(a, l->pid, l->pidfd, &v, &n);
    jw_obj(w, "networks");
    for (size_t i = 0; i < n; i++) {
        jw_obj(w, v[i].name);
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            jw_int(w, keys[k], v[i].values[k]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_stall(struct jw *w, const char *key, const struct cgroup_stall *s)
{
    jw_obj(w, key);
    jw_f64(w, "avg10", s->avg10);
    jw_f64(w, "avg60", s->avg60);
    jw_f64(w, "avg300", s->avg300);
    jw_int(w, "total", s->total_ns);
    jw_obj_end(w);
}

/* Not Docker's. What the kernel does not tell is not there. */
static void write_pressures(struct stats_look *l, struct jw *w)
{
    static const char *const resources[] = {"cpu", "memory", "io"};
    struct cgroup_pressure p[ARRAY_LEN(resources)];
    bool is_any = false;

    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        cgroup_pressure(l->cgroups, l->place, resources[i], &p[i]);
        is_any |= p[i].is_known;
    }
    if (!is_any)
        return;
    jw_obj(w, "pressure_stats");
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        if (!p[i].is_known)
            continue;
        jw_obj(w, resources[i]);
        write_stall(w, "some", &p[i].some);
        write_stall(w, "full", &p[i].full);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_time(struct jw *w, const char *key, int64_t ns)
{
    if (ns)
        jw_time(w, key, ns);
    else
        jw_str(w, key, "0001-01-01T00:00:00Z");
}

static void take_cpu(struct stats_look *l, const struct stats_host *host,
                     const struct cgroup_detail *d)
{
    l->now = (struct stats_cpu){
        .is_set = true,
        .read_ns = clock_wall_ns(),
        .total_ns = d->usage.cpu_ns,
        .user_ns = d->usage.cpu_user_ns,
        .kernel_ns = d->usage.cpu_system_ns,
        .host_ns = host->cpu_ns,
        .periods = d->usage.periods,
        .throttled_periods = d->usage.throttled_periods,
        .throttled_ns = d->usage.throttled_ns,
        .n_cpus = d->n_cpus,
    };
    if (!d->cpus)
        return;
    l->now.cpus = mem_array(d->n_cpus + 1, sizeof(*l->now.cpus));
    memcpy(l->now.cpus, d->cpus, d->n_cpus * sizeof(*d->cpus));
}

void stats_look_do(struct stats_look *l, struct stats_host *host)
{
    autoarena struct arena *a = arena_create();
    struct cgroup_detail d = {0};
    struct jw w = {.out = &l->json};
    struct err *e = l->pidfd < 0 ? NULL : cgroup_detail(l->cgroups, l->place, l->kept, a, &d);
    bool is_there = l->pidfd >= 0 && !e;

    ASSERT_WORKER();
    err_drop(e); /* it has ended */
    look_at_host(host, a);
    if (is_there)
        take_cpu(l, host, &d);
    jw_obj(&w, NULL);
    jw_str(&w, "name", l->name);
    jw_str(&w, "id", l->id);
    write_time(&w, "read", l->now.read_ns);
    write_time(&w, "preread", is_there ? l->before.read_ns : 0);
    jw_obj(&w, "pids_stats");
    if (is_there)
        jw_int(&w, "current", d.usage.pids);
    if (d.usage.pids_limit)
        jw_int(&w, "limit", d.usage.pids_limit);
    jw_obj_end(&w);
    write_block_io(&w, &d);
    jw_int(&w, "num_procs", 0);
    jw_obj(&w, "storage_stats");
    jw_obj_end(&w);
    write_cpu(&w, "cpu_stats", &l->now, host->n_cpus);
    write_cpu(&w, "precpu_stats", is_there ? &l->before : &(struct stats_cpu){0}, host->n_cpus);
    if (is_there) {
        write_memory(&w, &d, cgroup_is_v2(l->cgroups), host->memory_bytes);
        write_pressures(l, &w);
        if (l->has_networks)
            write_networks(l, a, &w);
    } else {
        jw_obj(&w, "memory_stats");
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    buf_putc(&l->json, '\n');
}
