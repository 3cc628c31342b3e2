/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container was asked to be: the create request, the saved document and
 * inspect share these structs and their JSON tables. All memory is of one arena
 * owned by whoever decoded it; never changed after create (except by update).
 */
#pragma once

#include "base/json.h"

/* Of a list or map in a request, unless its row says otherwise. */
#define CONFIG_ENTRIES_MAX 10000

struct health_config {
    struct strs test;
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int retries;
};

struct config { /* "Config" */
    char *hostname, *domainname, *user;
    bool attach_stdin, attach_stdout, attach_stderr, tty, open_stdin, stdin_once;
    struct strs exposed_ports; /* "80/tcp" */
    struct strs env;           /* "K=V"; "K" alone removes */
    struct strs cmd, entrypoint;
    struct health_config *healthcheck;
    bool args_escaped;
    char *image; /* as given */
    struct strs volumes;
    char *working_dir;
    bool network_disabled;
    char *mac_address;
    struct strs on_build;
    struct pairs labels;
    char *stop_signal;
    int64_t *stop_timeout; /* seconds; NULL: the default. J_PTR_I64 */
    struct strs shell;
};

struct restart_policy {
    char *name; /* "no", "always", "unless-stopped", "on-failure" */
    int max_retry;
};
struct log_config {
    char *type;
    struct pairs options;
};
struct port_binding {
    char *host_ip, *host_port; /* "" / "8080" / "8000-8010" */
};
struct device_mapping {
    char *host, *container, *permissions;
};
struct weight_device {
    char *path;
    int weight;
};
struct rate_device {
    char *path;
    int64_t rate;
};
struct hugetlb_limit {
    char *page_size; /* "2MB"; NULL: the default size */
    int64_t limit;   /* bytes */
};
struct ulimit {
    char *name;
    int64_t soft, hard;
};
/* "nofile" beside "1024:2048" or "1024" → struct ulimit. ERR_INVALID in Docker's words. Pure. */
struct err *ulimits_parse(struct arena *a, const struct pairs *texts, struct jlist *out) must_check;
struct device_request {
    char *driver;
    int count;
    struct strs ids;
    char *capabilities; /* J_RAW: [["gpu"]] */
    struct pairs options;
};

struct bind_options {
    char *propagation;
    bool non_recursive, create_mountpoint, readonly_non_recursive, readonly_force_recursive;
    bool follow; /* ours: a file that takes the source's place */
};
struct volume_driver_config {
    char *name;
    struct pairs options;
};
struct volume_mount_options {
    bool no_copy;
    struct pairs labels;
    struct volume_driver_config *driver;
    char *subpath;
};
struct tmpfs_options {
    int64_t size_bytes;
    int mode;
    char *options; /* J_RAW: [["exec"],["uid","7"]] */
};
struct image_options {
    char *subpath;
};
struct mount_request { /* "Mounts" */
    char *type, *source, *target, *consistency;
    bool read_only;
    struct bind_options *bind;
    struct volume_mount_options *volume;
    struct tmpfs_options *tmpfs;
    struct image_options *image;
};

struct host_config { /* "HostConfig" */
    struct strs binds;
    char *container_id_file;
    struct log_config log;
    char *network_mode;
    struct jdict port_bindings; /* "80/tcp" → jlist of struct port_binding (J_DICT_LIST) */
    struct restart_policy restart;
    bool auto_remove;
    char *volume_driver;
    struct strs volumes_from;
    uint32_t console_size[2]; /* rows, columns; zero: as the client resizes it */
    struct pairs annotations;
    struct strs cap_add, cap_drop;
    char *cgroupns_mode;
    struct strs dns, dns_options, dns_search, extra_hosts, group_add;
    char *ipc_mode, *cgroup;
    struct strs links;
    int oom_score_adj;
    char *pid_mode;
    bool privileged, publish_all_ports, readonly_rootfs;
    struct strs security_opt;
    struct pairs storage_opt, tmpfs;
    char *uts_mode, *userns_mode;
    int64_t shm_size;
    struct pairs sysctls;
    struct pairs time_offsets; /* clock → seconds; not empty: a time namespace of its own */
    char *runtime, *isolation;
    struct jlist mounts; /* struct mount_request */
    /* resources */
    int64_t cpu_shares, memory, nano_cpus;
    char *cgroup_parent;
    char *systemd; /* "true", "false"; "auto" of a request; NULL: not said */
    int blkio_weight;
    struct jlist blkio_weight_device;             /* struct weight_device */
    struct jlist blkio_read_bps, blkio_write_bps; /* struct rate_device */
    struct jlist blkio_read_iops, blkio_write_iops;
    int64_t cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
    char *cpuset_cpus, *cpuset_mems;
    struct jlist hugetlbs; /* struct hugetlb_limit */
    struct jlist devices;  /* struct device_mapping */
    struct strs device_cgroup_rules;
    struct jlist device_requests; /* struct device_request */
    int64_t kernel_memory, kernel_memory_tcp, memory_reservation, memory_swap;
    int64_t *memory_swappiness; /* NULL or -1: unset */
    int oom_kill_disable;       /* J_TRI */
    int64_t *pids_limit;        /* NULL, 0, -1: unlimited */
    struct jlist ulimits;       /* struct ulimit */
    int64_t cpu_count, cpu_percent, io_maximum_iops, io_maximum_bandwidth; /* Windows: shown */
    int init;                                                              /* J_TRI */
    struct strs masked_paths, readonly_paths; /* absent: defaults; present and empty: none */
};

struct ipam_config {
    char *ipv4, *ipv6;
    struct strs link_local;
};
struct endpoint_config { /* of NetworkingConfig.EndpointsConfig */
    struct ipam_config *ipam;
    struct strs links, aliases;
    char *mac_address;
    struct pairs driver_opts;
    int gw_priority;
    char *network_id;
};
struct networking_config {
    struct jdict endpoints; /* name → struct endpoint_config */
};

struct exec_config { /* POST /containers/{id}/exec */
    bool attach_stdin, attach_stdout, attach_stderr, tty, privileged, detach;
    struct strs cmd, env;
    char *user, *working_dir, *detach_keys;
    uint32_t console_size[2];
};

extern const struct jtable config_json, host_config_json, networking_config_json, exec_config_json,
    endpoint_config_json, health_config_json, restart_policy_json;

/* A line for each field of a request that has no effect, at most 16: fields that mean nothing here
 * and fields that nobody knows. The tables decode the request and end with NULL. Pure. */
void config_warn_unused(struct arena *a, const struct json *request,
                        const struct jtable *const *tables, struct strs *out);
/* The same for a Config that becomes an image's. */
void config_warn_unused_by_image(struct arena *a, const struct json *config, struct strs *out);
