/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both versions of cgroups share in turning limits into writes, and the table
 * of knobs by which a kernel shows what it can do. Pure, any thread.
 */
#include "knobs.h"

const char *const controller_names[N_CONTROLLERS] = {
    [CTL_MEMORY] = "memory",   [CTL_CPU] = "cpu",         [CTL_CPUACCT] = "cpuacct",
    [CTL_CPUSET] = "cpuset",   [CTL_PIDS] = "pids",       [CTL_BLKIO] = "blkio",
    [CTL_DEVICES] = "devices", [CTL_FREEZER] = "freezer", [CTL_HUGETLB] = "hugetlb",
};

const struct feature_row feature_table[N_FEATURES] = {
    [FEAT_MEMORY] = {"memory.limit", CTL_MEMORY, "memory.limit_in_bytes", "memory.max"},
    [FEAT_SWAP] = {"memory.swap", CTL_MEMORY, "memory.memsw.limit_in_bytes", "memory.swap.max"},
    [FEAT_RESERVATION] = {"memory.reservation", CTL_MEMORY, "memory.soft_limit_in_bytes",
                          "memory.low"},
    [FEAT_SWAPPINESS] = {"memory.swappiness", CTL_MEMORY, "memory.swappiness", NULL},
    [FEAT_OOM_CONTROL] = {"memory.oom_control", CTL_MEMORY, "memory.oom_control", NULL},
    [FEAT_SHARES] = {"cpu.shares", CTL_CPU, "cpu.shares", "cpu.weight"},
    [FEAT_CFS] = {"cpu.cfs", CTL_CPU, "cpu.cfs_quota_us", "cpu.max"},
    [FEAT_RT] = {"cpu.rt_runtime", CTL_CPU, "cpu.rt_runtime_us", NULL},
    [FEAT_CPUSET] = {"cpuset.cpus", CTL_CPUSET, "cpuset.cpus", "cpuset.cpus"},
    [FEAT_PIDS] = {"pids.max", CTL_PIDS, "pids.max", "pids.max"},
    [FEAT_WEIGHT] = {"blkio.weight", CTL_BLKIO, "blkio.weight", NULL},
    [FEAT_BFQ_WEIGHT] = {"blkio.bfq.weight", CTL_BLKIO, "blkio.bfq.weight", "io.bfq.weight"},
    [FEAT_COST_WEIGHT] = {"io.weight", CTL_BLKIO, NULL, "io.weight"},
    [FEAT_WEIGHT_DEVICE] = {"blkio.weight_device", CTL_BLKIO, "blkio.weight_device", NULL},
    [FEAT_BFQ_WEIGHT_DEVICE] = {"blkio.bfq.weight_device", CTL_BLKIO, "blkio.bfq.weight_device",
                                "io.bfq.weight"},
    [FEAT_READ_BPS] = {"blkio.throttle.read_bps_device", CTL_BLKIO,
                       "blkio.throttle.read_bps_device", "io.max"},
    [FEAT_WRITE_BPS] = {"blkio.throttle.write_bps_device", CTL_BLKIO,
                        "blkio.throttle.write_bps_device", "io.max"},
    [FEAT_READ_IOPS] = {"blkio.throttle.read_iops_device", CTL_BLKIO,
                        "blkio.throttle.read_iops_device", "io.max"},
    [FEAT_WRITE_IOPS] = {"blkio.throttle.write_iops_device", CTL_BLKIO,
                         "blkio.throttle.write_iops_device", "io.max"},
    [FEAT_DEVICES] = {"devices.allow", CTL_DEVICES, "devices.allow", "cgroup.procs"},
    [FEAT_FREEZER] = {"freezer.state", CTL_FREEZER, "freezer.state", "cgroup.freeze"},
    [FEAT_HUGETLB] = {"hugetlb", CTL_HUGETLB, "cgroup.procs", "cgroup.procs"},
};

const char *feature_file(const struct cgroup_features *c, enum feature f)
{
    return c->is_v2 ? feature_table[f].v2 : feature_table[f].v1;
}

/* A weight of one disk is its scheduler's. */
static enum feature weigher_feature(enum cgroup_weigher by)
{
    switch (by) {
    case WEIGHER_BFQ:
        return FEAT_BFQ_WEIGHT_DEVICE;
    case WEIGHER_COST:
        return FEAT_COST_WEIGHT;
    default:
        return FEAT_WEIGHT_DEVICE;
    }
}

/* CFQ and BFQ take 10 to 1000 as it is; iocost takes 1 to 10000. */
static int64_t weight_in(enum feature f, int64_t weight)
{
    return f == FEAT_COST_WEIGHT ? 1 + (weight - 10) * 9999 / 990 : weight;
}

void knobs_plan_weights(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l, struct knobs *p)
{
    static const enum feature files[] = {FEAT_WEIGHT, FEAT_BFQ_WEIGHT, FEAT_COST_WEIGHT};

    for (size_t i = 0; l->blkio_weight && i < ARRAY_LEN(files); i++)
        if (features_have(c, files[i]))
            knobs_add(a, p, CTL_BLKIO, feature_file(c, files[i]),
                      arena_printf(a, "%lld", (long long)weight_in(files[i], l->blkio_weight)));
    for (size_t i = 0; i < l->n_weight_devices; i++) {
        const struct cgroup_device_value *v = &l->weight_devices[i];
        enum feature f = weigher_feature(v->by);

        if (!features_have(c, f))
            continue;
        knobs_add(a, p, CTL_BLKIO, feature_file(c, f),
                  v->value ? arena_printf(a, "%d:%d %lld", v->major, v->minor,
                                          (long long)weight_in(f, v->value))
                           : arena_printf(a, "%d:%d default", v->major, v->minor));
    }
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

/* As the kernel names its files: "2MB", "1GB", "64KB": mem_fmt of its hugetlb cgroup. */
char *hugetlb_size_name(struct arena *a, int64_t bytes)
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{1LL << 30, "GB"}, {1LL << 20, "MB"}, {1LL << 10, "KB"}};
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(units) && bytes < units[i].unit)
        i++;
    return arena_printf(a, "%lld%s", (long long)(bytes / units[i].unit), units[i].name);
}

/* Pages in use and pages reserved by mmap: without the second a program is not told that it has too
 * few, but killed (SIGBUS) where it touches one too many. */
static void plan_hugetlbs(struct arena *a, const struct cgroup_features *c,
                          const struct cgroup_limits *l, struct knobs *p)
{
    const char *file = c->is_v2 ? "max" : "limit_in_bytes";

    for (size_t i = 0; i < l->n_hugetlbs && features_have(c, FEAT_HUGETLB); i++) {
        const char *size = hugetlb_size_name(a, l->hugetlbs[i].page_bytes);
        const char *value = arena_printf(a, "%lld", (long long)l->hugetlbs[i].limit);

        knobs_add(a, p, CTL_HUGETLB, arena_printf(a, "hugetlb.%s.rsvd.%s", size, file),
                  arena_strdup(a, value));
        knobs_add(a, p, CTL_HUGETLB, arena_printf(a, "hugetlb.%s.%s", size, file),
                  arena_strdup(a, value));
    }
}

struct knobs knobs_plan(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l)
{
    struct knobs p = {0};

    if (c->is_v2)
        knobs_plan_v2(a, c, l, &p);
    else
        knobs_plan_v1(a, c, l, &p);
    plan_hugetlbs(a, c, l, &p);
    return p;
}
