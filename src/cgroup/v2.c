/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits as writes to cgroup v2 knobs, with the conversions from v1 units that runc
 * made customary (shares to weight, swap as memory plus swap). Devices are not files
 * here: see device_policy.c. Pure.
 */
#include "knobs.h"

static char *bytes_or_max(struct arena *a, int64_t bytes)
{
    return bytes < 0 ? arena_strdup(a, "max") : arena_printf(a, "%lld", (long long)bytes);
}

static void plan_memory(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l, struct knobs *p)
{
    if (l->memory && features_have(c, FEAT_MEMORY))
        knobs_add(a, p, CTL_MEMORY, "memory.max", bytes_or_max(a, l->memory));
    if (l->memory_swap && features_have(c, FEAT_SWAP)) {
        bool is_unlimited = l->memory_swap < 0 || l->memory <= 0;

        knobs_add(a, p, CTL_MEMORY, "memory.swap.max",
                  bytes_or_max(a, is_unlimited ? -1 : l->memory_swap - l->memory));
    }
    if (l->memory_reservation && features_have(c, FEAT_RESERVATION))
        knobs_add(a, p, CTL_MEMORY, "memory.low", bytes_or_max(a, l->memory_reservation));
}

/* runc's conversion, which all engines share: 1024 shares are weight 39. */
static int64_t weight_of_shares(int64_t shares)
{
    if (shares < 2)
        shares = 2;
    if (shares > 262144)
        shares = 262144;
    return 1 + (shares - 2) * 9999 / 262142;
}

static void plan_cpu(struct arena *a, const struct cgroup_features *c,
                     const struct cgroup_limits *l, struct knobs *p)
{
    int64_t quota, period;

    if (l->cpu_shares && features_have(c, FEAT_SHARES))
        knobs_add(a, p, CTL_CPU, "cpu.weight",
                  arena_printf(a, "%lld", (long long)weight_of_shares(l->cpu_shares)));
    if (features_have(c, FEAT_CFS) && knobs_cpu_time(l, &quota, &period))
        knobs_add(a, p, CTL_CPU, "cpu.max",
                  arena_printf(a, "%s %lld", bytes_or_max(a, quota), (long long)period));
    if (!text_is_empty(l->cpuset_cpus) && features_have(c, FEAT_CPUSET))
        knobs_add(a, p, CTL_CPUSET, "cpuset.cpus", arena_strdup(a, l->cpuset_cpus));
    if (!text_is_empty(l->cpuset_mems) && features_have(c, FEAT_CPUSET))
        knobs_add(a, p, CTL_CPUSET, "cpuset.mems", arena_strdup(a, l->cpuset_mems));
}

static void plan_io_max(struct arena *a, const char *key, const struct cgroup_device_value *v,
                        size_t n, struct knobs *p)
{
    for (size_t i = 0; i < n; i++)
        knobs_add(a, p, CTL_BLKIO, "io.max",
                  arena_printf(a, "%d:%d %s=%s", v[i].major, v[i].minor, key,
                               bytes_or_max(a, v[i].value ? v[i].value : -1)));
}

static void plan_io(struct arena *a, const struct cgroup_features *c, const struct cgroup_limits *l,
                    struct knobs *p)
{
    knobs_plan_weights(a, c, l, p);
    if (!features_have(c, FEAT_READ_BPS))
        return;
    plan_io_max(a, "rbps", l->read_bps, l->n_read_bps, p);
    plan_io_max(a, "wbps", l->write_bps, l->n_write_bps, p);
    plan_io_max(a, "riops", l->read_iops, l->n_read_iops, p);
    plan_io_max(a, "wiops", l->write_iops, l->n_write_iops, p);
}

void knobs_plan_v2(struct arena *a, const struct cgroup_features *c, const struct cgroup_limits *l,
                   struct knobs *p)
{
    plan_memory(a, c, l, p);
    plan_cpu(a, c, l, p);
    if (l->pids && features_have(c, FEAT_PIDS))
        knobs_add(a, p, CTL_PIDS, "pids.max", bytes_or_max(a, l->pids));
    plan_io(a, c, l, p);
}
