/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits as writes to cgroup v1 knobs. A fresh cgroup already has every default, so
 * only what the user asked for is written: each write costs about as much as a
 * mkdir. Device rules start from "allow everything" (inherited), hence the first "a"
 * goes to devices.deny. Pure.
 */
#include "knobs.h"

static void plan_memory(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l, struct knobs *p)
{
    if (l->memory && features_have(c, FEAT_MEMORY)) {
        knobs_add(a, p, CTL_MEMORY, "memory.limit_in_bytes",
                  arena_printf(a, "%lld", (long long)l->memory));
        p->v[p->n - 1].may_swap = l->memory_swap && features_have(c, FEAT_SWAP);
    }
    if (l->memory_swap && features_have(c, FEAT_SWAP))
        knobs_add(a, p, CTL_MEMORY, "memory.memsw.limit_in_bytes",
                  arena_printf(a, "%lld", (long long)l->memory_swap));
    if (l->memory_reservation && features_have(c, FEAT_RESERVATION))
        knobs_add(a, p, CTL_MEMORY, "memory.soft_limit_in_bytes",
                  arena_printf(a, "%lld", (long long)l->memory_reservation));
    if (l->swappiness >= 0 && features_have(c, FEAT_SWAPPINESS))
        knobs_add(a, p, CTL_MEMORY, "memory.swappiness",
                  arena_printf(a, "%lld", (long long)l->swappiness));
    if (l->oom_kill_disable && features_have(c, FEAT_OOM_CONTROL))
        knobs_add(a, p, CTL_MEMORY, "memory.oom_control",
                  arena_strdup(a, l->oom_kill_disable > 0 ? "1" : "0"));
}

static void plan_cpu(struct arena *a, const struct cgroup_features *c,
                     const struct cgroup_limits *l, struct knobs *p)
{
    int64_t quota, period;

    if (l->cpu_shares && features_have(c, FEAT_SHARES))
        knobs_add(a, p, CTL_CPU, "cpu.shares", arena_printf(a, "%lld", (long long)l->cpu_shares));
    if (features_have(c, FEAT_CFS) && knobs_cpu_time(l, &quota, &period)) {
        knobs_add(a, p, CTL_CPU, "cpu.cfs_period_us", arena_printf(a, "%lld", (long long)period));
        knobs_add(a, p, CTL_CPU, "cpu.cfs_quota_us", arena_printf(a, "%lld", (long long)quota));
    }
    if (l->cpu_rt_period && features_have(c, FEAT_RT))
        knobs_add(a, p, CTL_CPU, "cpu.rt_period_us",
                  arena_printf(a, "%lld", (long long)l->cpu_rt_period));
    if (l->cpu_rt_period && l->cpu_rt_runtime && features_have(c, FEAT_RT))
        p->v[p->n - 1].may_swap = true; /* each bounds the other */
    if (l->cpu_rt_runtime && features_have(c, FEAT_RT))
        knobs_add(a, p, CTL_CPU, "cpu.rt_runtime_us",
                  arena_printf(a, "%lld", (long long)l->cpu_rt_runtime));
    if (!text_is_empty(l->cpuset_cpus) && features_have(c, FEAT_CPUSET))
        knobs_add(a, p, CTL_CPUSET, "cpuset.cpus", arena_strdup(a, l->cpuset_cpus));
    if (!text_is_empty(l->cpuset_mems) && features_have(c, FEAT_CPUSET))
        knobs_add(a, p, CTL_CPUSET, "cpuset.mems", arena_strdup(a, l->cpuset_mems));
}

static void plan_device_values(struct arena *a, const struct cgroup_features *c, enum feature f,
                               const struct cgroup_device_value *v, size_t n, struct knobs *p)
{
    for (size_t i = 0; i < n && features_have(c, f); i++)
        knobs_add(a, p, CTL_BLKIO, feature_file(c, f),
                  arena_printf(a, "%d:%d %lld", v[i].major, v[i].minor, (long long)v[i].value));
}

static void plan_blkio(struct arena *a, const struct cgroup_features *c,
                       const struct cgroup_limits *l, struct knobs *p)
{
    knobs_plan_weights(a, c, l, p);
    plan_device_values(a, c, FEAT_READ_BPS, l->read_bps, l->n_read_bps, p);
    plan_device_values(a, c, FEAT_WRITE_BPS, l->write_bps, l->n_write_bps, p);
    plan_device_values(a, c, FEAT_READ_IOPS, l->read_iops, l->n_read_iops, p);
    plan_device_values(a, c, FEAT_WRITE_IOPS, l->write_iops, l->n_write_iops, p);
}

/* "Allow all" as the last 'a' rule with nothing after it is what a fresh cgroup has. */
static bool devices_are_open(const struct cgroup_limits *l)
{
    const struct cgroup_device *last;

    if (!l->n_devices)
        return false;
    last = &l->devices[l->n_devices - 1];
    return last->type == 'a' && last->allow;
}

/* A fresh cgroup allows all devices, so all are denied first (cgroup-v1/devices.rst). */
static void plan_devices(struct arena *a, const struct cgroup_features *c,
                         const struct cgroup_limits *l, struct knobs *p)
{
    if (!l->devices || !features_have(c, FEAT_DEVICES) || devices_are_open(l))
        return;
    knobs_add(a, p, CTL_DEVICES, "devices.deny", arena_strdup(a, "a"));
    for (size_t i = 0; i < l->n_devices; i++)
        knobs_add(a, p, CTL_DEVICES, l->devices[i].allow ? "devices.allow" : "devices.deny",
                  device_rule_text(a, &l->devices[i]));
}

void knobs_plan_v1(struct arena *a, const struct cgroup_features *c, const struct cgroup_limits *l,
                   struct knobs *p)
{
    plan_memory(a, c, l, p);
    plan_cpu(a, c, l, p);
    if (l->pids && features_have(c, FEAT_PIDS))
        knobs_add(a, p, CTL_PIDS, "pids.max",
                  l->pids > 0 ? arena_printf(a, "%lld", (long long)l->pids)
                              : arena_strdup(a, "max"));
    plan_blkio(a, c, l, p);
    plan_devices(a, c, l, p);
}
