/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user asked for and this kernel cannot do: Docker's warning sentences (the
 * container runs without), and errors where running without would betray the user.
 * What disks can do is in weights.c.
 */
#include "cgroup_tree.h"
#include "hugetlb.h"
#include "realtime.h"
#include "weights.h"

struct check_row {
    enum feature feature;
    const char *warning;
};
static const struct check_row check_rows[] = {
    {FEAT_MEMORY, "Your kernel does not support memory limit capabilities or the cgroup is not "
                  "mounted. Limitation discarded."},
    {FEAT_SWAP, "Your kernel does not support swap limit capabilities or the cgroup is not "
                "mounted. Memory limited without swap."},
    {FEAT_RESERVATION, "Your kernel does not support memory soft limit capabilities or the cgroup "
                       "is not mounted. Limitation discarded."},
    {FEAT_SWAPPINESS, "Your kernel does not support memory swappiness capabilities or the cgroup "
                      "is not mounted. Memory swappiness discarded."},
    {FEAT_OOM_CONTROL, "Your kernel does not support OomKillDisable. OomKillDisable discarded."},
    {FEAT_SHARES, "Your kernel does not support CPU shares or the cgroup is not mounted. Shares "
                  "discarded."},
    {FEAT_CFS, "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded."},
    {FEAT_CPUSET, "Your kernel does not support cpuset or the cgroup is not mounted. CPUset "
                  "discarded."},
    {FEAT_PIDS, "Your kernel does not support PIDs limit capabilities or the cgroup is not "
                "mounted. PIDs limit discarded."},
    {FEAT_READ_BPS, "Your kernel does not support BPS Block I/O read limit or the cgroup is not "
                    "mounted. Block I/O BPS read limit discarded."},
    {FEAT_WRITE_BPS, "Your kernel does not support BPS Block I/O write limit or the cgroup is not "
                     "mounted. Block I/O BPS write limit discarded."},
    {FEAT_READ_IOPS, "Your kernel does not support IOPS Block read limit or the cgroup is not "
                     "mounted. Block I/O IOPS read limit discarded."},
    {FEAT_WRITE_IOPS, "Your kernel does not support IOPS Block write limit or the cgroup is not "
                      "mounted. Block I/O IOPS write limit discarded."},
};

/* Which features the limits ask for, a bit each. */
static uint32_t features_wanted(const struct cgroup_limits *l)
{
    const bool wants[N_FEATURES] = {
        [FEAT_MEMORY] = l->memory > 0,
        [FEAT_SWAP] = l->memory_swap != 0 && l->memory > 0,
        [FEAT_RESERVATION] = l->memory_reservation > 0,
        [FEAT_SWAPPINESS] = l->swappiness >= 0,
        [FEAT_OOM_CONTROL] = l->oom_kill_disable > 0,
        [FEAT_SHARES] = l->cpu_shares > 0,
        [FEAT_CFS] = l->cpu_period > 0 || l->cpu_quota > 0,
        [FEAT_CPUSET] = !text_is_empty(l->cpuset_cpus) || !text_is_empty(l->cpuset_mems),
        [FEAT_PIDS] = l->pids > 0,
        [FEAT_READ_BPS] = l->n_read_bps > 0,
        [FEAT_WRITE_BPS] = l->n_write_bps > 0,
        [FEAT_READ_IOPS] = l->n_read_iops > 0,
        [FEAT_WRITE_IOPS] = l->n_write_iops > 0,
    };
    uint32_t mask = 0;

    for (int f = 0; f < N_FEATURES; f++)
        mask |= wants[f] ? 1u << f : 0;
    return mask;
}

#define SET_MAX 8192 /* CPUs or memory nodes that a list may name */

/* "0-3,7" into bits; false on junk. */
static bool set_parse(struct arena *a, const char *s, uint8_t bits[SET_MAX / 8])
{
    struct strs parts = text_split(a, s, ',');

    for (size_t i = 0; i < parts.n; i++) {
        struct strs ends = text_split(a, parts.v[i], '-');
        uint32_t from, to;

        if (ends.n < 1 || ends.n > 2 || !text_to_u32(ends.v[0], &from))
            return false;
        to = from;
        if (ends.n == 2 && !text_to_u32(ends.v[1], &to))
            return false;
        if (to < from || to >= SET_MAX)
            return false;
        for (uint32_t k = from; k <= to; k++)
            bits[k / 8] |= (uint8_t)(1 << k % 8);
    }
    return true;
}

static struct err *check_set(struct arena *a, const char *wanted, const char *available,
                             const char *what, const char *knob)
{
    uint8_t want[SET_MAX / 8] = {0}, have[SET_MAX / 8] = {0};

    if (text_is_empty(wanted))
        return NULL;
    if (!set_parse(a, wanted, want))
        return err_new(ERR_INVALID, "Invalid value %s for cpuset %s", wanted, knob);
    if (!available || !set_parse(a, available, have))
        return NULL;
    for (size_t i = 0; i < sizeof(want); i++)
        if (want[i] & ~have[i])
            return err_new(ERR_INVALID,
                           "Requested %s are not available - requested %s, available: %s", what,
                           wanted, available);
    return NULL;
}

struct err *cgroup_check(const struct cgroup_tree *t, struct arena *a,
                         const struct cgroup_limits *l, struct strs *warnings)
{
    uint32_t missing = features_wanted(l) & ~t->features.has;

    TRY(weights_check(t, a, l, warnings));
    TRY(hugetlbs_check(t, a, l, warnings));
    TRY(realtime_check(t, a, l));
    if (l->nano_cpus > 0 && !features_have(&t->features, FEAT_CFS))
        return err_new(ERR_INVALID, "NanoCPUs can not be set, as your kernel does not support CPU "
                                    "CFS scheduler or the cgroup is not mounted");
    if (features_have(&t->features, FEAT_CPUSET)) {
        TRY(check_set(a, l->cpuset_cpus, t->cpus, "CPUs", "cpus"));
        TRY(check_set(a, l->cpuset_mems, t->mems, "memory nodes", "mems"));
    }
    for (size_t i = 0; i < ARRAY_LEN(check_rows); i++)
        if (missing & 1u << check_rows[i].feature)
            strs_add(a, warnings, check_rows[i].warning);
    if (l->oom_kill_disable > 0 && !l->memory && features_have(&t->features, FEAT_OOM_CONTROL))
        strs_add(a, warnings,
                 "OOM killer is disabled for the container, but no memory limit is set, this can "
                 "result in the system running out of resources.");
    return NULL;
}
