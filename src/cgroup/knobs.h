/* SPDX-License-Identifier: Apache-2.0 */
/* From limits to writes: what a kernel offers (features), and what is written where. Pure. */
#pragma once

#include "cgroup/cgroup.h"

enum controller {
    CTL_MEMORY,
    CTL_CPU,
    CTL_CPUACCT,
    CTL_CPUSET,
    CTL_PIDS,
    CTL_BLKIO, /* "io" on v2 */
    CTL_DEVICES,
    CTL_FREEZER,
    CTL_HUGETLB,
    N_CONTROLLERS,
};
extern const char *const controller_names[N_CONTROLLERS]; /* v1 names */

/* Single knobs; the table in knobs.c says which file shows that one exists. */
enum feature {
    FEAT_MEMORY,
    FEAT_SWAP,
    FEAT_RESERVATION,
    FEAT_SWAPPINESS,
    FEAT_OOM_CONTROL,
    FEAT_SHARES,
    FEAT_CFS,
    FEAT_RT,
    FEAT_CPUSET,
    FEAT_PIDS,
    FEAT_WEIGHT, /* CFQ's; the two after it are BFQ's and iocost's */
    FEAT_BFQ_WEIGHT,
    FEAT_COST_WEIGHT,
    FEAT_WEIGHT_DEVICE,
    FEAT_BFQ_WEIGHT_DEVICE,
    FEAT_READ_BPS,
    FEAT_WRITE_BPS,
    FEAT_READ_IOPS,
    FEAT_WRITE_IOPS,
    FEAT_DEVICES,
    FEAT_FREEZER,
    FEAT_HUGETLB,
    N_FEATURES,
};

struct cgroup_features {
    bool is_v2;
    uint32_t has; /* bit per feature */
};
struct feature_row {
    const char *name; /* as cgroup_has takes it */
    enum controller controller;
    const char *v1, *v2; /* the file that shows it; NULL: never there */
};
extern const struct feature_row feature_table[N_FEATURES];
static inline bool features_have(const struct cgroup_features *c, enum feature f)
{
    return c->has & (1u << f);
}
/* The file that carries a feature on this kernel. */
const char *feature_file(const struct cgroup_features *c, enum feature f);

struct knob_write {
    enum controller controller;
    const char *file;
    const char *value;
    bool may_swap; /* EINVAL: do the next write first (limit and memsw bound each other) */
};
struct knobs {
    struct knob_write *v;
    size_t n, cap;
};
/* Only what differs from a fresh cgroup. Limits this kernel cannot honour are left out:
 * cgroup_check has told the user. */
struct knobs knobs_plan(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l);
void knobs_plan_v1(struct arena *a, const struct cgroup_features *c, const struct cgroup_limits *l,
                   struct knobs *p);
void knobs_plan_v2(struct arena *a, const struct cgroup_features *c, const struct cgroup_limits *l,
                   struct knobs *p);
/* Each weight into the files of all that may honour it; a disk's into its weigher's. */
void knobs_plan_weights(struct arena *a, const struct cgroup_features *c,
                        const struct cgroup_limits *l, struct knobs *p);
void knobs_add(struct arena *a, struct knobs *p, enum controller c, const char *file, char *value);
/* nano_cpus or period and quota; false when neither is set. quota -1: none. */
bool knobs_cpu_time(const struct cgroup_limits *l, int64_t *out_quota, int64_t *out_period);
char *hugetlb_size_name(struct arena *a, int64_t bytes);
/* "c 1:3 rwm"; NULL type 'a' with everything: "a". */
char *device_rule_text(struct arena *a, const struct cgroup_device *d);
