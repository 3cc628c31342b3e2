/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the small commands, shared between their code and the flag tables. */
#pragma once

#include "base/flags.h"

struct stop_options { /* stop, restart, kill */
    struct number timeout;
    char *signal;
};
struct rm_options {
    bool force, volumes, link;
};
struct update_options {
    struct number blkio_weight, cpu_period, cpu_quota, cpu_shares, cpus;
    struct number cpu_rt_period, cpu_rt_runtime;
    struct number memory, memory_reservation, memory_swap, kernel_memory, pids_limit;
    char *cpuset_cpus, *cpuset_mems, *restart;
};
struct list_options { /* ps, images, network ls, volume ls, history */
    bool all, last_one, no_trunc, quiet, size, digests;
    bool human; /* history */
    char *platform;
    struct number last;
    struct strs filters;
    char *format;
};
struct audit_options {
    bool all;
    char *format, *severity;
};
struct batch_options {
    struct number number, concurrency;
    char *file, *format;
    bool detach, quiet;
};
struct attach_options { /* attach, start, exec */
    bool no_stdin, sig_proxy, attach, interactive;
    bool detach, tty, privileged;
    char *detach_keys, *user, *workdir;
    struct strs env, env_files;
};
struct cp_options {
    bool archive, follow, quiet;
};
struct export_options { /* export, save */
    char *output, *platform;
};
struct logs_options {
    bool follow, timestamps, details;
    char *since, *until, *tail;
};
struct inspect_options {
    char *format, *type, *platform;
    bool size, verbose;
};
struct pull_options {
    bool all_tags, quiet, skips_trust;
    char *platform;
};
struct push_options {
    bool all_tags, quiet, skips_trust;
    char *platform;
};
struct rmi_options {
    bool force, no_prune;
};
struct commit_options {
    char *author, *message;
    struct strs changes;
    bool pauses, no_pause;
};
struct image_build_options {
    struct strs tags, build_args, labels, hosts, cache_from, ulimits, secrets;
    char *file, *target, *network, *iidfile, *platform, *progress;
    char *cgroup_parent, *cpuset_cpus, *cpuset_mems;
    struct number cpu_period, cpu_quota, cpu_shares, memory, memory_swap, shm_size;
    bool quiet, no_cache, pull, rm, force_rm, checks, loads, skips_trust;
    char *call;
};
struct import_options { /* load, import */
    char *input, *message, *platform;
    struct strs changes;
    bool quiet;
};
struct events_options {
    char *since, *until, *after, *format;
    struct strs filters;
};
struct prune_options {
    bool force, all, volumes;
    struct strs filters;
    struct number keep; /* builder */
};
struct network_options {
    char *driver, *scope, *ipam_driver, *config_from, *ip, *ip6;
    bool internal, attachable, config_only, ipv4, ipv6, force, verbose;
    struct strs subnets, gateways, ranges, aux, options, labels, aliases, links, ipam_options;
    struct strs link_local, driver_options;
    struct number gw_priority;
};
struct volume_options {
    char *driver, *name;
    bool force;
    struct strs options, labels;
};
struct format_options { /* version, info, system df */
    char *format;
    bool verbose;
};
struct stats_options {
    char *format, *sort;
    bool all, no_stream, no_trunc, psi;
};
struct search_options {
    struct strs filters;
    char *format;
    struct number limit;
    bool no_trunc;
};
struct manifest_options {
    bool verbose, insecure;
};
struct login_options {
    char *user, *password;
    bool password_stdin;
};
struct context_options {
    bool quiet, force;
    struct strs docker; /* "key=value" */
    char *description, *from, *format;
};
struct checkpoint_options {
    bool leaves_running;
    char *dir;
};
struct df_options {
    bool verbose;
    char *format;
};
