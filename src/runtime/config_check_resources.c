/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that cannot be meant, in Docker's words (clients and their tests compare
 * them). What this kernel cannot do is not judged here: that is discarded with a
 * warning by cgroup/. Pure.
 */
#include "config_check.h"

#include <string.h>
#include <unistd.h>

#define MIB (1LL << 20)
#define MEMORY_MIN (6 * MIB)
#define CPU_LIST_MAX 4096
#define NANO_CPUS_MIN 10000000 /* the kernel's least quota is 1 ms of a period of 100 ms */

static struct err *check_memory(const struct host_config *h)
{
    if (h->memory != 0 && h->memory < MEMORY_MIN)
        return err_new(ERR_INVALID, "Minimum memory limit allowed is 6MB");
    if (h->memory > 0 && h->memory_swap > 0 && h->memory_swap < h->memory)
        return err_new(ERR_INVALID, "Minimum memoryswap limit should be larger than memory limit, "
                                    "see usage");
    if (h->memory == 0 && h->memory_swap > 0)
        return err_new(ERR_INVALID, "You should always set the Memory limit when using Memoryswap "
                                    "limit, see usage");
    if (h->memory_swappiness && (*h->memory_swappiness < -1 || *h->memory_swappiness > 100))
        return err_new(ERR_INVALID, "Invalid value: %lld, valid memory swappiness range is 0-100",
                       (long long)*h->memory_swappiness);
    if (h->memory_reservation != 0 && h->memory_reservation < MEMORY_MIN)
        return err_new(ERR_INVALID, "Minimum memory reservation allowed is 6MB");
    if (h->memory > 0 && h->memory_reservation > h->memory)
        return err_new(ERR_INVALID, "Minimum memory limit can not be less than memory reservation "
                                    "limit, see usage");
    if (h->kernel_memory > 0 && h->kernel_memory < MEMORY_MIN)
        return err_new(ERR_INVALID, "Minimum kernel memory limit allowed is 6MB");
    return NULL;
}

static struct err *check_cpu(const struct host_config *h)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    if (h->nano_cpus && h->cpu_period)
        return err_new(ERR_INVALID, "Conflicting options: Nano CPUs and CPU Period cannot both be "
                                    "set.");
    if (h->nano_cpus && h->cpu_quota)
        return err_new(ERR_INVALID, "Conflicting options: Nano CPUs and CPU Quota cannot both be "
                                    "set.");
    if (h->nano_cpus < 0 || (h->nano_cpus > 0 && h->nano_cpus < NANO_CPUS_MIN) ||
        h->nano_cpus > n * 1000000000LL)
        return err_new(ERR_INVALID,
                       "range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available",
                       n, n);
    if (h->cpu_shares < 0)
        return err_new(ERR_INVALID, "invalid CPU shares (%lld): value must be a positive integer",
                       (long long)h->cpu_shares);
    if (h->cpu_period != 0 && (h->cpu_period < 1000 || h->cpu_period > 1000000))
        return err_new(ERR_INVALID, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
                                    "than 1s (i.e. 1000000)");
    if (h->cpu_quota > 0 && h->cpu_quota < 1000)
        return err_new(ERR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    return NULL;
}

/* "0-2,4": the kernel's list format. It is written to a knob, which takes a page. */
static bool is_cpu_list(const char *s)
{
    if (text_is_empty(s))
        return true;
    if (strlen(s) >= CPU_LIST_MAX)
        return false;
    for (;;) {
        size_t n = strspn(s, "0123456789");

        if (n == 0 || n > 6)
            return false;
        s += n;
        if (*s == '-') {
            n = strspn(++s, "0123456789");
            if (n == 0 || n > 6)
                return false;
            s += n;
        }
        if (*s == '\0')
            return true;
        if (*s++ != ',')
            return false;
    }
}

static struct err *check_cpusets(const struct host_config *h)
{
    if (!is_cpu_list(h->cpuset_cpus))
        return err_new(ERR_INVALID, "Invalid value %.200s for cpuset cpus", h->cpuset_cpus);
    if (!is_cpu_list(h->cpuset_mems))
        return err_new(ERR_INVALID, "Invalid value %.200s for cpuset mems", h->cpuset_mems);
    return NULL;
}

static struct err *check_rates(const struct jlist *list)
{
    const struct rate_device *r = list->v;

    for (size_t i = 0; i < list->n; i++)
        if (r[i].rate < 0)
            return err_new(ERR_INVALID, "invalid rate of %s: %lld is below zero",
                           r[i].path ? r[i].path : "a device without a path", (long long)r[i].rate);
    return NULL;
}

static struct err *check_blkio(const struct host_config *h)
{
    const struct weight_device *w = h->blkio_weight_device.v;

    if (h->blkio_weight != 0 && (h->blkio_weight < 10 || h->blkio_weight > 1000))
        return err_new(ERR_INVALID, "Range of blkio weight is from 10 to 1000");
    for (size_t i = 0; i < h->blkio_weight_device.n; i++)
        if (w[i].weight != 0 && (w[i].weight < 10 || w[i].weight > 1000))
            return err_new(ERR_INVALID, "Range of blkio weight is from 10 to 1000");
    TRY(check_rates(&h->blkio_read_bps));
    TRY(check_rates(&h->blkio_write_bps));
    TRY(check_rates(&h->blkio_read_iops));
    return check_rates(&h->blkio_write_iops);
}

static struct err *check_hugetlbs(const struct host_config *h)
{
    const struct hugetlb_limit *l = h->hugetlbs.v;

    for (size_t i = 0; i < h->hugetlbs.n; i++) {
        int64_t size = 0;

        if (!text_is_empty(l[i].page_size) && (!text_to_bytes(l[i].page_size, &size) || size <= 0))
            return err_new(ERR_INVALID, "invalid page size of a hugetlb limit: %.64s",
                           l[i].page_size);
        if (l[i].limit < 0)
            return err_new(ERR_INVALID, "invalid hugetlb limit %lld: it is a number of bytes",
                           (long long)l[i].limit);
    }
    return NULL;
}

static struct err *check_realtime(const struct host_config *h)
{
    if (h->cpu_rt_period < 0 || h->cpu_rt_runtime < 0)
        return err_new(ERR_INVALID, "cpu real-time period and runtime cannot be negative");
    if (h->cpu_rt_period && h->cpu_rt_runtime > h->cpu_rt_period)
        return err_new(ERR_INVALID, "cpu real-time runtime cannot be higher than cpu real-time "
                                    "period");
    return NULL;
}

struct err *check_resources(const struct host_config *h)
{
    TRY(check_memory(h));
    TRY(check_cpu(h));
    TRY(check_cpusets(h));
    TRY(check_blkio(h));
    TRY(check_hugetlbs(h));
    TRY(check_realtime(h));
    if (h->oom_score_adj < -1000 || h->oom_score_adj > 1000)
        return err_new(ERR_INVALID, "Invalid value %d, range for oom score adj is [-1000, 1000]",
                       h->oom_score_adj);
    if (h->shm_size < 0)
        return err_new(ERR_INVALID, "SHM size can not be less than 0");
    return NULL;
}
