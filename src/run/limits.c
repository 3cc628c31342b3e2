/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HostConfig → cgroup limits: the one place where the API's resource fields become
 * the mechanism's. Device paths are looked up (stat), so start calls it on a worker
 * and create, where nothing is slow, on the loop for its warnings.
 */
#include "limits.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroup/cgroup.h"
#include "runtime/sandbox.h"

/* Cgroups name block devices by their numbers; the path is only what the user calls it. */
static struct err *device_values(struct arena *a, const struct jlist *list, size_t item_size,
                                 const struct cgroup_device_value **out, size_t *n)
{
    struct cgroup_device_value *v = arena_array(a, list->n, sizeof(*v));

    ASSERT(item_size == sizeof(struct weight_device) || item_size == sizeof(struct rate_device));
    for (size_t i = 0; i < list->n; i++) {
        /* weight_device and rate_device both begin with the path */
        const void *item = (const char *)list->v + i * item_size;
        const char *path = *(char *const *)item;
        struct stat st;

        if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
            return err_new(ERR_INVALID, "%s is not a block device", path);
        v[i].major = (int)major(st.st_rdev);
        v[i].minor = (int)minor(st.st_rdev);
        v[i].value = item_size == sizeof(struct weight_device)
                         ? ((const struct weight_device *)item)->weight
                         : ((const struct rate_device *)item)->rate;
    }
    *out = v;
    *n = list->n;
    return NULL;
}

static void plan_hugetlbs(struct arena *a, const struct host_config *h, struct cgroup_limits *out)
{
    const struct hugetlb_limit *l = h->hugetlbs.v;
    struct cgroup_hugetlb *v = arena_array(a, h->hugetlbs.n, sizeof(*v));

    for (size_t i = 0; i < h->hugetlbs.n; i++) {
        if (!text_is_empty(l[i].page_size) && !text_to_bytes(l[i].page_size, &v[i].page_bytes))
            v[i].page_bytes = -1; /* no such size: it was checked before */
        v[i].limit = l[i].limit;
    }
    out->hugetlbs = v;
    out->n_hugetlbs = h->hugetlbs.n;
}

static struct err *plan_devices(struct arena *a, const struct host_config *h,
                                struct cgroup_limits *out)
{
    struct device_rule *rules = NULL;
    struct cgroup_device *devices;
    size_t n = 0;

    TRY(sandbox_device_rules(a, h, &rules, &n));
    devices = arena_array(a, n, sizeof(*devices));
    for (size_t i = 0; i < n; i++) {
        devices[i].type = rules[i].type;
        devices[i].major = rules[i].major;
        devices[i].minor = rules[i].minor;
        devices[i].allow = rules[i].allow;
        for (int k = 0; k < 3 && rules[i].access[k]; k++)
            devices[i].access[k] = rules[i].access[k];
    }
    out->devices = devices;
    out->n_devices = n;
    return NULL;
}

bool limits_name_files(const struct host_config *h)
{
    return h->devices.n || h->hugetlbs.n || !text_is_empty(h->cgroup_parent) || h->blkio_weight ||
           h->blkio_weight_device.n || h->blkio_read_bps.n || h->blkio_write_bps.n ||
           h->blkio_read_iops.n || h->blkio_write_iops.n;
}

struct err *limits_plan(struct arena *a, const struct host_config *h, const struct config *c,
                        struct cgroup_limits *out)
{
    struct cgroup_limits l = {
        .parent = h->cgroup_parent,
        .is_nested = text_same(h->systemd, "true"),
        .memory = h->memory,
        .memory_swap = h->memory_swap,
        .memory_reservation = h->memory_reservation,
        .swappiness = h->memory_swappiness ? *h->memory_swappiness : -1,
        .oom_kill_disable = h->oom_kill_disable > 0,
        .cpu_shares = h->cpu_shares,
        .nano_cpus = h->nano_cpus,
        .cpu_period = h->cpu_period,
        .cpu_quota = h->cpu_quota,
        .cpu_rt_period = h->cpu_rt_period,
        .cpu_rt_runtime = h->cpu_rt_runtime,
        .cpuset_cpus = h->cpuset_cpus,
        .cpuset_mems = h->cpuset_mems,
        .pids = h->pids_limit ? *h->pids_limit : 0,
        .blkio_weight = h->blkio_weight,
    };

    TRY(device_values(a, &h->blkio_weight_device, sizeof(struct weight_device), &l.weight_devices,
                      &l.n_weight_devices));
    TRY(device_values(a, &h->blkio_read_bps, sizeof(struct rate_device), &l.read_bps,
                      &l.n_read_bps));
    TRY(device_values(a, &h->blkio_write_bps, sizeof(struct rate_device), &l.write_bps,
                      &l.n_write_bps));
    TRY(device_values(a, &h->blkio_read_iops, sizeof(struct rate_device), &l.read_iops,
                      &l.n_read_iops));
    TRY(device_values(a, &h->blkio_write_iops, sizeof(struct rate_device), &l.write_iops,
                      &l.n_write_iops));
    plan_hugetlbs(a, h, &l);
    if (c)
        TRY(plan_devices(a, h, &l));
    *out = l;
    return NULL;
}
