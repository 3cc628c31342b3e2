/* SPDX-License-Identifier: Apache-2.0 */
/* The options that run and create share, and the request body they make. */
#pragma once

#include "cli.h"

struct run_options {
    /* the process */
    struct strs attach, env, env_files, labels, label_files;
    char *name, *hostname, *domainname, *user, *workdir, *entrypoint, *platform, *pull;
    char *stop_signal, *cidfile, *detach_keys;
    struct number stop_timeout;
    bool detach, interactive, tty, rm, init, quiet, quiet_risks, sig_proxy;
    /* ports, networks */
    struct strs publish, expose, networks, aliases, links, link_local, hosts;
    struct strs dns, dns_options, dns_search;
    char *ip, *ip6, *mac;
    bool publish_all;
    /* storage */
    struct strs volumes, mounts, tmpfs, volumes_from, storage_options;
    char *volume_driver;
    bool read_only;
    /* isolation */
    char *gpus;
    struct strs cap_add, cap_drop, security, devices, device_rules, groups, sysctls;
    char *pid, *ipc, *uts, *userns, *cgroupns, *cgroup_parent, *systemd, *runtime;
    bool privileged, oom_kill_disable;
    /* limits */
    struct number memory, memory_swap, memory_reservation, swappiness, kernel_memory, shm_size;
    struct number cpus, cpu_shares, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
    struct number pids_limit, oom_score, blkio_weight;
    char *cpuset_cpus, *cpuset_mems;
    struct strs blkio_devices, read_bps, write_bps, read_iops, write_iops, ulimits, hugetlbs;
    /* the rest */
    struct strs log_options, annotations, time_offsets;
    char *log_driver, *restart;
    char *health_cmd;
    struct number health_interval, health_timeout, health_start, health_start_interval;
    struct number health_retries;
    bool no_healthcheck, skips_trust;
};

extern const struct flag run_flags[];
extern const struct flag create_flags[];

/* Which streams to attach; the rule of -a, -d and -i. */
struct run_streams {
    bool in, out, err;
};
struct err *run_streams(const struct run_options *o, struct run_streams *out) must_check;
/* Body of POST /containers/create. args: image, then the command. */
struct err *run_body(struct arena *a, const struct run_options *o, const struct run_streams *s,
                     struct strs args, char **out) must_check;
