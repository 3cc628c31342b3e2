/* SPDX-License-Identifier: Apache-2.0 */
/* The families of GET /metrics: what they are called, and where their figures come from. */
#include "metrics_inner.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/metric.h"
#include "container/object.h"
#include "core/events.h"
#include "core/latency.h"
#include "core/op.h"
#include "core/turn.h"
#include "exec/health.h"
#include "image/image.h"
#include "place/networks.h"
#include "runtime/keeper_conn.h"

/* ---- the engine ---- */

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      int64_t value)
{
    metric_head(out, name, type, help);
    metric_int(out, name, "", value);
}

static void write_counts(struct parts *p, struct buf *out)
{
    struct container_counts n = container_counts(p->containers);

    metric_head(out, "berth_containers", "gauge", "Containers by state.");
    metric_int(out, "berth_containers", "state=\"running\"", n.running);
    metric_int(out, "berth_containers", "state=\"paused\"", n.paused);
    metric_int(out, "berth_containers", "state=\"stopped\"", n.stopped);
    write_one(out, "berth_images", "gauge", "Images.", (int64_t)image_count(p->images));
}

void metrics_write_engine(struct parts *p, struct buf *out)
{
    autobuf struct buf version = {0};

    ASSERT_LOOP();
    metric_label(&version, "version", BERTH_VERSION);
    metric_label(&version, "engine_id", p->engine_id);
    metric_head(out, "berth_engine_info", "gauge", "1, with the version and the id of the engine.");
    metric_int(out, "berth_engine_info", version.data, 1);
    metric_head(out, "berth_engine_start_time_seconds", "gauge", "When the engine has started.");
    metric_seconds(out, "berth_engine_start_time_seconds", "", p->started_ns);
    write_counts(p, out);
    write_one(out, "berth_operations_in_flight", "gauge", "Operations that have begun.",
              ops_in_flight(p->ops));
    write_one(out, "berth_operations_waiting", "gauge", "Operations that wait for a slot.",
              ops_waiting(p->ops));
    write_one(out, "berth_clients", "gauge", "Processes that have connections or operations.",
              ops_clients(p->ops));
    ops_write_waits(p->ops, out);
    write_one(out, "berth_operations_late_total", "counter",
              "Answers that came when nobody waited for them any more.", (int64_t)ops_late(p->ops));
    write_one(out, "berth_keeper_up", "gauge", "Whether the engine has its keeper.",
              keeper_pid(p->keeper) > 0);
    turns_write_metrics(p->loop, out);
    latencies_write(p->latencies, out);
}

/* proc(5), stat: the second number is resident pages; status has threads. */
void metrics_write_process(struct buf *out)
{
    autoarena struct arena *a = arena_create();
    struct timespec cpu = {0};
    long long resident = 0;
    char *text = NULL;
    size_t n;
    struct err *err = file_read(a, AT_FDCWD, "/proc/self/statm", 4096, &text, &n);

    ASSERT_WORKER();
    if (!err)
        sscanf(text, "%*s %lld", &resident);
    err_drop(err);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    metric_head(out, "process_cpu_seconds_total", "counter", "CPU time of the engine's process.");
    metric_seconds(out, "process_cpu_seconds_total", "", cpu.tv_sec * NS_PER_S + cpu.tv_nsec);
    write_one(out, "process_resident_memory_bytes", "gauge", "Memory of the engine's process.",
              resident * sysconf(_SC_PAGESIZE));
    write_one(out, "process_open_fds", "gauge", "Descriptors that the engine has open.",
              (int64_t)fd_count());
}

/* ---- a container ---- */

void metrics_sample_begin(struct metrics_sample *s, struct arena *a, struct container *c)
{
    bool is_running = state_is_running(c) && !c->is_exiting && !c->exit.is_set;
    autobuf struct buf labels = {0};

    ASSERT_LOOP();
    metric_label(&labels, "id", arena_printf(a, "%.12s", c->doc.id));
    metric_label(&labels, "name", c->name);
    *s = (struct metrics_sample){
        .labels = arena_strdup(a, labels.data),
        .image = arena_strdup(a, c->doc.image_name),
        .place = container_cgroup(a, c),
        .state = status_name(c),
        .health = health_name(c),
        .restarts = c->doc.state.restart_count,
        .started_ns = is_running ? c->doc.state.started_ns : 0,
        .pid = c->doc.state.pid,
        .pidfd = is_running ? fcntl(c->pidfd, F_DUPFD_CLOEXEC, 0) : -1,
        .has_networks =
            !network_mode_is(&c->doc.host, "host") && !network_mode_is(&c->doc.host, "none"),
    };
}

void metrics_sample_drop(struct metrics_sample *s)
{
    if (s->pidfd >= 0)
        close(steal_fd(&s->pidfd));
}

static const char *const pressures[] = {"cpu", "memory", "io"};

void metrics_sample_look(struct cgroup_tree *t, struct arena *a, struct metrics_sample *s)
{
    struct err *err;

    ASSERT_WORKER();
    if (s->pidfd < 0)
        return;
    err = cgroup_stats(t, s->place, &s->usage);
    s->is_there = !err;
    err_drop(err); /* it has ended */
    for (size_t i = 0; s->is_there && i < ARRAY_LEN(pressures); i++)
        cgroup_pressure(t, s->place, pressures[i], &s->pressure[i]);
    if (s->is_there && s->has_networks)
        interfaces_read(a, s->pid, s->pidfd, &s->interfaces, &s->n_interfaces);
    metrics_sample_drop(s);
}

/* ---- families of containers ---- */

#define FIELD(member) offsetof(struct metrics_sample, member)

struct family {
    const char *name, *type, *help;
    size_t field; /* int64_t */
    bool is_ns, of_all;
};

static const struct family families[] = {
    {"berth_container_restarts_total", "counter", "Runs begun by the restart policy.",
     FIELD(restarts), false, true},
    {"berth_container_start_time_seconds", "gauge", "When the run has begun.", FIELD(started_ns),
     true, false},
    {"berth_container_cpu_seconds_total", "counter", "CPU time.", FIELD(usage.cpu_ns), true, false},
    {"berth_container_cpu_user_seconds_total", "counter", "CPU time in user mode.",
     FIELD(usage.cpu_user_ns), true, false},
    {"berth_container_cpu_system_seconds_total", "counter", "CPU time in the kernel.",
     FIELD(usage.cpu_system_ns), true, false},
    {"berth_container_cpu_periods_total", "counter", "Periods of the CPU limit.",
     FIELD(usage.periods), false, false},
    {"berth_container_cpu_throttled_periods_total", "counter",
     "Periods in which the CPU limit was met.", FIELD(usage.throttled_periods), false, false},
    {"berth_container_cpu_throttled_seconds_total", "counter", "Time for which it was throttled.",
     FIELD(usage.throttled_ns), true, false},
    {"berth_container_memory_usage_bytes", "gauge", "Memory, with the page cache.",
     FIELD(usage.memory_bytes), false, false},
    {"berth_container_memory_inactive_file_bytes", "gauge",
     "Page cache that is given up first: usage less this is the working set.",
     FIELD(usage.memory_inactive_file), false, false},
    {"berth_container_memory_limit_bytes", "gauge", "Limit of the memory; 0: none.",
     FIELD(usage.memory_limit), false, false},
    {"berth_container_oom_kills_total", "counter", "Processes that the OOM killer has ended.",
     FIELD(usage.oom_kills), false, false},
    {"berth_container_processes", "gauge", "Processes and threads.", FIELD(usage.pids), false,
     false},
    {"berth_container_processes_limit", "gauge", "Limit of these; 0: none.",
     FIELD(usage.pids_limit), false, false},
    {"berth_container_block_read_bytes_total", "counter", "Bytes read from block devices.",
     FIELD(usage.read_bytes), false, false},
    {"berth_container_block_written_bytes_total", "counter", "Bytes written to block devices.",
     FIELD(usage.write_bytes), false, false},
};

static void write_family(struct buf *out, const struct family *f, const struct metrics_sample *v,
                         size_t n)
{
    metric_head(out, f->name, f->type, f->help);
    for (size_t i = 0; i < n; i++) {
        int64_t value;

        if (!v[i].is_there && !f->of_all)
            continue;
        memcpy(&value, (const char *)&v[i] + f->field, sizeof(value));
        if (f->is_ns)
            metric_seconds(out, f->name, v[i].labels, value);
        else
            metric_int(out, f->name, v[i].labels, value);
    }
}

static void write_interfaces(struct buf *out, const struct metrics_sample *v, size_t n)
{
    static const char *const names[][2] = {
        {"berth_container_network_received_bytes_total", "Bytes received."},
        {"berth_container_network_received_packets_total", "Packets received."},
        {"berth_container_network_received_errors_total", "Errors of receiving."},
        {"berth_container_network_received_drops_total", "Packets dropped that came."},
        {"berth_container_network_sent_bytes_total", "Bytes sent."},
        {"berth_container_network_sent_packets_total", "Packets sent."},
        {"berth_container_network_sent_errors_total", "Errors of sending."},
        {"berth_container_network_sent_drops_total", "Packets dropped that should go."},
    };

    for (size_t at = 0; at < ARRAY_LEN(names); at++) {
        metric_head(out, names[at][0], "counter", names[at][1]);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < v[i].n_interfaces; k++) {
                autobuf struct buf labels = {0};

                buf_puts(&labels, v[i].labels);
                metric_label(&labels, "interface", v[i].interfaces[k].name);
                metric_int(out, names[at][0], labels.data, v[i].interfaces[k].values[at]);
            }
    }
}

/* psi.rst: the time for which some, or all, of its tasks have waited. */
static void write_pressures(struct buf *out, const struct metrics_sample *v, size_t n)
{
    static const char name[] = "berth_container_pressure_seconds_total";

    metric_head(out, name, "counter", "Time for which some or all tasks have waited (PSI).");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_LEN(pressures); k++) {
            const struct cgroup_pressure *p = &v[i].pressure[k];
            autobuf struct buf some = {0}, full = {0};

            if (!p->is_known)
                continue;
            buf_printf(&some, "%s,resource=\"%s\",tasks=\"some\"", v[i].labels, pressures[k]);
            buf_printf(&full, "%s,resource=\"%s\",tasks=\"full\"", v[i].labels, pressures[k]);
            metric_seconds(out, name, some.data, p->some.total_ns);
            metric_seconds(out, name, full.data, p->full.total_ns);
        }
}

/* One sample a container, 1, with what is no number as a label. */
static void write_words(struct buf *out, const char *name, const char *help, const char *label,
                        size_t field, const struct metrics_sample *v, size_t n)
{
    metric_head(out, name, "gauge", help);
    for (size_t i = 0; i < n; i++) {
        autobuf struct buf labels = {0};
        const char *word;

        memcpy(&word, (const char *)&v[i] + field, sizeof(word));
        buf_puts(&labels, v[i].labels);
        metric_label(&labels, label, word);
        metric_int(out, name, labels.data, 1);
    }
}

void metrics_write_containers(struct buf *out, const struct metrics_sample *v, size_t n)
{
    write_words(out, "berth_container_info", "1, with the image of the container.", "image",
                FIELD(image), v, n);
    write_words(out, "berth_container_state", "1, with the state of the container.", "state",
                FIELD(state), v, n);
    write_words(out, "berth_container_health", "1, with what the health check says.", "health",
                FIELD(health), v, n);
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_family(out, &families[i], v, n);
    write_interfaces(out, v, n);
    write_pressures(out, v, n);
}
