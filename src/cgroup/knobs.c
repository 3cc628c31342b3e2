/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both versions of cgroups share in turning limits into writes, and the table
 * of knobs by which a kernel shows what it can do. Pure, any thread.
 */
#include "knobs.h"

const char *const controller_names[N_CONTROLLERS] = {
    [CTL_MEMORY] = "memory",   [CTL_CPU] = "cpu",         [CTL_CPUACCT] = "cpuacct",
    [CTL_CPUSET] = "cpuset",   [CTL_PIDS] = "pids",       [CTL_BLKIO] = "blkio",
    [CTL_DEVICES] = "devices", [CTL_FREEZER] = "freezer",
};

#define V1(...) .v1 = {__VA_ARGS__}
#define V2(...) .v2 = {__VA_ARGS__}
const struct feature_row feature_table[N_FEATURES] = {
    [FEAT_MEMORY] = {"memory.limit", CTL_MEMORY, V1("memory.limit_in_bytes"), V2("memory.max")},
    [FEAT_SWAP] = {"memory.swap", CTL_MEMORY, V1("memory.memsw.limit_in_bytes"),
                   V2("memory.swap.max")},
    [FEAT_RESERVATION] = {"memory.reservation", CTL_MEMORY, V1("memory.soft_limit_in_bytes"),
                          V2("memory.low")},
    [FEAT_SWAPPINESS] = {"memory.swappiness", CTL_MEMORY, V1("memory.swappiness")},
    [FEAT_OOM_CONTROL] = {"memory.oom_control", CTL_MEMORY, V1("memory.oom_control")},
    [FEAT_SHARES] = {"cpu.shares", CTL_CPU, V1("cpu.shares"), V2("cpu.weight")},
    [FEAT_CFS] = {"cpu.cfs", CTL_CPU, V1("cpu.cfs_quota_us"), V2("cpu.max")},
    [FEAT_RT] = {"cpu.rt_runtime", CTL_CPU, V1("cpu.rt_runtime_us")},
    [FEAT_CPUSET] = {"cpuset.cpus", CTL_CPUSET, V1("cpuset.cpus"), V2("cpuset.cpus")},
    [FEAT_PIDS] = {"pids.max", CTL_PIDS, V1("pids.max"), V2("pids.max")},
    [FEAT_WEIGHT] = {"blkio.weight", CTL_BLKIO, V1("blkio.weight", "blkio.bfq.weight"),
                     V2("io.bfq.weight", "io.weight")},
    [FEAT_WEIGHT_DEVICE] = {"blkio.weight_device", CTL_BLKIO,
                            V1("blkio.weight_device", "blkio.bfq.weight_device"),
                            V2("io.bfq.weight", "io.weight")},
    [FEAT_READ_BPS] = {"blkio.throttle.read_bps_device", CTL_BLKIO,
                       V1("blkio.throttle.read_bps_device"), V2("io.max")},
    [FEAT_WRITE_BPS] = {"blkio.throttle.write_bps_device", CTL_BLKIO,
                        V1("blkio.throttle.write_bps_device"), V2("io.max")},
    [FEAT_READ_IOPS] = {"blkio.throttle.read_iops_device", CTL_BLKIO,
                        V1("blkio.throttle.read_iops_device"), V2("io.max")},
    [FEAT_WRITE_IOPS] = {"blkio.throttle.write_iops_device", CTL_BLKIO,
                         V1("blkio.throttle.write_iops_device"), V2("io.max")},
    [FEAT_DEVICES] = {"devices.allow", CTL_DEVICES, V1("devices.allow"), V2("cgroup.procs")},
    [FEAT_FREEZER] = {"freezer.state", CTL_FREEZER, V1("freezer.state"), V2("cgroup.freeze")},
};

const char *feature_file(const struct cgroup_features *c, enum feature f)
{
    const char *const *files = c->is_v2 ? feature_table[f].v2 : feature_table[f].v1;

    return files[c->alt & (1u << f) ? 1 : 0];
}

void knobs_add(struct arena *a, struct knobs *p, enum controller c, const char *file, char *value)
{
    p->v = arena_grow(a, p->v, p->n, &p->cap, sizeof(*p->v));
    p->v[p->n++] = (struct knob_write){.controller = c, .file = file, .value = value};
}

bool knobs_cpu_time(const struct cgroup_limits *l, int64_t *out_quota, int64_t *out_period)
{
    if (l->nano_cpus > 0) {
        *out_period = 100000;
        *out_quota = l->nano_cpus / 10000; /* x 100,000 µs / 10^9 */
        return true;
    }
    if (!l->cpu_quota && !l->cpu_period)
        return false;
    *out_period = l->cpu_period > 0 ? l->cpu_period : 100000;
    *out_quota = l->cpu_quota ? l->cpu_quota : -1;
    return true;
}

static char *device_number(struct arena *a, int number)
{
    return number < 0 ? arena_strdup(a, "*") : arena_printf(a, "%d", number);
}

char *device_rule_text(struct arena *a, const struct cgroup_device *d)
{
    if (d->type == 'a')
        return arena_strdup(a, "a");
    return arena_printf(a, "%c %s:%s %.3s", d->type, device_number(a, d->major),
                        device_number(a, d->minor), d->access);
}

struct knobs knobs_plan(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l)
{
    struct knobs p = {0};

    if (c->is_v2)
        knobs_plan_v2(a, c, l, &p);
    else
        knobs_plan_v1(a, c, l, &p);
    return p;
}
